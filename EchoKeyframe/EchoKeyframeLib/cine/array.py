"""Makes a cine of frames that are already in memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .cine import GIVEN_RATE, HIGHEST_FRAME_RATE, Cine, CineError, Source


def cine_from_array(
    frames: ArrayLike, times: ArrayLike | None = None, fps: float | None = None, name: str = "array"
) -> Cine:
    """A cine of frames ``[T, H, W]`` (gray) or ``[T, H, W, 3]`` (RGB), with either their times or their rate.

    uint8 frames are taken as they are, without a copy. Others are scaled linearly and rounded, by one factor for all
    frames: booleans to 0 and 255; integers and floats from [0, largest] to [0, 255], where the largest is 1 for floats
    within [0, 1], 255 for values within [0, 255], else the array's own largest value. With negative values, the
    array's own range [smallest, largest] goes to [0, 255].

    times: seconds, ``[T]``, strictly increasing; they are shifted to start at 0. fps: frames per second. A single
    frame needs neither.

    Raises CineError for other shapes, complex, text or object data, NaN or infinite values, and for times or rates that
    cannot be.
    """
    try:
        frames = np.asarray(frames)
    except ValueError:
        raise CineError(name, "frames must form an array of shape [T, H, W] or [T, H, W, 3]") from None
    if frames.ndim not in (3, 4) or (frames.ndim == 4 and frames.shape[3] != 3) or 0 in frames.shape:
        raise CineError(name, f"frames must have shape [T, H, W] or [T, H, W, 3], got {list(frames.shape)}")
    times, timing = _times(times, fps, len(frames), name)
    return Cine(_as_uint8(frames, name), times, Source(name, encoding=f"array of {frames.dtype}"), timing=timing)


def _times(times: ArrayLike | None, fps: float | None, count: int, name: str) -> tuple[np.ndarray, str]:
    if times is not None and fps is not None:
        raise CineError(name, "give either times or fps, not both")
    if times is not None:
        try:
            times = np.array(times, np.float64)
        except (TypeError, ValueError):
            raise CineError(name, "times must be numbers, in seconds") from None
        if times.shape != (count,):
            raise CineError(name, f"needs one time for each of its {count} frames, got shape {list(times.shape)}")
        return times - times[0], "given times"
    if fps is None:
        if count > 1:
            raise CineError(name, "needs times in seconds or a frame rate")
        return np.zeros(1), "single frame"
    if not isinstance(fps, int | float | np.number) or not 0 < fps <= HIGHEST_FRAME_RATE:
        raise CineError(
            name, f"a frame rate must lie above 0 and at most at {HIGHEST_FRAME_RATE} per second, got {fps}"
        )
    return np.arange(count, dtype=np.float64) / fps, GIVEN_RATE


def _as_uint8(frames: np.ndarray, name: str) -> np.ndarray:
    if frames.dtype == np.uint8:
        return frames
    if frames.dtype == bool:
        return frames.astype(np.uint8) * np.uint8(255)
    if frames.dtype.kind not in "iuf":
        raise CineError(name, f"frames must hold real numbers, got {frames.dtype}")
    low, high = float(frames.min()), float(frames.max())
    if not np.isfinite([low, high]).all():
        raise CineError(name, "frames hold NaN or infinite values")
    if low >= 0:
        low, high = 0.0, _white(high, frames.dtype)
    scale = 255.0 / (high - low) if high > low else 0.0
    result = np.empty(frames.shape, np.uint8)
    for target, frame in zip(result, frames, strict=True):
        target[...] = np.rint((frame.astype(np.float64) - low) * scale)
    return result


def _white(largest: float, dtype: np.dtype) -> float:
    if dtype.kind == "f" and largest <= 1:
        return 1.0
    return max(largest, 255.0)
