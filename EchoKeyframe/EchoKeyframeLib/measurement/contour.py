"""The LV endocardium on one keyframe, as a person traced it or as it was found."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..cine.cine import CineError
from ..detection.keyframes import Phase

MANUAL, AUTO, MIXED = "manual", "auto", "mixed"
"""Who found a contour: a person, or this library; of a beat, some by either."""
LEAST_POINTS = 7
"""Fewer cannot tell a ventricle from a triangle: the volume would be off by more than a tenth."""
MOST_POINTS = 2000
"""More than any drawing tool gives; checking for crossings takes the square of it."""
_SIDES_AT_ONCE = 64
"""That are looked at against all others: in memory these are 64 times ``MOST_POINTS`` pairs at most."""
NARROWEST_ANNULUS = 0.2
"""Distance of the two ends over the ventricle's width. Below, the curve is closed or starts within a wall."""


class MeasurementError(CineError):
    """Nothing can be measured from these contours. One line: which contour or file, what is wrong, what to do."""


@dataclass(frozen=True, eq=False)
class Contour:
    """An open curve along the endocardium, from one end of the mitral annulus over the apex to the other end.

    phase: the keyframe's phase. frame: 0-based index into the cine.
    points: float64 ``[N, 2]``, pixel coordinates (x = column, y = row, pixel centres at whole numbers), joined by
    straight lines; either direction. The annulus closes the curve with a straight line (Lang et al. 2015).
    apex: where the long axis ends if a person set it, ``(x, y)``; None: the point farthest from the annulus.
    view: ``"A4C"``, ``"A2C"``... if known.
    source: ``"manual"`` for one that a person drew or corrected, ``"auto"`` for one that was found.
    confidence: of one that was found, in ``[0, 1]``; 1 for a person's. doubts: what speaks against it, in words
    (``Doubt``). accepted: a person has looked at one that was found and let it stand.

    Raises MeasurementError where the points are no such curve. A Contour that exists encloses an area.
    """

    phase: Phase
    frame: int
    points: np.ndarray
    apex: tuple[float, float] | None = None
    view: str | None = None
    source: str = MANUAL
    confidence: float = 1.0
    doubts: tuple[str, ...] = field(default=())
    accepted: bool = False

    def __post_init__(self) -> None:
        try:
            points = np.array(self.points, np.float64)
        except (TypeError, ValueError):
            raise MeasurementError(self, "its points must be pairs of numbers") from None
        if points.ndim != 2 or points.shape[1] != 2:
            raise MeasurementError(self, f"its points must have shape [N, 2], got {list(points.shape)}")
        points.flags.writeable = False
        object.__setattr__(self, "points", points)
        self._check()

    def __str__(self) -> str:
        view = f"{self.view} " if self.view else ""
        return f"{view}{self.phase} contour on frame {self.frame}"

    @property
    def annulus(self) -> np.ndarray:
        """The two ends, float64 ``[2, 2]``, in the order of the points."""
        return self.points[[0, -1]]

    def _check(self) -> None:
        points = self.points
        if self.frame < 0:
            raise MeasurementError(self, "frames count from 0")
        if not LEAST_POINTS <= len(points) <= MOST_POINTS:
            raise MeasurementError(
                self, f"{len(points)} points; trace the wall with {LEAST_POINTS} to {MOST_POINTS}, better 20 or more"
            )
        if not np.isfinite(points).all() or np.abs(points).max() > 1e6:
            raise MeasurementError(self, "a point is not a finite pixel position")
        if self.source not in (MANUAL, AUTO) or not 0 <= self.confidence <= 1:
            raise MeasurementError(self, f"is of source {self.source!r:.40} and confidence {self.confidence!r:.40}; "
                                   f"{MANUAL} or {AUTO}, and 0 to 1 are known")  # fmt: skip
        if self.apex is not None and (len(self.apex) != 2 or not np.isfinite(self.apex).all()):
            raise MeasurementError(self, "its apex is not a finite pixel position")
        ends = float(np.hypot(*(points[-1] - points[0])))
        if ends <= NARROWEST_ANNULUS * _width(points):
            raise MeasurementError(
                self,
                f"its ends lie only {ends:.1f} px apart; trace the wall alone, not closed, from one end of the "
                "mitral annulus over the apex to the other"
            )
        steps = np.hypot(*np.diff(points, axis=0).T)
        crossing = _first_crossing(points[np.r_[True, steps > 0]])
        if crossing is not None:
            raise MeasurementError(
                self,
                f"crosses itself or its base line near ({crossing[0]:.0f}, {crossing[1]:.0f}); put the points "
                "in order, from one end of the mitral annulus over the apex to the other"
            )


def through(points: np.ndarray, number: int = 100) -> np.ndarray:
    """A smooth curve through a few clicked points: float64 ``[N, 2]`` to ``[number, 2]``, evenly spaced along it.

    A cubic spline over chord length, which bulges less between uneven points than one over their numbers. Needs
    SciPy. Raises MeasurementError for fewer than 4 different points or for ones that are not finite.
    """
    from scipy.interpolate import CubicSpline

    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise MeasurementError("a curve needs finite points of shape [N, 2]")
    steps = np.hypot(*np.diff(points, axis=0).T)
    points = points[np.r_[True, steps > 0]] if len(points) else points
    if len(points) < 4:
        raise MeasurementError(f"a curve needs 4 different points, got {len(points)}")
    along = np.r_[0.0, np.cumsum(steps[steps > 0])]
    dense = CubicSpline(along, points)(np.linspace(0, along[-1], 16 * number))
    return evenly_spaced(dense, number)


def evenly_spaced(points: np.ndarray, number: int) -> np.ndarray:
    """``number`` points at equal distances along the polyline ``points`` (float64 ``[N, 2]``), ends included."""
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    places = np.linspace(0, along[-1], number)
    return np.stack([np.interp(places, along, points[:, axis]) for axis in range(2)], axis=1)


def _width(points: np.ndarray) -> float:
    """Extent across the line from the middle of the ends to the point farthest from it."""
    from_base = points - points[[0, -1]].mean(axis=0)
    x, y = from_base[np.hypot(*from_base.T).argmax()]
    return float(np.ptp(from_base @ (-y, x)) / max(np.hypot(x, y), 1e-9))


def _first_crossing(points: np.ndarray) -> np.ndarray | None:
    """Where two sides of the closed polygon that are not neighbours meet, or None."""
    starts, ends = points, np.roll(points, -1, axis=0)
    count = len(points)
    second = np.arange(count)[None, :]
    for begin in range(0, count - 2, _SIDES_AT_ONCE):
        first = np.arange(begin, min(begin + _SIDES_AT_ONCE, count - 2))[:, None]
        a, b, c, d = starts[first], ends[first], starts[None], ends[None]
        apart = (second < first + 2) | ((first == 0) & (second == count - 1))
        apart |= (_side(a, b, c) * _side(a, b, d) > 0) | (_side(c, d, a) * _side(c, d, b) > 0)
        # On one line all sides are 0: then they meet only where their bounding boxes do.
        low, high = np.minimum(a, b), np.maximum(a, b)
        apart |= ((np.maximum(c, d) < low) | (np.minimum(c, d) > high)).any(axis=2)
        meeting = np.flatnonzero(~apart.all(axis=1))
        if len(meeting):
            side = begin + int(meeting[0])
            return (starts[side] + ends[side]) / 2
    return None


def _side(a: np.ndarray, b: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Sign of which side of the line from ``a`` to ``b`` the point ``p`` lies on."""
    u, v = b - a, p - a
    return np.sign(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0])
