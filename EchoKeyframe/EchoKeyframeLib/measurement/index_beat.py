"""Which beat stands for all where the rhythm is irregular."""

from __future__ import annotations

from collections.abc import Iterable

from ..detection.keyframes import Beat

ALIKE = 0.06
"""Seconds by which the two intervals before an index beat may differ. How much a ventricle fills and ejects follows
from how long the two beats before took; where they were alike, the beat is about the mean of many."""


def index_beats(beats: Iterable[Beat]) -> dict[int, float]:
    """Beats before which two intervals from ED to ED are alike: their number, and by how many seconds they differ.

    Intervals that touch the clip's edge count for nothing. beats: of one cine, in their order.
    """
    ordered = list(beats)
    found: dict[int, float] = {}
    for first, second, beat in zip(ordered, ordered[1:], ordered[2:], strict=False):
        opening = [b.ed for b in (first, second, beat)]
        if any(keyframe is None or keyframe.at_edge for keyframe in opening):
            continue
        start, middle, end = (keyframe.time for keyframe in opening if keyframe is not None)
        difference = abs((end - middle) - (middle - start))
        if difference <= ALIKE + 1e-9:  # times are sums of frame intervals
            found[beat.number] = difference
    return found
