"""What the published systems that answer with one number a frame should answer, from labelled keyframes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

STRAIGHT = (1.0, 1.0)
"""Powers of Lane's labels: straight lines between ED and ES."""

VOLUME_LIKE = (3.0, 1.0 / 3.0)
"""Powers in systole and diastole after Kong et al. (and Dezaki et al.): steep after ED, flat around ES, a fast rise and
then a plateau until the next ED, as the LV's volume does."""


def phase_curve(
    positions: np.ndarray, ed: np.ndarray, es: np.ndarray, powers: tuple[float, float] = STRAIGHT
) -> np.ndarray:
    """1 at each ED, 0 at each ES: the share of the way from ES, to the power of that half of the beat.

    positions: float ``[n]``. ed, es: ascending keyframes, virtual ones included; all in frames.
    Returns float32 ``[n]``, NaN where a position does not lie between an ED and an ES that follow each other.
    """
    values = np.full(len(positions), np.nan)
    for start, end, systole in _halves(ed, es):
        inside = (positions >= start) & (positions <= end)
        way = (np.asarray(positions)[inside] - start) / (end - start)
        values[inside] = (1 - way) ** powers[0] if systole else way ** powers[1]
    return values.astype(np.float32)


def systole_share(positions: np.ndarray, ed: np.ndarray, es: np.ndarray, width: float = 1.0) -> np.ndarray:
    """Share in [0, 1] of the ``width`` frames around each position that belongs to systole (ED to ES).

    A keyframe's own frame is half systole, half diastole, so that the switch lies on it and not beside it.
    Returns float32 ``[n]``, NaN where a position does not lie between an ED and an ES that follow each other.
    """
    positions = np.asarray(positions, float)
    share, known = np.zeros(len(positions)), np.zeros(len(positions), bool)
    for start, end, systole in _halves(ed, es):
        known |= (positions >= start) & (positions <= end)
        if systole:
            covered = np.minimum(positions + width / 2, end) - np.maximum(positions - width / 2, start)
            share += np.clip(covered / width, 0, 1)
    return np.where(known, share, np.nan).astype(np.float32)


def _halves(ed: Sequence[float], es: Sequence[float]) -> list[tuple[float, float, bool]]:
    """Systoles (True) and diastoles (False) as (start, end); two keyframes of one kind in a row enclose neither."""
    events = sorted([(float(frame), True) for frame in ed] + [(float(frame), False) for frame in es])
    return [(a, b, first) for (a, first), (b, second) in pairwise(events) if first is not second and a < b]
