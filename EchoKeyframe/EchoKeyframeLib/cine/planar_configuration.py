"""Whether uncompressed colour lies pixel by pixel or plane by plane: the picture's word against the header's.

A frame that is taken apart in the wrong way shows three stripes of noise, and nothing else tells. Most of an echo is
gray, and alike from one row to the next, in the right way alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .finding import Finding, FindingKind

_ROWS = 96  # that are looked at, each with the one below
_GRAY = 2  # levels by which samples of a gray pixel may differ: nothing is lossy here
_BLACK = 16
_MIDDLE = 128
_FEWEST = 0.02  # of the pixels must be neither black nor, in YCbCr, of middle level throughout
_LEAST_GRAY = 0.5  # share of them that is gray in the right way, whatever flow is drawn
_ODDS = 2  # times as many as in the wrong way, in which neighbours may be alike
_SMOOTHER = 0.8  # the step from row to row in the right way, over that in the wrong one, at most


def planar_finding(
    frame: Callable[[int, int], np.ndarray], count: int, planar: int, is_rgb: bool
) -> Finding | None:
    """What to tell where frames lie in the other way than ``planar`` (0028,0006) says; None where they do not.

    frame: gives a frame, uint8 ``[H, W, 3]``, by its index and the way to take it apart. The first frame and the middle
    one must both leave no doubt.
    """
    indices = {0, count // 2} if count else set()
    if not indices or not all(_lies_otherwise(frame(i, planar), frame(i, 1 - planar), is_rgb) for i in indices):
        return None
    told = {0: "pixel by pixel", 1: "plane by plane"}
    return Finding(
        FindingKind.PHOTOMETRIC,
        f"PlanarConfiguration says that colours lie {told[planar]} ({planar}) but gray pixels show that they lie "
        f"{told[1 - planar]}; they are read so, the picture follows from it",
    )


def _lies_otherwise(stated: np.ndarray, other: np.ndarray, is_rgb: bool) -> bool:
    own, own_step, _ = _grayness(stated, is_rgb)
    share, step, looked_at = _grayness(other, is_rgb)
    return looked_at > _FEWEST and share >= max(_LEAST_GRAY, _ODDS * own) and step < _SMOOTHER * own_step


def _grayness(frame: np.ndarray, is_rgb: bool) -> tuple[float, float, float]:
    """Share of gray pixels, mean step to the row below, and share of the pixels that were looked at."""
    rows = np.unique(np.linspace(0, len(frame) - 2, _ROWS).astype(int))
    above, below = frame[rows].astype(np.int16), frame[rows + 1].astype(np.int16)
    low, high = above.min(axis=2), above.max(axis=2)
    counted = high > _BLACK
    if is_rgb:
        gray = high - low <= _GRAY
    else:
        gray = np.abs(above[..., 1:] - _MIDDLE).max(axis=2) <= _GRAY
        counted = (above[..., 0] > _BLACK) & ((low < _MIDDLE - _GRAY) | (high > _MIDDLE + _GRAY))
    if not counted.any():
        return 0.0, 0.0, 0.0
    step = np.abs(above[..., 0] - below[..., 0])[counted].mean()
    return float(gray[counted].mean()), float(step), float(counted.mean())
