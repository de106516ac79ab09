"""When each item of a sequence was taken, read from its index values."""

from __future__ import annotations

from typing import Any

import numpy as np

from .navigation import find_browser
from .scene_error import SceneError, require_sequence

_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "µs": 1e-6}


def index_is_time(sequence: Any) -> bool:
    """Whether the index is numeric with a unit of time."""
    return (
        sequence.GetIndexType() == sequence.NumericIndex
        and (sequence.GetIndexUnit() or "").strip().lower() in _SECONDS
    )


def frame_times(sequence: Any) -> np.ndarray:
    """Time of each item, float64 ``[T]`` s, strictly increasing.

    Index values with a unit of time count as they are. Other index values (a frame number, text) say nothing about
    time: then items are as far apart as the playback rate of the sequence's browser says, 10/s without a browser.

    Raises SceneError if the sequence is empty or gone, or an index value is no number or does not increase.
    """
    require_sequence(sequence)
    count = sequence.GetNumberOfDataNodes()
    if not index_is_time(sequence):
        return np.arange(count, dtype=np.float64) / playback_rate(sequence)
    texts = [sequence.GetNthIndexValue(i) for i in range(count)]
    try:
        values = np.array([float(text) for text in texts])
    except ValueError:
        raise SceneError(f"{sequence.GetName()}: an index value is not a number, so frame times are unknown") from None
    times = values * _SECONDS[sequence.GetIndexUnit().strip().lower()]
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise SceneError(f"{sequence.GetName()}: index values in {sequence.GetIndexUnit()} must increase item by item")
    return times


def playback_rate(sequence: Any) -> float:
    """Frames per second at which the sequence's browser plays it; 10 where none does."""
    browser = find_browser(sequence)
    rate = browser.GetPlaybackRateFps() if browser else 0.0
    return rate if rate > 0 else 10.0
