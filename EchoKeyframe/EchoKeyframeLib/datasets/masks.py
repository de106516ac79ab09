"""Left-ventricular cavities as masks: from the tracings of EchoNet-Dynamic, from CAMUS's label maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..cine.cine import CineError
from ..cine.itk_image import read_itk_array
from ..detection.keyframes import Phase
from ..measurement.contour import Contour
from .traced_walls import wall_of_chords, wall_of_labels

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
    return _around(taken_apart(chords)[1])


def in_order(chords: np.ndarray) -> bool:
    """Whether a tracing is as EchoNet-Dynamic stores it, so that nothing had to be put in order."""
    given = np.asarray(chords, float)
    return np.array_equal(taken_apart(given)[1], given[1:])


def _around(across: np.ndarray) -> np.ndarray:
    return np.concatenate([across[:, :2], across[::-1, 2:]])


def taken_apart(chords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The long axis ``[4]``, and the other chords ``[n, 4]``, each once, all from the same side to the other, from one
    end to the other."""
    kept = _without_doubles(np.asarray(chords, float))
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
    in_order = (steps >= 0).all() or (steps <= 0).all()
    return kept[axis], rest if in_order else rest[np.argsort(along, kind="stable")]


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
    """Masks drawn from chords. chords: frame -> float ``[n, 4]``, see ``outline``. size: height and width of the cine.
    view: of the cine."""

    chords: Mapping[int, np.ndarray]
    size: tuple[int, int]
    view: str | None = None

    @property
    def frames(self) -> tuple[int, ...]:
        return tuple(sorted(self.chords))

    def mask(self, frame: int) -> np.ndarray:
        import cv2

        canvas = np.zeros(self.size, np.uint8)
        cv2.fillPoly(canvas, [np.rint(outline(self.chords[frame])).astype(np.int32)], 1)
        return canvas

    def area(self, frame: int) -> float:
        return polygon_area(outline(self.chords[frame]))

    def fine_mask(self, frame: int, finer: int) -> np.ndarray:
        return filled(outline(self.chords[frame]), self.size, finer)

    def contour(self, frame: int, phase: Phase) -> Contour:
        return wall_of_chords(*taken_apart(self.chords[frame]), phase, frame, self.view)


def filled(points: np.ndarray, size: tuple[int, int], finer: int) -> np.ndarray:
    """What lies within a closed polygon ``[n, 2]`` (x, y) in pixels, each split into ``finer`` squared: bool
    ``[H * finer, W * finer]``."""
    import cv2

    inside = np.zeros((size[0] * finer, size[1] * finer), np.uint8)
    cv2.fillPoly(inside, [np.round(((points + 0.5) * finer - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return inside.astype(bool)


@lru_cache(maxsize=1)
def _label_maps(path: Path, changed: int) -> tuple[np.ndarray, tuple[float, float] | None]:
    """A file's label maps ``[T, H, W]`` with their spacing, kept until another one is asked for: its frames are asked
    for in turn."""
    return read_itk_array(path)


@dataclass(frozen=True, eq=False)
class LabelMapMasks:
    """Masks in label maps on disk. maps: frame -> (file, index of the frame in it). view: of the cine."""

    maps: Mapping[int, tuple[Path, int]]
    view: str | None = None
    value: int = CAMUS_CAVITY

    @property
    def frames(self) -> tuple[int, ...]:
        return tuple(sorted(self.maps))

    def mask(self, frame: int) -> np.ndarray:
        return (self._labels(frame)[0] == self.value).astype(np.uint8)

    def area(self, frame: int) -> float:
        return float(self.mask(frame).sum())

    def fine_mask(self, frame: int, finer: int) -> np.ndarray:
        return self.mask(frame).astype(bool).repeat(finer, axis=0).repeat(finer, axis=1)

    def contour(self, frame: int, phase: Phase) -> Contour:
        return wall_of_labels(*self._labels(frame), self.value, phase, frame, self.view)

    def _labels(self, frame: int) -> tuple[np.ndarray, tuple[float, float] | None]:
        path, index = self.maps[frame]
        array, spacing = _label_maps(path, path.stat().st_mtime_ns if path.exists() else 0)
        if index >= len(array):
            raise CineError(path.name, f"has {len(array)} label maps, one for frame {index} was expected")
        return array[index], spacing
