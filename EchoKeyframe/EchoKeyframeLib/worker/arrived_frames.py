"""Frames of a file that the worker is still reading, as its caller takes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class ArrivedFrames:
    """The first frames of a cine. path: a file of bytes, frame after frame. shape: ``(count, H, W)`` or
    ``(count, H, W, 3)``. attempt: frames of a later attempt take the place of all that came before."""

    path: Path
    shape: tuple[int, ...]
    attempt: int = 0

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def is_color(self) -> bool:
        return len(self.shape) == 4

    def frame(self, index: int) -> np.ndarray:
        """One frame, uint8 ``[H, W]`` or ``[H, W, 3]``. Raises OSError if it is not there any more."""
        size = int(np.prod(self.shape[1:]))
        pixels = np.fromfile(self.path, np.uint8, size, offset=index * size)
        if pixels.size != size:
            raise OSError(f"{self.path.name} ends before frame {index}")
        return pixels.reshape(self.shape[1:])
