"""How a clip moves: dense optical flow, computed once, pooled for the network and for the motion detector.

For inference as for training. NumPy and OpenCV only, so that training's worker processes need no torch. Steps:
``clip_motion`` once for a clip; for the network ``stride_motion`` where it looks at every n-th frame (flow adds up over
the frames between), then ``normalise``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from .optical_flow import LEAST_WEIGHT, FlowStream, PooledFlow

GRID = 14
"""Cells a side that the network sees."""

WALL_GRID = 21
"""Cells a side that the motion detector sees: 4 px, about the size of a speckle."""

FLOW_SIZE = 84
"""Side in px of the frames that the flow is computed on: the walls move 2-8 px in a beat."""

_WINDOW, _ITERATIONS, _LEVELS = 13, 2, 2
# Pixels in which the network's flow is given: those of a 56x56 image, on which the first weights learned theirs.
_UNIT = 56 / FLOW_SIZE
_LEAST_FLOW = 1e-4
_LEAST_SPREAD = 1e-3

REACH = 31
"""Frames to either side over which ``normalise`` measures: any two frames of a 32-frame window are that close."""


@dataclass(frozen=True, eq=False)
class ClipMotion:
    """features: float32 ``[T, 3, 14, 14]`` for the network, see ``MotionFeatures``. wall: for the motion detector."""

    features: np.ndarray
    wall: PooledFlow


class MotionFeatures:
    """Features of a stream of frames, one at a time.

    Called with a prepared frame uint8 ``[S, S]``, returns float32 ``[3, 14, 14]``: horizontal and vertical flow from
    the frame before (pixels of a 56x56 image, weighted by brightness, zero for the first frame), and mean brightness,
    about 0 to 1.
    """

    def __init__(self) -> None:
        self.stream = FlowStream(_WINDOW, _ITERATIONS, _LEVELS)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        self.stream.push(cv2.resize(frame, (FLOW_SIZE, FLOW_SIZE), interpolation=cv2.INTER_AREA))
        velocity, intensity = self.stream.pooled(GRID)
        features = np.empty((3, GRID, GRID), np.float32)
        features[:2] = velocity.transpose(2, 0, 1) * _UNIT
        features[2] = (intensity + LEAST_WEIGHT) / 255.0
        return features


def clip_motion(prepared: np.ndarray, progress: Callable[[float], None] | None = None) -> ClipMotion:
    """Motion of a clip's prepared frames, uint8 ``[T, S, S]``. ``progress`` may raise to stop."""
    one = MotionFeatures()
    features = np.empty((len(prepared), 3, GRID, GRID), np.float32)
    velocity = np.empty((len(prepared), WALL_GRID, WALL_GRID, 2), np.float32)
    intensity = np.empty((len(prepared), WALL_GRID, WALL_GRID), np.float32)
    for i, frame in enumerate(prepared):
        features[i] = one(frame)
        velocity[i], intensity[i] = one.stream.pooled(WALL_GRID)
        if progress is not None and i % 16 == 0:
            progress((i + 1) / len(prepared))
    return ClipMotion(features, PooledFlow(velocity, intensity, FLOW_SIZE // WALL_GRID))


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


def normalise_one(features: np.ndarray, index: int, reach: int = REACH) -> np.ndarray:
    """What ``normalise`` gives for one frame, float32 ``[3, 14, 14]``, to rounding."""
    around = features[max(0, index - reach) : index + reach + 1].astype(np.float64)
    flow, brightness = around[:, :2], around[:, 2]
    normal = np.empty(features.shape[1:], np.float32)
    normal[:2] = features[index, :2] / (np.sqrt((flow**2).mean()) + _LEAST_FLOW)
    normal[2] = (features[index, 2] - brightness.mean()) / (brightness.std() + _LEAST_SPREAD)
    return normal


def _surrounding_mean(values: np.ndarray, reach: int) -> np.ndarray:
    """Mean of ``values`` ``[T]`` from ``reach`` before to ``reach`` after each, cut at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    first, last = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)
