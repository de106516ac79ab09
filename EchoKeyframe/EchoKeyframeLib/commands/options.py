"""Options that several commands share."""

from __future__ import annotations

import argparse
import math

DECODERS = ("beats", "maxima")
OWN_DECODER = "own"
"""Each system's own way (``evaluation.own_decoder``)."""
VIEWS = ("A2C", "A3C", "A4C", "A5C", "PLAX", "PSAX")


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """How a cine is read."""
    parser.add_argument("--fps", type=frame_rate, metavar="RATE", help="frames per second, instead of the file's own")
    parser.add_argument("--view", type=str.upper, choices=VIEWS, help="the view, where the file does not say")
    parser.add_argument("--memory", type=positive, metavar="GB", help="what decoded cines may take, over all processes "
                        "(default: half of what is available)")


def add_orientation(parser: argparse.ArgumentParser) -> None:
    from ..cine.orientation import AUTO, CHOICES

    parser.add_argument("--orientation", choices=tuple(CHOICES), default=AUTO, help="which end of the picture the "
                        "sector's apex, and so the probe, is at (default: auto, found in the picture)")


def set_memory_option(options: argparse.Namespace) -> None:
    """Let the readers of this process, and of those that it starts, obey --memory where it was given."""
    if getattr(options, "memory", None) is not None:
        from ..cine.budget import set_memory

        set_memory(options.memory)


def add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true",
                        help="show tracebacks of unexpected errors (they may quote the file)")


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")


def add_runtime(parser: argparse.ArgumentParser) -> None:
    from ..models.registry import ANY_PRECISION, ANY_RUNTIME, PRECISIONS, RUNTIMES

    parser.add_argument("--runtime", choices=RUNTIMES, default=ANY_RUNTIME,
                        help="what runs a network: ONNX Runtime on the CPU, torch, or whichever suits")
    parser.add_argument("--precision", choices=PRECISIONS, default=ANY_PRECISION,
                        help="what it computes in, where not in float32 on a CPU and in what suits a GPU: torch alone "
                        "does, on a GPU, or in bf16-mixed on a CPU that has units for it")


def add_test_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--test-size", type=image_size, metavar="PIXELS", help="size of the frames that a network "
                        "looks at, where it is to be another than in its training (the paper: 320, then 224)")


def image_size(text: str) -> int:
    """Height and width of frames for a network."""
    size = int(text)
    if not 32 <= size <= 512:
        raise argparse.ArgumentTypeError(f"frames for a network are 32 to 512 pixels wide, got {text}")
    return size


def frame_rate(text: str) -> float:
    """A frame rate in frames per second."""
    from ..cine.cine import HIGHEST_FRAME_RATE

    rate = float(text)
    if not 0 < rate <= HIGHEST_FRAME_RATE:
        raise argparse.ArgumentTypeError(
            f"a frame rate lies above 0 and at most at {HIGHEST_FRAME_RATE} per second, got {text}"
        )
    return rate


def count(text: str) -> int:
    """A positive number."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text}")
    return number


def natural(text: str) -> int:
    """A number from 0 up that random generators take for a seed, too."""
    number = int(text)
    if not 0 <= number < 2**31:
        raise argparse.ArgumentTypeError(f"must lie between 0 and {2**31 - 1}, got {text}")
    return number


def positive(text: str) -> float:
    """A number above 0."""
    number = float(text)
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"must lie above 0, got {text}")
    return number


def pixel_size(text: str) -> float:
    """The size of a pixel in mm: beyond these limits it is that of no echo, but a slip, or another unit."""
    size = float(text)
    if not 0.01 <= size <= 10:
        raise argparse.ArgumentTypeError(f"a pixel measures 0.01 to 10 mm, got {text}")
    return size
