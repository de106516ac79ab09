"""The long axis of a contour and the disks across it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .contour import Contour, MeasurementError

DISKS = 20
"""Number of disks (Lang et al. 2015)."""

Spacing = tuple[float, float]
"""mm per pixel (row, column), as in ``Cine.spacing``."""

FARTHEST_APEX = 0.15
"""Distance of an apex that a person set from the contour, over the long axis. Beyond, disks lie across no ventricle."""


@dataclass(frozen=True, eq=False)
class Disks:
    """A contour cut across its long axis into disks of equal height.

    base, apex: ends of the long axis in pixels ``(x, y)``: the middle of the annulus, and the contour's point
    farthest from it in mm (Lang et al. 2015) or the apex that a person set.
    length: of the long axis in mm. area: enclosed by contour and annulus in mm^2.
    diameters: float64 ``[n]`` in mm, of the disks from base to apex, each at half its height.
    chords: float64 ``[n, 2, 2]``, where each disk meets the wall, in pixels ``(x, y)``: for drawing.
    calibrated: False where the size of a pixel is not known and ``spacing`` is assumed; nothing is in mm then.
    """

    contour: Contour
    spacing: Spacing
    base: tuple[float, float]
    apex: tuple[float, float]
    length: float
    area: float
    diameters: np.ndarray
    chords: np.ndarray
    calibrated: bool = True

    @property
    def height(self) -> float:
        """Of one disk in mm."""
        return self.length / len(self.diameters)


def cut(contour: Contour, spacing: Spacing | None, number: int = DISKS, assumed: float = 1.0) -> Disks:
    """Find the long axis and cut ``number`` disks perpendicular to it, all in mm, so that pixels need not be square.

    spacing: None where it is not known; pixels are then taken for square, their side for ``assumed``, and the disks
    are not calibrated: good for ratios alone.

    Where the annulus is not perpendicular to the long axis, one wall ends above the middle of the annulus and the
    other below it. The part below is counted with the disk as far above, where the base line cuts off about as much:
    a slanted cut through a cylinder's axis then leaves its volume what it is.

    Raises MeasurementError where the apex that a person set lies on the annulus or far from the contour.
    """
    calibrated = spacing is not None
    spacing = spacing or (assumed, assumed)
    scale = np.array([spacing[1], spacing[0]], np.float64)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise MeasurementError(contour, f"pixel spacing must be positive, got {spacing}")
    points = contour.points * scale
    base = points[[0, -1]].mean(axis=0)
    apex = _farthest(points, base) if contour.apex is None else np.array(contour.apex) * scale
    length = float(np.hypot(*(apex - base)))
    if length < 1e-6 or length < 0.1 * np.hypot(*(points[-1] - points[0])):
        raise MeasurementError(contour, "the apex lies on the mitral annulus; move it, or trace the wall again")
    if contour.apex is not None and (away := _distance(points, apex)) > FARTHEST_APEX * length:
        unit = "mm" if calibrated else "px"
        raise MeasurementError(contour, f"the apex lies {away:.0f} {unit} from the contour; move it onto the wall")
    axis = (apex - base) / length
    across = np.array([-axis[1], axis[0]])
    along = np.stack([(points - base) @ axis, (points - base) @ across], axis=1)
    heights = (np.arange(number) + 0.5) * length / number
    above = [_crossings(along, s) for s in heights]
    diameters = np.array([_width(a) + _width(_crossings(along, -s)) for a, s in zip(above, heights, strict=True)])
    extent = np.array([(a[0], a[-1]) if len(a) else (0.0, 0.0) for a in above])
    chords = base + heights[:, None, None] * axis + extent[..., None] * across
    return Disks(contour, spacing, _pair(base / scale), _pair(apex / scale), length, _area(points), diameters,
                 chords / scale, calibrated)  # fmt: skip


def _farthest(points: np.ndarray, base: np.ndarray) -> np.ndarray:
    """The point of the curve most distant from ``base``; two as distant ends of a flat apex share it."""
    distances = np.hypot(*(points - base).T)
    return points[distances >= distances.max() * (1 - 1e-9)].mean(axis=0)


def _distance(points: np.ndarray, place: np.ndarray) -> float:
    """From ``place`` to the nearest of the straight lines that join ``points``."""
    start, step = points[:-1], np.diff(points, axis=0)
    squared = np.maximum((step**2).sum(axis=1), 1e-12)
    part = np.clip(((place - start) * step).sum(axis=1) / squared, 0, 1)
    return float(np.hypot(*(start + part[:, None] * step - place).T).min())


def _crossings(polygon: np.ndarray, height: float) -> np.ndarray:
    """Where the line ``first coordinate = height`` meets the closed polygon: second coordinates, ascending."""
    start, end = polygon, np.roll(polygon, -1, axis=0)
    cross = (start[:, 0] <= height) != (end[:, 0] <= height)
    start, end = start[cross], end[cross]
    part = (height - start[:, 0]) / (end[:, 0] - start[:, 0])
    return np.sort(start[:, 1] + part * (end[:, 1] - start[:, 1]))


def _width(crossings: np.ndarray) -> float:
    """Length inside the polygon: from the first crossing to the second, from the third to the fourth..."""
    return float((crossings[1::2] - crossings[::2]).sum())


def _area(points: np.ndarray) -> float:
    x, y = (points - points[0]).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _pair(point: np.ndarray) -> tuple[float, float]:
    return float(point[0]), float(point[1])
