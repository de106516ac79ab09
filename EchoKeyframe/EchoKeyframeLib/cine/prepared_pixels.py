"""Where pixels of the frames that ``prepare`` makes lie in the cine, and the other way round."""

from __future__ import annotations

import cv2
import numpy as np

from .cine import Cine
from .prepare import prepared_box
from .sector import Sector


class PreparedPixels:
    """Between positions (x, y), float64 ``[..., 2]``, in a cine and in its frames prepared to ``size``."""

    def __init__(self, cine: Cine, sector: Sector, size: int) -> None:
        self.size, self.shape = size, prepared_box(cine, sector, size)
        height, width = self.shape
        box = sector.box
        self._first = np.array([(size - width) // 2, (size - height) // 2])
        self._scale = np.array([box.width / width, box.height / height])
        self._corner, self._apex_down = np.array([box.x0, box.y0]), sector.apex_down
        self._last = np.array([cine.size[1] - 1, cine.size[0] - 1])

    def to_cine(self, points: np.ndarray) -> np.ndarray:
        """Points that would lie beyond the image's edge lie on it."""
        points = self._upright(points)
        return np.clip((points + 0.5 - self._first) * self._scale - 0.5 + self._corner, 0, self._last)

    def of_cine(self, points: np.ndarray) -> np.ndarray:
        """Points outside the sector's box may lie outside the prepared frames."""
        return self._upright((points - self._corner + 0.5) / self._scale - 0.5 + self._first)

    def inside(self, sector: Sector) -> np.ndarray:
        """The scan sector in pixels of the prepared frames, bool ``[S, S]``."""
        height, width = self.shape
        inside = np.zeros((self.size, self.size), bool)
        mask = sector.mask[sector.box.slices].astype(np.uint8)
        part = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        left, top = self._first
        inside[top : top + height, left : left + width] = (part[::-1] if self._apex_down else part) > 0
        return inside

    def _upright(self, points: np.ndarray) -> np.ndarray:
        """Prepared frames stand upright, whichever way the cine does."""
        if not self._apex_down:
            return points
        return points * (1, -1) + (0, 2 * self._first[1] + self.shape[0] - 1)
