"""The figures on speed and memory that the README and Docs/phantom.md quote, in one run, on one device.

    python Testing/benchmarks/run_all.py [--quick] [--device cpu]

About ten minutes on two idle cores. ``--quick``, about one minute, leaves out clips of 500 and 5,000 frames and the
network at 224 pixels. Each part is a script beside this one, which tells what it measures and has more options. Times
of one thread are processor time, which other programs hardly change; where it says ``wall clock`` the machine must be
idle.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--device", default="cpu", help="for networks and the phantom; reading is the CPU's work")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores")
    for script, *arguments in parts(options.quick, options.device):
        load = f" (load before: {os.getloadavg()[0]:.1f})" if hasattr(os, "getloadavg") else ""
        print(f"\n## {script} {' '.join(arguments)}{load}\n", flush=True)
        subprocess.run([sys.executable, str(Path(__file__).with_name(script)), *arguments], check=True)


def parts(quick: bool, device: str) -> list[list[str]]:
    """Scripts with their arguments."""
    on = ["--device", device]
    brief = ["--quick"] if quick else []
    networks = ["paper-112"] if quick else ["paper", "paper-112"]
    lengths = ["--frames", "100", *([] if quick else ["500", "5000"])]
    once = ["--repeats", "1"] if quick else []
    found = [["clip_speed.py", *on, *brief]]
    if device == "cpu" and not quick:
        found.append(["clip_speed.py", *on, "--threads", "2", "--frames", "100", "--live", "0"])
    return [
        *found,
        ["paper_window.py", *on, *(["--sizes", "112"] if quick else [])],
        ["encode_once.py", *on, *once, "--networks", *networks],
        ["precision.py", *on, *once, "--frames", "16" if quick else "24"],
        ["read_and_detect.py", *once, *lengths],
        ["memory.py", "--networks", "paper-112", *lengths],
        ["phantom_speed.py", *on, *(["--clips", "8"] if quick else [])],
    ]


if __name__ == "__main__":
    main()
