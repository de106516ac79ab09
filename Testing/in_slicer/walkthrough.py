"""Walks the tutorial and the rest of the panel in the application, as a person does.

``Slicer --no-splash --python-script Testing/in_slicer/walkthrough.py --output DIR [--frames FILE...] [--install]
[--pictures DIR]``

DIR/walkthrough.json lists ``{step, status: PASS|FAIL|SKIP, reason, seconds, screenshot}``; the same is printed, a line
a step. DIR/timed.json: seconds from click to result, and the longest hold of the event loop, of each load and
detection. Exit code: 0, 1 if a step failed, 2 if packages are missing that the module needs (``--install`` installs
them). ``--pictures`` makes the pictures of README, tutorial and catalogue entry.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import slicer
import slicer.packaging
from steps import BOOK, walk_all

REQUIREMENTS = Path(__file__).resolve().parents[2] / "EchoKeyframe" / "Resources" / "requirements.txt"
SUBJECTS = "tutorial", "measuring", "handing_on", "loading", "detecting", "correcting", "playing", "scene"
"""Files of steps, in the order in which they are walked."""


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="walkthrough.py", description="walk through the module in the application")
    parser.add_argument("--output", type=Path, required=True, help="folder for walkthrough.json and screenshots")
    parser.add_argument("--frames", type=Path, nargs="+", default=[], metavar="FILE", help="loops of your own")
    parser.add_argument("--install", action="store_true", help="install the packages that the module needs")
    parser.add_argument("--pictures", type=Path, help="folder for the documentation's pictures")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="steps whose names begin so")
    return parser.parse_args(words)


def missing_packages(install: bool) -> str:
    """What is not there of what the module needs; empty: nothing."""
    requirements = slicer.packaging.load_requirements(REQUIREMENTS)
    if install:
        slicer.packaging.pip_ensure(requirements, prompt_install=False, prompt_restart=False, requester="walkthrough")
    return ", ".join(str(one) for one in requirements if not slicer.packaging.pip_check(one))


def write_down_steps() -> None:
    for subject in SUBJECTS:
        importlib.import_module(f"steps_{subject}")


def main(words: list[str]) -> int:
    options = arguments(words)
    missing = missing_packages(options.install)
    if missing:
        print(f"not installed: {missing}; give --install", flush=True)
        return 2
    write_down_steps()
    from person import Person

    options.output.mkdir(parents=True, exist_ok=True)
    steps = [one for one in BOOK.steps if not options.only or one.name.startswith(tuple(options.only))]
    person = Person(options.output.resolve(), options.pictures and options.pictures.resolve(), options.frames)
    entries = walk_all(person, steps, options.output)
    count = {status: sum(entry.status == status for entry in entries) for status in ("PASS", "FAIL", "SKIP")}
    print(", ".join(f"{number} {status}" for status, number in count.items()), flush=True)
    return 1 if count["FAIL"] else 0


def run() -> None:
    """End the application with the walk's exit code."""
    try:
        code = main(sys.argv[1:])
    except SystemExit as stop:  # argparse
        code = stop.code
    except Exception:
        traceback.print_exc()
        code = 1
    slicer.util.exit(code)


run()
