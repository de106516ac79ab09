"""Bodies of revolution whose volume is known, as contours in pixels: what measurements are held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.measurement.contour import Contour


@dataclass(frozen=True)
class Shape:
    """outline: from places in [0, 1] along the wall to points ``[n, 2]`` in mm (across, toward the apex).

    volume: mL. length: mm, from the middle of the base to the apex.
    """

    name: str
    outline: Callable[[np.ndarray], np.ndarray]
    volume: float
    length: float

    def contour(
        self, number: int = 101, tilt: float = 0.0, spacing: tuple[float, float] = (1.0, 1.0),
        phase: Phase = Phase.ED, frame: int = 0, view: str | None = None,
    ) -> Contour:
        """``number`` points of it, turned by ``tilt`` degrees about (150, 150) mm, in pixels of ``spacing`` mm."""
        return Contour(phase, frame, self.points(number, tilt, spacing), view=view)

    def points(self, number: int = 101, tilt: float = 0.0, spacing: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
        across, up = self.outline(np.linspace(0, 1, number)).T
        turn = np.deg2rad(tilt)
        x = 150 + across * np.cos(turn) - up * np.sin(turn)
        y = 150 - across * np.sin(turn) - up * np.cos(turn)
        return np.stack([x / spacing[1], y / spacing[0]], axis=1)


def ellipsoid(a: float, b: float, below: float = 0.0) -> Shape:
    """Half an ellipsoid of semi-axes a (long) and b in mm, and of the other half the part down to ``below * a``."""
    start = np.arcsin(below)

    def outline(places: np.ndarray) -> np.ndarray:
        angle = -start + places * (np.pi + 2 * start)
        return np.stack([b * np.cos(angle), a * (np.sin(angle) + below)], axis=1)

    volume = np.pi * a * b * b * (2 / 3 + below - below**3 / 3) / 1000
    name = f"ellipsoid cut {below:.0%} of its semi-axis below the middle" if below else "half an ellipsoid"
    return Shape(name, outline, volume, a * (1 + below))


def slanted(a: float, b: float, degrees: float) -> Shape:
    """Half an ellipsoid whose base runs through its middle, slanted: the volume of the half stays what it is."""
    start = np.arctan(b / a * np.tan(np.deg2rad(degrees)))

    def outline(places: np.ndarray) -> np.ndarray:
        angle = start + places * np.pi
        return np.stack([b * np.cos(angle), a * np.sin(angle)], axis=1)

    return Shape(f"half an ellipsoid, base slanted by {degrees:g}°", outline, 2 / 3 * np.pi * a * b * b / 1000, a)


def cone(height: float, radius: float) -> Shape:
    def outline(places: np.ndarray) -> np.ndarray:
        return np.stack([radius * (1 - 2 * places), height * (1 - np.abs(1 - 2 * places))], axis=1)

    return Shape("cone", outline, np.pi * radius**2 * height / 3000, height)


def bullet(height: float, radius: float) -> Shape:
    """A cylinder of this height under half a ball."""
    side, cap = height, np.pi * radius

    def outline(places: np.ndarray) -> np.ndarray:
        along = places * (2 * side + cap)
        angle = np.clip((along - side) / radius, 0, np.pi)
        up = np.minimum(np.minimum(along, 2 * side + cap - along), side) + radius * np.sin(angle)
        return np.stack([radius * np.cos(angle), up], axis=1)

    volume = np.pi * radius**2 * (height + 2 / 3 * radius) / 1000
    return Shape("cylinder under half a ball", outline, volume, height + radius)


SHAPES = (ellipsoid(80, 25), ellipsoid(55, 25, 0.45), ellipsoid(45, 22, 0.9), cone(85, 28), bullet(55, 24))
SLANTED = (slanted(80, 25, 10), slanted(80, 25, 20), slanted(80, 25, 30))
"""A slanted base through the middle leaves the volume what it is."""
