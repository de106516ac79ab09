"""Dense motion between neighbouring frames, averaged over the cells of a coarse grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

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


class FlowStream:
    """Farneback's optical flow of a stream of frames, each from the one before.

    window: side in px of the neighbourhood that moves as one. iterations, levels: of its pyramid.

    G. Farneback, Two-frame motion estimation based on polynomial expansion, SCIA 2003.
    """

    def __init__(self, window: int = 15, iterations: int = 3, levels: int = 3) -> None:
        self._settings = (None, 0.5, levels, window, iterations, 5, 1.1, 0)
        self._frame: np.ndarray | None = None
        self._weight: np.ndarray | None = None
        self._flow: np.ndarray | None = None
        self._flow_weight: np.ndarray | None = None

    def push(self, frame: np.ndarray) -> None:
        """Take the next frame, uint8 ``[S, S]``."""
        frame = cv2.GaussianBlur(frame, (0, 0), SMOOTHING)
        self._flow, self._flow_weight = None, self._weight
        if self._frame is not None:
            self._flow = cv2.calcOpticalFlowFarneback(self._frame, frame, *self._settings)
        self._frame, self._weight = frame, frame + np.float32(LEAST_WEIGHT)

    def pooled(self, cells: int) -> tuple[np.ndarray, np.ndarray]:
        """The newest frame's velocity float32 ``[cells, cells, 2]`` and intensity ``[cells, cells]``; see PooledFlow.

        S must be a multiple of ``cells``. Within a cell bright pixels count more: tissue is bright, and blood's noise
        says nothing about the wall. Raises ValueError before the first frame.
        """
        if self._weight is None:
            raise ValueError("no frame was pushed yet")
        mean = _cell_mean(len(self._weight), cells)
        velocity = np.zeros((cells, cells, 2), np.float32)
        if self._flow is not None and self._flow_weight is not None:
            weight = mean @ self._flow_weight @ mean.T
            for axis in range(2):
                velocity[..., axis] = mean @ (self._flow[..., axis] * self._flow_weight) @ mean.T / weight
        return velocity, mean @ self._weight @ mean.T - LEAST_WEIGHT


def pooled_flow(frames: np.ndarray, cells: int) -> PooledFlow:
    """Optical flow of each frame from the one before, pooled to ``cells`` x ``cells``.

    frames: uint8 ``[T, S, S]``, S a multiple of ``cells``. Raises ValueError for other shapes.
    """
    if frames.ndim != 3 or frames.shape[1] != frames.shape[2] or frames.shape[1] % cells:
        raise ValueError(f"frames must have shape [T, S, S] with S a multiple of {cells}, got {list(frames.shape)}")
    stream = FlowStream()
    velocity = np.empty((len(frames), cells, cells, 2), np.float32)
    intensity = np.empty((len(frames), cells, cells), np.float32)
    for t, frame in enumerate(frames):
        stream.push(frame)
        velocity[t], intensity[t] = stream.pooled(cells)
    return PooledFlow(velocity, intensity, frames.shape[1] // cells)


@lru_cache(maxsize=8)
def _cell_mean(size: int, cells: int) -> np.ndarray:
    """Matrix ``[cells, size]`` that averages the rows of an image over each cell."""
    return np.kron(np.eye(cells), np.ones((1, size // cells)) * cells / size).astype(np.float32)
