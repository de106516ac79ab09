"""Where a clip's beats lie, for systems that look at one beat at a time, and the frames that each is shown as."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..cine.cine import Cine
from .decode import beat_length, decode_beats
from .keyframes import Curves, Phase

MARGIN = 0.15
"""Share of a beat that is shown before and after it, so that its EDs lie inside."""

SHORTEST = 4.0
"""Frames; two bounds nearer to each other are one."""

LONGEST = 1.75
"""Usual beats; the pause after an ectopic beat is shorter."""


def beat_bounds(cine: Cine, motion: Curves) -> np.ndarray:
    """Frames (float, ascending, at least two) between which the clip's beats lie, about at its EDs.

    The file's R waves if there are any, else the EDs of the motion curves; beats of the usual length before the first
    and after the last of them cover the clip. Where nothing is found the whole clip counts as one beat.
    """
    last = len(cine) - 1.0
    inside = [time for time in cine.r_waves if 0 <= time <= cine.times[-1]]
    bounds = np.interp(inside, cine.times, np.arange(len(cine)))
    if not len(bounds):
        bounds = np.array([k.frame for k in decode_beats(motion) if k.phase is Phase.ED], float)
    if not len(bounds):
        return np.array([0.0, max(last, SHORTEST)])
    bounds = np.sort(bounds)
    bounds = bounds[np.concatenate([[True], np.diff(bounds) >= SHORTEST])]
    interval = float(np.median(np.diff(cine.times)))
    usual = float(np.median(np.diff(bounds))) if len(bounds) > 1 else beat_length(motion) / interval
    usual = max(usual, SHORTEST)
    bounds = _with_missing(bounds, usual)
    before = bounds[0] - usual * np.arange(max(np.ceil(bounds[0] / usual), 0), 0, -1)
    after = bounds[-1] + usual * np.arange(1, max(np.ceil((last - bounds[-1]) / usual), 1) + 1)
    return np.concatenate([before, bounds, after])


def _with_missing(bounds: np.ndarray, usual: float) -> np.ndarray:
    """Bounds in between where two lie so far apart that a beat must have been overlooked."""
    parts = [bounds[:1]]
    for start, end in pairwise(bounds):
        beats = round((end - start) / usual) if end - start > LONGEST * usual else 1
        parts.append(np.linspace(start, end, beats + 1)[1:])
    return np.concatenate(parts)


def beat_frames(start: float, end: float, count: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """``count`` frames evenly over a beat and its margins (``MARGIN``).

    Returns their numbers int ``[count]`` and whether each exists, bool ``[count]``. Numbers outside ``[0, length)`` are
    kept; frames may repeat where a beat has fewer than ``count``.
    """
    around = MARGIN * (end - start)
    index = np.rint(np.linspace(start - around, end + around, count)).astype(int)
    return index, (index >= 0) & (index < length)
