"""A first contour on the other keyframe, so that a person corrects one rather than traces two.

Import it where it is used: it needs OpenCV and SciPy, the rest of the package NumPy alone until a file is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates

from ..cine.cine import Cine
from ..detection.keyframes import Beat, Phase
from ..detection.optical_flow import pooled_flow
from .contour import Contour, MeasurementError, evenly_spaced

POINTS = 60
"""Points that are moved; as many has the contour that comes out."""
_SIDE, _CELLS = 160, 40
"""Side in px of the image in which flow is computed, and of the grid over which it is averaged."""
_MARGIN = 0.25
"""Of the contour's size, how far around it the image reaches: what moves in comes from there."""
_WALL = 0.05
"""Of the contour's size, how far outward flow is read: the wall moves, the blood beside it only shimmers."""
_REACH, _STEPS = 0.15, 25
"""Of the contour's size, how far a point may be snapped to an edge; positions across the wall that are tried."""
_STIFFNESS, _PULL = 0.05, 0.2
"""Costs, in units of an edge of median strength: of two neighbours' moving one position apart, of moving as far as
allowed."""
_SMOOTH = 1.5
"""Sigma in points, over which motion, brightness and shifts are averaged along the contour."""
_SPECKLE = 2.0
"""Sigma in px that takes the speckle out of an image in which edges are looked for."""


def propagate(contour: Contour, cine: Cine, frame: int, phase: Phase, snap: bool = True) -> Contour:
    """The contour carried to another frame by the motion of the wall, and snapped to the edges there.

    Works forward and backward in time, and for any two frames of a beat. ``snap`` False leaves the points where the
    motion brought them. A start to be looked at and corrected, never a result.

    Raises MeasurementError for frames that the cine does not have, or where the moved contour crosses itself.
    """
    for index in (contour.frame, frame):
        if not 0 <= index < len(cine):
            raise MeasurementError(cine.source.name, f"has no frame {index} (0 to {len(cine) - 1})")
    points = evenly_spaced(contour.points, POINTS)
    window = _Window.around(points)
    step = 1 if frame >= contour.frame else -1
    frames = window.images(cine, range(contour.frame, frame + step, step))
    moved = _moved(window.inward(points), frames)
    if snap:
        moved = _snapped(moved, frames[-1])
    return Contour(phase, frame, window.outward(moved), view=contour.view)


def completed(contours: Sequence[Contour], beats: Sequence[Beat], cine: Cine) -> tuple[Contour, ...]:
    """The contours, and a start for the other phase of each beat of which only one phase was traced.

    Raises MeasurementError as ``propagate`` does.
    """
    traced = {(c.phase, c.frame): c for c in contours}
    for beat in beats:
        keys = [key for key in (beat.ed or beat.next_ed, beat.es) if key is not None]
        have = [traced[k.phase, k.frame] for k in keys if (k.phase, k.frame) in traced]
        if len(keys) == 2 and len(have) == 1:
            missing = next(key for key in keys if key.phase is not have[0].phase)
            traced[missing.phase, missing.frame] = propagate(have[0], cine, missing.frame, missing.phase)
    return tuple(traced.values())


@dataclass(frozen=True)
class _Window:
    """A square of the frame around a contour, and how it is shrunk to ``_SIDE`` pixels. x, y: its first pixel."""

    x: int
    y: int
    side: int

    @classmethod
    def around(cls, points: np.ndarray) -> _Window:
        low, high = points.min(axis=0), points.max(axis=0)
        side = max(16, int((high - low).max() * (1 + 2 * _MARGIN)))
        x, y = np.floor((low + high - side) / 2).astype(int)
        return cls(int(x), int(y), side)

    def images(self, cine: Cine, indices: range) -> np.ndarray:
        """Those frames of the cine, uint8 ``[n, _SIDE, _SIDE]``; its border is repeated beyond the image."""
        height, width = cine.size
        rows = np.clip(np.arange(self.y, self.y + self.side), 0, height - 1)
        columns = np.clip(np.arange(self.x, self.x + self.side), 0, width - 1)
        how = cv2.INTER_AREA if self.side > _SIDE else cv2.INTER_LINEAR
        crops = (cine.gray(i)[np.ix_(rows, columns)] for i in indices)
        return np.stack([cv2.resize(crop, (_SIDE, _SIDE), interpolation=how) for crop in crops])

    def inward(self, points: np.ndarray) -> np.ndarray:
        """Pixels of the cine to pixels of ``images``."""
        return (points - (self.x, self.y) + 0.5) * (_SIDE / self.side) - 0.5

    def outward(self, points: np.ndarray) -> np.ndarray:
        """Pixels of ``images`` to pixels of the cine."""
        return (points + 0.5) * (self.side / _SIDE) - 0.5 + (self.x, self.y)


def _moved(points: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Points float64 ``[n, 2]`` after following the wall's motion through frames uint8 ``[m, S, S]``."""
    flow = pooled_flow(frames, _CELLS)
    for velocity in flow.velocity[1:]:
        wall = points + _WALL * _size(points) * _outward_normals(points)
        cells = (wall + 0.5) / flow.cell - 0.5
        step = np.stack([_values(velocity[..., axis], cells) for axis in range(2)], axis=1)
        points = points + gaussian_filter1d(step, _SMOOTH, axis=0, mode="nearest")
    return points


def _snapped(points: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Points shifted across the wall to where dark blood becomes bright wall, the ends less and less.

    The shifts of all points are chosen together (dynamic programming): strong edges, close to where motion brought
    the point, and close to the neighbours' shifts.
    """
    normals = _outward_normals(points)
    shifts = np.linspace(-1, 1, _STEPS) * _REACH * _size(points)
    places = points[:, None] + shifts[None, :, None] * normals[:, None]
    profiles = _values(gaussian_filter(image.astype(np.float64), _SPECKLE), places)
    cost = _PULL * np.linspace(-1, 1, _STEPS) ** 2 - _edges(gaussian_filter1d(profiles, _SMOOTH, axis=0))
    chosen = gaussian_filter1d(shifts[_cheapest_path(cost)], _SMOOTH, mode="nearest")
    from_end = np.minimum(np.arange(len(points)), np.arange(len(points))[::-1])
    return points + (chosen * np.clip(from_end * 8 / len(points), 0, 1))[:, None] * normals


def _edges(profiles: np.ndarray) -> np.ndarray:
    """How well a profile from inside outward, a row of ``[n, k]``, splits into dark and bright before each position.

    The standard deviation between both parts (N. Otsu, IEEE Trans SMC 1979), 0 to 1.5 of the median of the profiles'
    best: unlike a gradient it asks for a dark side and a bright one rather than for a step.
    """
    steps = profiles.shape[1]
    inside = np.arange(1, steps)
    sums = profiles.cumsum(axis=1)
    brighter = (sums[:, -1:] - sums[:, :-1]) / (steps - inside) - sums[:, :-1] / inside
    between = np.sqrt(inside * (steps - inside)) / steps * brighter
    strength = np.pad(between, ((0, 0), (1, 0)))
    return np.clip(strength / max(1.0, np.median(strength.max(axis=1))), 0, 1.5)


def _outward_normals(points: np.ndarray) -> np.ndarray:
    """Unit vectors float64 ``[n, 2]`` across the curve, away from its middle."""
    tangent = np.gradient(gaussian_filter1d(points, _SMOOTH, axis=0, mode="nearest"), axis=0)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1) / np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
    return normal if ((points - points.mean(axis=0)) * normal).sum() > 0 else -normal


def _size(points: np.ndarray) -> float:
    return float(np.ptp(points, axis=0).max())


def _values(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """``image`` at points ``[..., 2]`` (x, y) between its pixels."""
    return map_coordinates(image, np.moveaxis(points, -1, 0)[::-1], order=1, mode="nearest")


def _cheapest_path(cost: np.ndarray) -> np.ndarray:
    """Column for each row of ``cost`` ``[n, k]``, so that costs and steps between rows are least in sum."""
    columns = np.arange(cost.shape[1])
    step = _STIFFNESS * np.abs(columns[:, None] - columns[None, :])
    total, before = cost[0], np.zeros(cost.shape, int)
    for row in range(1, len(cost)):
        ways = total[None, :] + step
        before[row] = ways.argmin(axis=1)
        total = cost[row] + ways.min(axis=1)
    path = np.empty(len(cost), int)
    path[-1] = total.argmin()
    for row in range(len(cost) - 1, 0, -1):
        path[row - 1] = before[row, path[row]]
    return path
