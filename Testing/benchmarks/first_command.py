"""README's first command, ``detect --sample``: its processor time, and where that goes.

    python Testing/benchmarks/first_command.py [--repeats 5] [--against FOLDER] [--model motion]

First the whole command in processes of its own, of ``--repeats`` the fastest; with ``--against``, another checkout of
this repository, both in turn, and their ratio. Then imports by package (``-X importtime``: a clock on the wall, each
module's fastest) and the steps of the work in a process that has imported everything. Modules are compiled beforehand,
into a folder that is thrown away, as an installation has them.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
MOST_PACKAGES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--against", type=Path, help="folder of another checkout")
    parser.add_argument("--model", default="fused")
    parser.add_argument("--steps", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.steps:
        print_steps(options.model, options.repeats)
        return
    with tempfile.TemporaryDirectory() as compiled:
        checkouts = [HERE, *([options.against.resolve()] if options.against else [])]
        environments = [environment(checkout, compiled) for checkout in checkouts]
        compare(environments, options.model, options.repeats)
        imports(environments[0], options.model, min(3, options.repeats))
        command = [sys.executable, __file__, "--steps", "--model", options.model, "--repeats", str(options.repeats)]
        subprocess.run(command, env=environments[0], check=True)


def environment(checkout: Path, compiled: str) -> dict[str, str]:
    """Of a process that runs a checkout's library, with its modules compiled once."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": str(checkout / "EchoKeyframe"), "PYTHONPYCACHEPREFIX": compiled}


def compare(environments: list[dict[str, str]], model: str, repeats: int) -> None:
    times: list[list[float]] = [[] for _ in environments]
    for turn in range(repeats + 1):
        for found, one in zip(times, environments, strict=True):
            seconds, _ = run(one, model)
            found += [seconds] if turn else []  # the first compiles
    fastest = [min(found) for found in times]
    load = f", load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""
    print(f"detect --sample --model {model}: {fastest[0]:.2f} s of processor time, fastest of {repeats}{load}")
    if len(fastest) > 1:
        print(f"the other checkout: {fastest[1]:.2f} s; this one takes {fastest[0] / fastest[1]:.2f} of it")


def run(one: dict[str, str], model: str, *flags: str) -> tuple[float, str]:
    """Processor time of the command in s, and what it wrote on stderr."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *flags, "-m", "EchoKeyframeLib", "detect", "--sample", "--model", model,
                   "--output", folder]  # fmt: skip
        done = subprocess.run(command, env=one, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stderr


def imports(one: dict[str, str], model: str, repeats: int) -> None:
    """Milliseconds that modules themselves take, added up by package."""
    fastest: dict[str, int] = {}
    for _ in range(repeats):
        _, told = run(one, model, "-X", "importtime")
        for own, module in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", told, re.MULTILINE):
            fastest[module] = min(fastest.get(module, int(own)), int(own))
    packages: Counter[str] = Counter()
    for module, own in fastest.items():
        packages[module.partition(".")[0]] += own
    print(f"\n| imports, {len(fastest)} modules | ms |\n|---|---|")
    for package, own in packages.most_common(MOST_PACKAGES):
        print(f"| {package} | {own / 1e3:.0f} |")
    print(f"| all | {packages.total() / 1e3:.0f} |", flush=True)


def print_steps(model: str, repeats: int) -> None:
    """Milliseconds of processor time of each step, once everything is imported."""
    from EchoKeyframeLib.cine.read import read_cine
    from EchoKeyframeLib.cine.sector import find_sector
    from EchoKeyframeLib.detection.catalogue import load_detector
    from EchoKeyframeLib.detection.detect import detect
    from EchoKeyframeLib.report.figure import draw, write_figure
    from EchoKeyframeLib.report.outputs import write_outputs
    from pydicom.examples import get_path
    from timing import Clock

    clock = Clock(repeats=repeats)
    path = get_path("ybr_color")
    cine, detector = read_cine(path), load_detector(model, "cpu")
    sector = find_sector(cine)
    detection = detect(cine, detector, sector=sector)
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "sample"
        steps = {
            "load the detector": lambda: load_detector(model, "cpu"),
            "read": lambda: read_cine(path),
            "sector": lambda: find_sector(cine),
            "detect": lambda: detect(cine, detector, sector=sector),
            "figure: lay out": lambda: draw(cine, sector, detection),
            "figure, written": lambda: write_figure(result, cine, sector, detection),
            "all four files": lambda: write_outputs(result, cine, sector, detection),
        }
        print("\n| step, everything imported | ms |\n|---|---|")
        for name, step in steps.items():
            print(f"| {name} | {1e3 * clock.seconds(step):.0f} |", flush=True)


if __name__ == "__main__":
    main()
