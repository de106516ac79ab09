"""From a frame's maps to the open curve that a reader draws: annulus, apex, annulus.

All positions are (x, y) in pixels of the network's images, pixel centres at whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..contour import evenly_spaced

TRACED_POINTS = 61
_FINER = 4
"""Each pixel of the maps is split into as many squared before the cavity is outlined."""
_LEAST_AREA = 60.0
"""Pixels of the images: a cavity that is smaller is none."""
_FARTHEST_END = 5.0
"""Pixels of the images from the outline to where the annulus may end."""
_SMOOTH_OUTLINE, _SMOOTH_WALL = 1.0, 1.5
"""Sigma in pixels of the images, and in points of a wall that has ``TRACED_POINTS``."""
_LEAST_PROBABILITY = 0.55
"""Of the cavity within the outline. With 0.5, volumes come out 4 to 5 % larger (simulated hearts)."""
_NEAR = 5
"""Half width in pixels of the maps, of what counts for a landmark's place around its likeliest pixel."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Ends of the annulus (the left one in the image first) and apex of n frames. places: float64 ``[n, 3, 2]``.
    spread: standard deviation of each place in pixels, ``[n, 3]``."""

    places: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True, eq=False)
class Wall:
    """points: float64 ``[TRACED_POINTS, 2]`` from annulus end to annulus end. apex: index of the point nearest to it.
    area: of the cavity in square pixels. blur: width in pixels over which the network is unsure of the border, on
    average. apart: pixels between landmarks and corners of the outline, at the annulus (mean of both ends) and at the
    apex."""

    points: np.ndarray
    apex: int
    area: float
    blur: float
    apart: tuple[float, float]

    @property
    def length(self) -> float:
        """From the annulus' middle to the apex."""
        return float(np.hypot(*(self.points[self.apex] - self.points[[0, -1]].mean(axis=0))))


def landmarks_of(logits: np.ndarray) -> Landmarks:
    """Places in maps of logits over all pixels of a frame, float32 ``[n, 3, H, W]``."""
    count, kinds, height, width = logits.shape
    flat = logits.reshape(count, kinds, -1)
    share = np.exp(flat - flat.max(axis=2, keepdims=True))
    share /= share.sum(axis=2, keepdims=True)
    best = flat.argmax(axis=2)
    share = share.reshape(logits.shape)
    rows, columns = np.arange(height), np.arange(width)
    near_row = np.abs(rows - (best // width)[..., None]) <= _NEAR
    near_column = np.abs(columns - (best % width)[..., None]) <= _NEAR
    near = share * near_row[..., :, None] * near_column[..., None, :]
    total = near.sum((2, 3))
    x, y = (near.sum(2) @ columns) / total, (near.sum(3) @ rows) / total
    # The spread counts all pixels: a second place that is as likely is no certainty.
    variance = sum(
        (share.sum(axis) * (steps - at[..., None]) ** 2).sum(-1) for axis, steps, at in ((2, columns, x), (3, rows, y))
    )
    return Landmarks((np.stack([x, y], -1) + 0.5) * 2 - 0.5, 2 * np.sqrt(variance / 2))


def trace_wall(probability: np.ndarray, landmarks: np.ndarray) -> Wall | None:
    """The wall of a cavity, whose probability is float32 ``[H, W]`` in pixels of the maps; landmarks ``[3, 2]``.

    None where there is no cavity, or no wall between the annulus' ends.
    """
    outline, area = _outline(probability)
    if outline is None:
        return None
    middle, apex = landmarks[:2].mean(axis=0), landmarks[2]
    axis = (middle - apex) / max(np.hypot(*(middle - apex)), 1e-6)
    corners = _corners(outline, axis, landmarks[:2])
    nearest = [int(np.hypot(*(outline - end).T).argmin()) for end in landmarks[:2]]
    points = _between(outline, *nearest)
    if points is None:
        return None
    ends = _toward(landmarks[:2], outline[nearest])
    points = _smooth(evenly_spaced(np.vstack([ends[:1], points, ends[1:]]), TRACED_POINTS))
    base = points[[0, -1]].mean(axis=0)
    farthest = points[np.hypot(*(points - base).T).argmax()]
    tip = int(np.hypot(*(points - (farthest + apex) / 2).T).argmin())
    annulus_apart = float(np.hypot(*(landmarks[:2] - corners).T).mean())
    blur = 16 * float((probability * (1 - probability)).sum()) / max(len(outline) / _FINER, 1)
    return Wall(points, tip, area, blur, (annulus_apart, float(np.hypot(*(farthest - apex)))))


def _outline(probability: np.ndarray) -> tuple[np.ndarray | None, float]:
    """The smooth closed border of the largest part, evenly spaced, about ``_FINER`` points a pixel of the maps."""
    height, width = probability.shape
    fine = cv2.resize(probability, (width * _FINER, height * _FINER), interpolation=cv2.INTER_LINEAR)
    inside = np.pad((fine > _LEAST_PROBABILITY).astype(np.uint8), 1)
    corners = inside[:-1, :-1] | inside[1:, :-1] | inside[:-1, 1:] | inside[1:, 1:]  # OpenCV joins places
    outlines, _ = cv2.findContours(corners, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(outlines, key=cv2.contourArea, default=None)
    scale = 2 / _FINER
    area = 0.0 if largest is None else cv2.contourArea(largest) * scale**2
    if largest is None or area < _LEAST_AREA:
        return None, 0.0
    border = largest[:, 0, :].astype(np.float64) * scale - 0.5
    sigma = _SMOOTH_OUTLINE / scale
    return _closed_smooth(border, sigma), area


def _closed_smooth(points: np.ndarray, sigma: float) -> np.ndarray:
    reach = int(3 * sigma) + 1
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    around = np.take(points, np.arange(-reach, len(points) + reach), axis=0, mode="wrap")
    return np.stack([np.convolve(around[:, k], taps / taps.sum(), "valid") for k in (0, 1)], axis=1)


def _corners(outline: np.ndarray, axis: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The outline's points farthest along the axis and out to either side, in the order of the ends."""
    across = np.array([axis[1], -axis[0]])
    down, aside = (outline - outline.mean(axis=0)) @ axis, (outline - outline.mean(axis=0)) @ across
    found = np.stack([outline[(down + side * aside).argmax()] for side in (-1.0, 1.0)])
    first = (ends[1] - ends[0]) @ across >= 0
    return found if first else found[::-1]


def _toward(annulus: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """Ends of the wall, from the outline's nearest points to the annulus: in the maps its corners are round. Not far,
    since a place may be astray."""
    away = annulus - outline
    return outline + away * np.minimum(1, _FARTHEST_END / np.maximum(np.hypot(*away.T), 1e-9))[:, None]


def _between(outline: np.ndarray, first: int, last: int) -> np.ndarray | None:
    """The longer way along the outline, which leads over the apex."""
    if first == last:
        return None
    closed = np.roll(outline, -first, axis=0)
    split = (last - first) % len(outline)
    ways = closed[: split + 1], np.vstack([closed[split:], closed[:1]])[::-1]
    way = max(ways, key=len)
    return way if len(way) >= 8 else None


def _smooth(points: np.ndarray) -> np.ndarray:
    """The curve without its small bends; both ends stay."""
    reach = int(3 * _SMOOTH_WALL) + 1
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _SMOOTH_WALL) ** 2)
    # Mirrored through its ends, a curve keeps them.
    before, after = 2 * points[0] - points[reach:0:-1], 2 * points[-1] - points[-2 : -reach - 2 : -1]
    around = np.vstack([before, points, after])
    return np.stack([np.convolve(around[:, k], taps / taps.sum(), "valid") for k in (0, 1)], axis=1)
