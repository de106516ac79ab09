"""The figures that a release quotes, in one run: reading, motion detector, encoding once, peak memory.

    python Testing/benchmarks/run_all.py [--quick]

``--quick`` leaves out clips of 5,000 frames and the network at 224 pixels. Each part is a script beside this one, which
tells what it measures and has more options.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    lengths = ["--frames", "100", "500", *([] if quick else ["5000"])]
    networks = ["--networks", *([] if quick else ["paper"]), "paper-112"]
    parts = {
        "read_and_detect.py": lengths,
        "encode_once.py": networks,
        "memory.py": ["--networks", "paper-112", *lengths],
    }
    for script, arguments in parts.items():
        print(f"\n{script} {' '.join(arguments)}", flush=True)
        subprocess.run([sys.executable, str(Path(__file__).with_name(script)), *arguments], check=True)


if __name__ == "__main__":
    main()
