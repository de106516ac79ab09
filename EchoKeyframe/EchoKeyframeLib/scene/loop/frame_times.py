"""When each item of a sequence was taken, read from its index values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...cine.cine import HIGHEST_FRAME_RATE
from ..scene_error import SceneError, require_sequence
from .navigation import find_browser

_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "msecs", "millisec", "millisecs", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "usec", "usecs", "microsec", "microsecond", "microseconds"), 1e-6),
}
_SHORTEST_STEP, _LONGEST_STEP = 1 / HIGHEST_FRAME_RATE, 1.0
"""Seconds from frame to frame between which an echo's lie."""


def index_is_time(sequence: Any) -> bool:
    """Whether the index is numeric with a unit of time, and not a count of frames that has one all the same.

    "s" is the unit that a sequence has where nobody set one: filled with 0, 1, 2 it counts. So do steps that no echo
    has.
    """
    unit = _unit(sequence)
    return unit is not None and not _counts_frames(sequence, unit)


def frame_times(sequence: Any) -> np.ndarray:
    """Time of each item, float64 ``[T]`` s, strictly increasing.

    Index values in time (``index_is_time``) count as they are. Other index values (a frame number, text) say nothing
    about time: then items are as far apart as the playback rate of the sequence's browser says, 10/s without a browser.

    Raises SceneError if the sequence is empty or gone, or an index value is no number or does not increase.
    """
    require_sequence(sequence)
    count = sequence.GetNumberOfDataNodes()
    if not index_is_time(sequence):
        return np.arange(count, dtype=np.float64) / playback_rate(sequence)
    values = _index_values(sequence)
    if values is None:
        raise SceneError(f"{sequence.GetName()}: an index value is not a number, so frame times are unknown")
    times = values * _unit(sequence)
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise SceneError(f"{sequence.GetName()}: index values in {sequence.GetIndexUnit()} must increase item by item")
    return times


def _unit(sequence: Any) -> float | None:
    """Seconds of the index's unit, None where it is not numeric or no unit of time."""
    if sequence.GetIndexType() != sequence.NumericIndex:
        return None
    return _SECONDS.get((sequence.GetIndexUnit() or "").strip().rstrip(".").lower())


def _index_values(sequence: Any) -> np.ndarray | None:
    """The index values, float64 ``[T]``; None where one is no number."""
    try:
        return np.array([float(sequence.GetNthIndexValue(i)) for i in range(sequence.GetNumberOfDataNodes())])
    except ValueError:
        return None


def _counts_frames(sequence: Any, unit: float) -> bool:
    values = _index_values(sequence)
    if values is None or len(values) < 2:
        return False
    steps = np.diff(values)
    usual = float(np.median(steps)) * unit
    return bool((steps == 1).all()) or (usual > 0 and not _SHORTEST_STEP <= usual <= _LONGEST_STEP)


def playback_rate(sequence: Any) -> float:
    """Frames per second at which the sequence's browser plays it; 10 where none does."""
    browser = find_browser(sequence)
    rate = browser.GetPlaybackRateFps() if browser else 0.0
    return rate if rate > 0 else 10.0
