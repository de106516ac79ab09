"""Left-ventricular cavities as masks: from the tracings of EchoNet-Dynamic, from CAMUS's label maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..cine.cine import CineError
from ..cine.itk_image import read_itk_array

CAMUS_CAVITY = 1
"""Value of the left-ventricular endocardium in CAMUS's label maps (2: epicardium, 3: left atrium)."""


_ASLANT = 0.7
"""Cosine to the chords' direction below which a row is the long axis, which runs square to them."""


def outline(chords: np.ndarray) -> np.ndarray:
    """The polygon float ``[n, 2]`` (x, y) of a tracing as EchoNet-Dynamic stores it: ``[n, 4]`` rows x1, y1, x2, y2.

    The first row is the long axis, the others are chords across the cavity from one end to the other; the polygon runs
    along one side and back along the other, as in ``echonet/datasets/echo.py``. Where rows are doubled, out of order,
    or their ends exchanged, they are put in order first; else the outline would cross itself and its area be near 0.
    """
    return _around(_ordered(np.asarray(chords, float)))


def in_order(chords: np.ndarray) -> bool:
    """Whether a tracing is as EchoNet-Dynamic stores it, so that nothing had to be put in order."""
    given = np.asarray(chords, float)
    return np.array_equal(_ordered(given), given[1:])


def _around(across: np.ndarray) -> np.ndarray:
    return np.concatenate([across[:, :2], across[::-1, 2:]])


def _ordered(chords: np.ndarray) -> np.ndarray:
    """The chords without the long axis, each once, all from the same side to the other, from one end to the other."""
    kept = _without_doubles(chords)
    direction = kept[:, 2:] - kept[:, :2]
    length = np.hypot(*direction.T)
    unit = direction / np.maximum(length, 1e-9)[:, None]
    across = np.linalg.eigh(unit.T @ unit)[1][:, -1]  # the direction that most have, but for its sign
    aslant = np.where(length > 0, np.abs(unit @ across), 1)
    axis = int(aslant.argmin()) if aslant.min() < _ASLANT else 0
    rest = np.delete(kept, axis, axis=0)
    side = np.delete(direction, axis, axis=0) @ across
    exchanged = side < 0 if (side > 0).sum() >= (side < 0).sum() else side > 0
    rest[exchanged] = rest[exchanged][:, [2, 3, 0, 1]]
    along = (rest[:, :2] + rest[:, 2:]) @ np.array([-across[1], across[0]])
    steps = np.diff(along)
    return rest if (steps >= 0).all() or (steps <= 0).all() else rest[np.argsort(along, kind="stable")]


def _without_doubles(chords: np.ndarray) -> np.ndarray:
    seen: set[tuple[float, ...]] = set()
    kept = []
    for row in chords.tolist():
        alike = min(tuple(row), (*row[2:], *row[:2]))
        if alike not in seen:
            seen.add(alike)
            kept.append(row)
    return np.array(kept, float)


def polygon_area(polygon: np.ndarray) -> float:
    """Area of a simple polygon ``[n, 2]`` in square pixels (shoelace formula)."""
    x, y = np.asarray(polygon, float).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2 if len(x) > 2 else 0.0


@dataclass(frozen=True, eq=False)
class TracedMasks:
    """Masks drawn from polygons. polygons: frame -> float ``[n, 2]`` (x, y). size: height and width of the cine."""

    polygons: Mapping[int, np.ndarray]
    size: tuple[int, int]

    @property
    def frames(self) -> tuple[int, ...]:
        return tuple(sorted(self.polygons))

    def mask(self, frame: int) -> np.ndarray:
        import cv2

        canvas = np.zeros(self.size, np.uint8)
        cv2.fillPoly(canvas, [np.rint(self.polygons[frame]).astype(np.int32)], 1)
        return canvas

    def area(self, frame: int) -> float:
        return polygon_area(self.polygons[frame])


@lru_cache(maxsize=1)
def _label_maps(path: Path, changed: int) -> np.ndarray:
    """A file's label maps ``[T, H, W]``, kept until another one is asked for: its frames are asked for in turn."""
    return read_itk_array(path)[0]


@dataclass(frozen=True, eq=False)
class LabelMapMasks:
    """Masks in label maps on disk. maps: frame -> (file, index of the frame in it)."""

    maps: Mapping[int, tuple[Path, int]]
    value: int = CAMUS_CAVITY

    @property
    def frames(self) -> tuple[int, ...]:
        return tuple(sorted(self.maps))

    def mask(self, frame: int) -> np.ndarray:
        path, index = self.maps[frame]
        array = _label_maps(path, path.stat().st_mtime_ns if path.exists() else 0)
        if index >= len(array):
            raise CineError(path.name, f"has {len(array)} label maps, one for frame {index} was expected")
        return (array[index] == self.value).astype(np.uint8)

    def area(self, frame: int) -> float:
        return float(self.mask(frame).sum())
