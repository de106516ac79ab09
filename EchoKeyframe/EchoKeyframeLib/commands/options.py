"""Options that several commands share."""

from __future__ import annotations

import argparse
import math

VIEWS = ("A2C", "A3C", "A4C", "A5C", "PLAX", "PSAX")


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """How a cine is read."""
    parser.add_argument("--fps", type=frame_rate, metavar="RATE", help="frames per second, instead of the file's own")
    parser.add_argument("--view", type=str.upper, choices=VIEWS, help="the view, where the file does not say")


def add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true",
                        help="show tracebacks of unexpected errors (they may quote the file)")


def frame_rate(text: str) -> float:
    """A frame rate in frames per second."""
    rate = float(text)
    if not (math.isfinite(rate) and 0 < rate <= 10000):
        raise argparse.ArgumentTypeError(f"a frame rate lies above 0 and at most at 10000 per second, got {text}")
    return rate


def count(text: str) -> int:
    """A positive number."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return number
