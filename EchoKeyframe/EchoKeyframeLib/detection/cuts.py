"""Where a film jumps: the picture changes far more than ever around, in its outlines and in its grain."""

from __future__ import annotations

import cv2
import numpy as np

from .repeats import usual

# Chosen on 300 simulated clips without cuts (none found) and 57 cuts within a loop (35 found; the others join moments
# that look alike).
JUMP = 2.5
"""Times the usual change of outlines around it."""

ALONE = 2.0
"""Times the largest change of outlines in the frames beside it: a fast heart speeds up and slows down."""

GRAIN = 1.3
"""Times the usual change of the grain."""

BESIDE = 4
"""Frames to either side that are looked at for ``ALONE``."""

FEWEST_FRAMES = 12
"""Fewer frames do not tell what is usual."""


def find_cuts(small: np.ndarray, grain: np.ndarray) -> list[int]:
    """Frames, of these ``outlines`` whose grain changes by ``grain`` ``[T - 1]``, that do not follow the one before."""
    if len(small) < FEWEST_FRAMES:
        return []
    outlines = _changes(small)
    if not outlines.any() or not grain.any():
        return []
    jumps = (outlines > JUMP * usual(outlines)) & (grain > GRAIN * usual(grain))
    return [jump + 1 for jump in np.flatnonzero(jumps).tolist() if outlines[jump] > ALONE * _beside(outlines, jump)]


def _changes(small: np.ndarray) -> np.ndarray:
    """Of each pair of neighbours ``[T - 1]``; brightness and contrast do not count."""
    small = np.stack([cv2.GaussianBlur(outline.astype(np.float32), (0, 0), 1.0) for outline in small])
    small = small.reshape(len(small), -1)
    small -= small.mean(axis=1, keepdims=True)
    small /= np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-6)
    return np.sqrt(np.maximum(0.0, 1.0 - (small[1:] * small[:-1]).sum(axis=1)))


def _beside(changes: np.ndarray, place: int) -> float:
    return float(np.delete(changes[max(0, place - BESIDE) : place + BESIDE + 1], min(place, BESIDE)).max())
