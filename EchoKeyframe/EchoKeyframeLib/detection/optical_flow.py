"""Dense motion between neighbouring frames, averaged over the cells of a coarse grid, for the motion detector.

``motion_features`` does likewise for the network, with other sizes and settings and frame by frame. It is not built on
this: weights were trained on its numbers, which must stay the same to the bit, while these may be improved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

SMOOTHING = 0.8
"""Sigma in px of the blur before the flow: takes single-pixel noise out, leaves speckle of 2-4 px."""

LEAST_WEIGHT = 4.0
"""Added to each pixel's gray value where it weighs its flow, so that black cells have a mean too."""


@dataclass(frozen=True, eq=False)
class PooledFlow:
    """How each cell of a grid moved from the frame before, and how bright it is.

    velocity: float32 ``[T, cells, cells, 2]``, (right, down) in pixels of the given frames per frame; 0 in frame 0.
    intensity: float32 ``[T, cells, cells]``, mean gray value in ``[0, 255]``.
    cell: side of a cell in px.
    """

    velocity: np.ndarray
    intensity: np.ndarray
    cell: int

    def __len__(self) -> int:
        return len(self.velocity)


def pooled_flow(
    frames: np.ndarray,
    cells: int,
    window: int = 15,
    iterations: int = 3,
    progress: Callable[[float], None] | None = None,
) -> PooledFlow:
    """Farneback's optical flow of each frame from the one before, pooled to ``cells`` x ``cells``.

    frames: uint8 ``[T, S, S]``, S a multiple of ``cells``. window: side in px of the neighbourhood that moves as one.
    Within a cell bright pixels count more: tissue is bright, and blood's noise says nothing about the wall.
    ``progress`` gets the fraction done and may raise to stop. Raises ValueError for other shapes.

    G. Farneback, Two-frame motion estimation based on polynomial expansion, SCIA 2003.
    """
    if frames.ndim != 3 or frames.shape[1] != frames.shape[2] or frames.shape[1] % cells:
        raise ValueError(f"frames must have shape [T, S, S] with S a multiple of {cells}, got {list(frames.shape)}")
    count, size = frames.shape[:2]
    mean = _cell_mean(size, cells)
    velocity = np.zeros((count, cells, cells, 2), np.float32)
    intensity = np.empty((count, cells, cells), np.float32)
    before = weight = pooled_weight = None
    for t in range(count):
        frame = cv2.GaussianBlur(frames[t], (0, 0), SMOOTHING)
        if before is not None:
            flow = cv2.calcOpticalFlowFarneback(before, frame, None, 0.5, 3, window, iterations, 5, 1.1, 0)
            for axis in range(2):
                velocity[t, ..., axis] = mean @ (flow[..., axis] * weight) @ mean.T / pooled_weight
        before, weight = frame, frame + np.float32(LEAST_WEIGHT)
        pooled_weight = mean @ weight @ mean.T
        intensity[t] = pooled_weight - LEAST_WEIGHT
        if progress is not None and t % 16 == 0:
            progress((t + 1) / count)
    return PooledFlow(velocity, intensity, size // cells)


def _cell_mean(size: int, cells: int) -> np.ndarray:
    """Matrix ``[cells, size]`` that averages the rows of an image over each cell."""
    return np.kron(np.eye(cells), np.ones((1, size // cells)) * cells / size).astype(np.float32)
