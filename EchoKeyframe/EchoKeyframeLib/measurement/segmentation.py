"""A contour from another tool's segmentation of the LV cavity."""

from __future__ import annotations

import numpy as np

from ..detection.keyframes import Phase
from .contour import Contour, MeasurementError, evenly_spaced

OUTLINE_POINTS = 240
"""Points around the whole outline; a wall gets about five sixths of them."""
_FINER = 4
"""Each pixel is split into as many squared before it is outlined, so that the outline runs along pixel borders."""
_STRAIGHT = 0.03
"""How far, over the ventricle's length, the base may bend away from a straight line."""
_STEEPEST = 0.7
"""Cosine of the angle between base and long axis, at most: the base is slanted by no more than 45 degrees."""
_CLEARLY_WIDER = 1.5
"""Width of the base over that of the apex's flattest part, at least; else it is not certain which end is the base."""


def contour_of_mask(
    mask: np.ndarray,
    phase: Phase,
    frame: int,
    spacing: tuple[float, float] | None = None,
    annulus: np.ndarray | None = None,
    view: str | None = None,
) -> Contour:
    """The wall of an LV cavity that was segmented: bool ``[H, W]`` of the frame to a Contour.

    annulus: both ends of the mitral annulus in pixels, float64 ``[2, 2]`` as (x, y), if a person gave them; the nearest
    points of the outline are used. Otherwise they are the ends of the longest straight stretch across the long axis,
    which a cavity's base is. spacing: mm per pixel (row, column), which tells along from across where pixels are not
    square. Holes are filled; of several parts the largest counts. Needs OpenCV.

    Raises MeasurementError for an empty or tiny mask, one of another kind, and where no end is flat.
    """
    what = f"{phase} segmentation on frame {frame}"
    outline = _outline(np.asarray(mask), what)
    scale = np.array([spacing[1], spacing[0]]) if spacing else np.ones(2)
    if annulus is None:
        first, last = _flat_base(outline * scale, what)
    else:
        ends = np.asarray(annulus, np.float64)
        if ends.shape != (2, 2) or not np.isfinite(ends).all():
            raise MeasurementError(what, "the annulus needs two pixel positions (x, y)")
        first, last = (int(np.argmin(np.hypot(*((outline - end) * scale).T))) for end in ends)
    return Contour(phase, frame, _wall(outline, first, last, scale, what), view=view)


def _outline(mask: np.ndarray, what: str) -> np.ndarray:
    """The border of the largest part, float64 ``[OUTLINE_POINTS, 2]`` pixels, evenly spaced, its start not repeated."""
    import cv2

    if mask.ndim != 2 or mask.dtype != bool:
        raise MeasurementError(what, f"must be a bool mask [H, W], got {mask.dtype} {list(mask.shape)}")
    fine = np.pad(mask, 1).astype(np.uint8).repeat(_FINER, axis=0).repeat(_FINER, axis=1)
    corners = fine[:-1, :-1] | fine[1:, :-1] | fine[:-1, 1:] | fine[1:, 1:]  # of split pixels: OpenCV joins places
    outlines, _ = cv2.findContours(corners, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(outlines, key=cv2.contourArea, default=None)
    if largest is None or cv2.contourArea(largest) < 100 * _FINER**2:
        raise MeasurementError(what, "covers fewer than 100 pixels; segment the whole LV cavity")
    border = (largest[:, 0, :].astype(np.float64) + 1) / _FINER - 0.5 - 1  # back to whole pixels, without the padding
    reach = 2 * _FINER
    around = np.vstack([border[-reach:], border, border[:reach]])
    window = np.ones(2 * reach + 1) / (2 * reach + 1)  # takes out the pixels' steps
    smooth = np.stack([np.convolve(around[:, axis], window, "valid") for axis in range(2)], axis=1)
    return evenly_spaced(np.vstack([smooth, smooth[:1]]), OUTLINE_POINTS + 1)[:-1]


def _flat_base(outline: np.ndarray, what: str) -> tuple[int, int]:
    """Indices of the two corners of the base of an outline in mm.

    Raises MeasurementError where neither end is clearly wider and flat.
    """
    centered = outline - outline.mean(axis=0)
    axis = np.linalg.svd(centered, full_matrices=False)[2][0]
    length = np.ptp(centered @ axis)
    widest: dict[int, tuple[float, int, int]] = {-1: (0.0, 0, 0), 1: (0.0, 0, 0)}  # by side along the axis
    for count in range(2, len(outline) // 2):
        width, start, side = _widest_straight(centered, axis, count, _STRAIGHT * length)
        for end in widest:
            found = np.where(side == end, width, 0.0)
            best = int(found.argmax())
            if found[best] > widest[end][0]:
                widest[end] = (float(found[best]), int(start[best]), count)
    narrow, base = sorted(widest.values())
    if base[0] < _CLEARLY_WIDER * narrow[0]:
        raise MeasurementError(what, "neither end is clearly the flat base; give both ends of the mitral annulus")
    first, last = base[1], (base[1] + base[2]) % len(outline)
    return _corner(outline, first, last), _corner(outline, last, first)


def _widest_straight(
    outline: np.ndarray, axis: np.ndarray, count: int, tolerance: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every stretch of ``count`` sides: its width (0 where bent or steep), first point, and end of the axis."""
    start = np.arange(len(outline))
    run = outline[(start[:, None] + np.arange(count + 1)) % len(outline)]
    chord = run[:, -1] - run[:, 0]
    width = np.maximum(np.hypot(*chord.T), 1e-9)
    inner = run - run[:, :1]
    bend = np.abs(inner[..., 0] * chord[:, None, 1] - inner[..., 1] * chord[:, None, 0]).max(axis=1) / width
    straight = (bend <= tolerance) & (np.abs(chord @ axis) <= _STEEPEST * width)
    return np.where(straight, width, 0.0), start, np.where(run.mean(axis=1) @ axis > 0, 1, -1)


def _corner(outline: np.ndarray, near: int, far: int) -> int:
    """The outline's corner at ``near``: a stretch within tolerance runs a little way up the wall."""
    sideways = outline[near] - outline[far]
    sideways = sideways / np.hypot(*sideways)
    down = np.array([-sideways[1], sideways[0]])
    middle = (outline[near] + outline[far]) / 2
    down = down if (middle - outline.mean(axis=0)) @ down > 0 else -down
    reach = len(outline) // 16
    nearby = (near + np.arange(-reach, reach + 1)) % len(outline)
    return int(nearby[np.argmax(outline[nearby] @ (sideways + down))])


def _wall(outline: np.ndarray, first: int, last: int, scale: np.ndarray, what: str) -> np.ndarray:
    """The part of the closed outline from one point to the other that leads over the apex."""
    if first == last:
        raise MeasurementError(what, "both ends of the mitral annulus lie at the same place of its outline")
    closed = np.roll(outline, -first, axis=0)
    split = (last - first) % len(outline)
    ways = closed[: split + 1], np.vstack([closed[split:], closed[:1]])[::-1]
    middle = (outline[first] + outline[last]) / 2
    return max(ways, key=lambda way: np.hypot(*((way - middle) * scale).T).max())
