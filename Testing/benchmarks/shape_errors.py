"""How far measured volumes lie from those of bodies whose volume is known, by number of contour points.

    python Testing/benchmarks/shape_errors.py

Prints a Markdown table: for each body the largest error in per cent over tilts of 0, 20 and 75 degrees and pixels of
1 x 1, 0.3 x 0.3 and 0.4 x 0.9 mm. Errors in length are below those in volume.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from EchoKeyframeLib.measurement.contour import through
from EchoKeyframeLib.measurement.disks import cut
from EchoKeyframeLib.measurement.volume import area_length, single_plane

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from ventricle_shapes import SHAPES, SLANTED, Shape

TILTS = (0, 20, 75)
SPACINGS = ((1.0, 1.0), (0.3, 0.3), (0.4, 0.9))
NUMBERS = (9, 15, 21, 41, 101)
CLICKS = 9


def errors(shape: Shape, number: int, smooth: bool, volume=single_plane) -> list[float]:
    """Per cent, one for each tilt and spacing."""
    found = []
    for tilt, spacing in itertools.product(TILTS, SPACINGS):
        contour = shape.contour(number, tilt, spacing)
        if smooth:
            contour = type(contour)(contour.phase, contour.frame, through(contour.points))
        found.append(100 * (volume(cut(contour, spacing)) / shape.volume - 1))
    return found


def worst(values: list[float]) -> str:
    return f"{max(values, key=abs):+.2f}"


def main() -> None:
    print("| body |", *(f"{n} points |" for n in NUMBERS), f"spline through {CLICKS} | area-length |")
    print("|---" * (len(NUMBERS) + 3) + "|")
    for shape in (*SHAPES, *SLANTED):
        cells = [worst(errors(shape, number, False)) for number in NUMBERS]
        cells += [worst(errors(shape, CLICKS, True)), worst(errors(shape, 101, False, area_length))]
        print(f"| {shape.name} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
