"""Times from the forms in which Frame Time Vector (0018,1065) is met: increments, as the standard has it, or times."""

from __future__ import annotations

import numpy as np

_INTERVAL = (0.5, 1000.0)  # ms
_EVEN = 1.5  # largest over smallest increment of a vector that may well hold increments
_LONG = 200.0  # ms: increments beyond this would be no echo
_FEWEST_FOR_UNEVEN = 6  # values that rise throughout without being times: one chance in hundreds


def is_interval(milliseconds: float) -> bool:
    """Whether this can lie between two frames of an echo."""
    return bool(_INTERVAL[0] <= milliseconds <= _INTERVAL[1])


def whole_vector(values: list[float], count: int, declared: int, doubts: list[str]) -> np.ndarray | None:
    """The vector with one value, float64 ms, for each of ``count`` frames; NaN where it has none.

    A vector without the first value, which is no increment and 0, gets it; one that is a few values short at its end is
    filled up.
    None, with a line in ``doubts``, where it is far too short.
    """
    vector = np.array(values, np.float64)
    if len(vector) == declared - 1 and len(vector) < declared and vector[0] != 0:
        vector = np.concatenate([[0.0], vector])
    lacking = count - len(vector)
    if lacking <= 0:
        return vector[:count]
    if lacking > max(2, count // 10) or 2 * lacking >= count:
        doubts.append(f"FrameTimeVector has {len(values)} values for {count} frames and is ignored")
        return None
    doubts.append(f"FrameTimeVector has {len(values)} values for {count} frames; the last get its usual interval")
    return np.concatenate([vector, np.full(lacking, np.nan)])


def increments(vector: np.ndarray, doubts: list[str]) -> np.ndarray:
    """Milliseconds from each frame to the next, from a vector that holds them or, which is told, times."""
    if not holds_times(vector):
        return vector[1:]
    doubts.append("FrameTimeVector holds times since the first frame instead of increments and is read so")
    known = np.flatnonzero(np.isfinite(vector))
    times = np.interp(np.arange(len(vector)), known, vector[known])
    first, last = known[0], known[-1]
    usual = np.median(np.diff(times[first : last + 1]))
    times[:first] = times[first] - usual * np.arange(first, 0, -1)
    times[last + 1 :] = times[last] + usual * np.arange(1, len(vector) - last)
    return np.diff(times)


def holds_times(vector: np.ndarray) -> bool:
    """Values that rise from frame to frame are no increments but times: no cine slows down like that."""
    known = np.flatnonzero(np.isfinite(vector))
    if len(known) < 4 or 2 * len(known) < len(vector):
        return False
    values = vector[known]
    steps = np.diff(values) / np.diff(known)
    if not (steps > 0).all() or values[0] < 0 or not is_interval(float(np.median(steps))):
        return False
    later = values[1:]
    if values[-1] <= 3 * np.median(steps) or (np.median(later) <= _LONG and later[-1] <= _EVEN * later[0]):
        return False
    return bool(steps.max() < 2 * steps.min() or len(known) >= _FEWEST_FOR_UNEVEN)
