"""The sliding window over encoded frames (eq. 2 of the paper, fig. 6)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .batches import Batches
from .detector import Progress


def window_starts(length: int, window: int, step: int = 1) -> np.ndarray:
    """First frames of the windows over ``length`` frames, ``step`` apart, with the last that fits always among them."""
    last = max(length - window, 0)
    return np.unique(np.append(np.arange(0, last + 1, step), last))


def mean_over_windows(
    count: int,
    outputs_of: Callable[[np.ndarray], np.ndarray],
    window: int,
    real: int,
    batches: Batches,
    step: int = 1,
    progress: Progress | None = None,
) -> np.ndarray:
    """Each frame's outputs, averaged over all windows that contain it.

    count: encoded frames, at least ``window``, of which the first ``real`` belong to the clip; the rest are zero frames
    that fill the last windows, and no value of theirs is kept.
    outputs_of: first frames of windows ``[N]`` to their outputs float32 ``[N, window, outputs]``.
    Returns float32 ``[real, outputs]``.
    """
    starts = window_starts(count, window, step)
    sums: np.ndarray | None = None
    counts = np.zeros((count, 1))

    def work(part: slice) -> None:
        nonlocal sums
        chosen = starts[part]
        outputs = outputs_of(chosen)
        if sums is None:
            sums = np.zeros((count, outputs.shape[2]))
        for k in range(window):
            sums[chosen + k] += outputs[:, k]
            counts[chosen + k] += 1

    batches.run(len(starts), work, progress)
    assert sums is not None  # there is a window, even of a clip that is shorter
    return (sums / counts)[:real].astype(np.float32)
