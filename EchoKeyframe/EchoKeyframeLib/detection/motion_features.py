"""What the network's motion stream sees: dense optical flow, pooled to a coarse grid.

This is the one place where it is computed, for inference as for training. NumPy and OpenCV only, so that training's
worker processes need no torch. Steps: ``motion_features`` once for a clip; ``stride_motion`` where the network looks
at every n-th frame (flow adds up over the frames between); ``normalise``.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

GRID = 14
_FLOW_SIZE = 56
_BLUR = 0.8
# An offset on the brightness weights, so that flow in a black cell is a plain mean.
_LEAST_WEIGHT = 4.0
_LEAST_FLOW = 1e-4
_LEAST_SPREAD = 1e-3

REACH = 31
"""Frames to either side over which ``normalise`` measures: any two frames of a 32-frame window are that close."""


class MotionFeatures:
    """Features of a stream of frames, one at a time.

    Called with a prepared frame uint8 ``[S, S]``, returns float32 ``[3, 14, 14]``: horizontal and vertical flow from
    the frame before (Farneback; pixels of a 56x56 image, weighted by brightness, zero for the first frame), and mean
    brightness, about 0 to 1.
    """

    def __init__(self) -> None:
        self._image: np.ndarray | None = None
        self._weight: np.ndarray | None = None

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        image = cv2.resize(frame, (_FLOW_SIZE, _FLOW_SIZE), interpolation=cv2.INTER_AREA)
        image = cv2.GaussianBlur(image, (0, 0), _BLUR)
        weight = image.astype(np.float32) + _LEAST_WEIGHT
        features = np.zeros((3, GRID, GRID), np.float32)
        features[2] = _pool(weight) / 255.0
        if self._image is not None and self._weight is not None:
            flow = cv2.calcOpticalFlowFarneback(
                self._image, image, None, pyr_scale=0.5, levels=3, winsize=11, iterations=2, poly_n=5, poly_sigma=1.2,
                flags=0,
            )  # fmt: skip
            total = _pool(self._weight)
            features[0] = _pool(flow[..., 0] * self._weight) / total
            features[1] = _pool(flow[..., 1] * self._weight) / total
        self._image, self._weight = image, weight
        return features


def motion_features(prepared: np.ndarray, progress: Callable[[float], None] | None = None) -> np.ndarray:
    """Features of a clip: prepared frames uint8 ``[T, S, S]`` to float32 ``[T, 3, 14, 14]``, see ``MotionFeatures``."""
    one = MotionFeatures()
    features = np.empty((len(prepared), 3, GRID, GRID), np.float32)
    for i, frame in enumerate(prepared):
        features[i] = one(frame)
        if progress is not None and i % 32 == 31:
            progress((i + 1) / len(prepared))
    return features


def stride_motion(features: np.ndarray, stride: int, offset: int = 0) -> np.ndarray:
    """Every ``stride``-th frame from ``offset`` on, with the flow since the frame chosen before it.

    features: ``[T, 3, 14, 14]``; returns float32 ``[ceil((T - offset) / stride), 3, 14, 14]``. The first frame has no
    frame before it, so its flow is zero.
    """
    chosen = features[offset::stride].astype(np.float32)
    for k in range(len(chosen)):
        end = offset + k * stride
        chosen[k, :2] = features[end - stride + 1 : end + 1, :2].sum(0, dtype=np.float64) if k else 0.0
    return chosen


def normalise(features: np.ndarray, reach: int = REACH) -> np.ndarray:
    """Flow over its RMS and brightness as its deviation, both measured over the frames at most ``reach`` away.

    features: ``[T, 3, 14, 14]``; returns float32 of the same shape. How far a heart moves in a pixel's terms differs
    between people, depths and machines; what tells the phases apart is motion relative to the rest of the beat. The
    surroundings of a frame are measured, not the whole clip, so that a live stream gives the same numbers; in a sample
    of at most ``reach + 1`` frames that is the whole sample. A zero frame is one that is zero after this.
    """
    flow, brightness = features[:, :2].astype(np.float64), features[:, 2:].astype(np.float64)
    rms = np.sqrt(_surrounding_mean((flow**2).mean((1, 2, 3)), reach))
    mean = _surrounding_mean(brightness.mean((1, 2, 3)), reach)
    variance = _surrounding_mean((brightness**2).mean((1, 2, 3)), reach) - mean**2
    spread = np.sqrt(variance.clip(0))
    column = (slice(None), None, None, None)
    normal = np.empty(features.shape, np.float32)
    normal[:, :2] = flow / (rms + _LEAST_FLOW)[column]
    normal[:, 2:] = (brightness - mean[column]) / (spread + _LEAST_SPREAD)[column]
    return normal


def _surrounding_mean(values: np.ndarray, reach: int) -> np.ndarray:
    """Mean of ``values`` ``[T]`` from ``reach`` before to ``reach`` after each, cut at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    first, last = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def _pool(image: np.ndarray) -> np.ndarray:
    side = _FLOW_SIZE // GRID
    return image.reshape(GRID, side, GRID, side).mean((1, 3))
