"""Which detected keyframe answers which labelled one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

LARGEST_TOLERANCE = 0.25
"""A detection further than this from a keyframe, in s, is never taken for it."""


@dataclass(frozen=True)
class Matching:
    """One-to-one: ``pairs`` of (index of the true event, index of the detected one); the rest is missed or extra."""

    pairs: tuple[tuple[int, int], ...]
    missed: tuple[int, ...]
    extra: tuple[int, ...]


def tolerances(true_times: np.ndarray) -> np.ndarray:
    """How far a detection may lie from each true event: 0.25 s, or half the shorter beat beside it if that is less.

    true_times: ascending, s, of one phase; events just outside the clip may be included. Returns float64 ``[n]`` s.
    """
    times = np.asarray(true_times, float)
    gaps = np.concatenate([[np.inf], np.diff(times), [np.inf]])
    return np.minimum(LARGEST_TOLERANCE, 0.5 * np.minimum(gaps[:-1], gaps[1:]))[: len(times)]


def match(true_times: np.ndarray, detected_times: np.ndarray, tolerance: np.ndarray | float) -> Matching:
    """Pair as many events as lie within tolerance, and among such pairings the one of least total distance (Hungarian).

    All in s and of one phase. ``tolerance``: one value, or one for each true event.
    """
    true, detected = np.asarray(true_times, float), np.asarray(detected_times, float)
    distance = np.abs(true[:, None] - detected[None, :])
    # A microsecond of slack: times are sums of frame intervals, and "within 0.25 s" must include 0.25 s.
    allowed = distance <= np.broadcast_to(tolerance, true.shape)[:, None] + 1e-6
    # A forbidden pair costs more than all allowed ones together, so the assignment never trades one for the other.
    forbidden = 1.0 + distance[allowed].sum()
    rows, columns = linear_sum_assignment(np.where(allowed, distance, forbidden))
    pairs = tuple((int(i), int(j)) for i, j in zip(rows, columns, strict=True) if allowed[i, j])
    found, used = {i for i, _ in pairs}, {j for _, j in pairs}
    return Matching(
        pairs,
        tuple(i for i in range(len(true)) if i not in found),
        tuple(j for j in range(len(detected)) if j not in used),
    )
