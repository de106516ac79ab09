"""Bends pictures and the borders in them, so that a network sees more shapes than a simulator draws."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_CELLS = 4
"""Of the displacement, along either side."""
_LEAST, _MOST = 0.005, 0.03
"""Standard deviation of the displacement, over the side of the images."""
_ROUNDS = 6


@dataclass(frozen=True, eq=False)
class Bending:
    """shift: float32 ``[2, S, S]``, x and y in pixels. Pixel p shows what lay at p + shift(p)."""

    shift: np.ndarray

    @classmethod
    def draw(cls, size: int, rng: np.random.Generator) -> Bending:
        """A smooth one for images ``[size, size]``."""
        amount = rng.uniform(_LEAST, _MOST) * size
        coarse = amount * rng.standard_normal((2, _CELLS, _CELLS)).astype(np.float32)
        return cls(np.stack([cv2.resize(axis, (size, size), interpolation=cv2.INTER_CUBIC) for axis in coarse]))

    def images(self, images: np.ndarray) -> np.ndarray:
        """``[S, S]`` or ``[S, S, channels]``, bent; black comes in from outside."""
        rows, columns = np.indices(self.shift.shape[1:], np.float32)
        return cv2.remap(images, columns + self.shift[0], rows + self.shift[1], cv2.INTER_LINEAR)

    def points(self, points: np.ndarray) -> np.ndarray:
        """Where positions (x, y) ``[..., 2]`` in pixels come to lie; ones that are not known stay so."""
        bent = points.astype(np.float32)
        for _ in range(_ROUNDS):  # the shift is known where they come to lie, and changes slowly
            bent = (points - self._shift_at(bent)).astype(np.float32)
        return bent.astype(np.float64)

    def _shift_at(self, points: np.ndarray) -> np.ndarray:
        x, y = np.nan_to_num(points.reshape(-1, 1, 2)).transpose(2, 0, 1)
        shifts = [cv2.remap(axis, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for axis in self.shift]
        return np.stack(shifts, -1).reshape(points.shape)
