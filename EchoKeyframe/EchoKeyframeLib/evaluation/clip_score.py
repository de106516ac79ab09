"""One clip's detected keyframes beside its labelled ones: which of either count, and which answer one another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ..detection.keyframes import Keyframe, Phase
from ..detection.seen_view import SeenView
from .matching import match, tolerances

EDGE_SECONDS = 0.1
"""An event nearer than this to the clip's first or last frame counts as one at the clip's end."""


@dataclass(frozen=True)
class Event:
    """One labelled keyframe inside the clip and what was detected for it.

    frame: its position, 0-based, possibly fractional. error_frames, error_s: detected minus true, None if missed.
    nearest_frames: distance to the nearest detection of the phase however far (the paper's pairing), None if the phase
    was not detected at all. at_end: within ``EDGE_SECONDS`` of the clip's first or last frame.
    """

    phase: Phase
    frame: float
    error_frames: float | None
    error_s: float | None
    nearest_frames: float | None
    at_end: bool


@dataclass(frozen=True)
class Extra:
    """A detection that answers no labelled keyframe."""

    phase: Phase
    frame: int
    at_end: bool


@dataclass(frozen=True)
class ClipResult:
    """One clip's events. heart_rate: beats per minute from the labels, None where they do not span a beat. patient: a
    key that tells patients apart and is never shown; None where it is not known. seen: what the picture
    shows, None where nobody could tell."""

    name: str
    view: str | None
    heart_rate: float | None
    fps: float | None
    events: tuple[Event, ...]
    extras: tuple[Extra, ...]
    patient: str | None = field(default=None, repr=False)
    seen: SeenView | None = None


def score_clip(
    name: str,
    times: np.ndarray,
    truth: dict[Phase, np.ndarray],
    detected: Sequence[Keyframe],
    view: str | None = None,
    decided: np.ndarray | None = None,
) -> ClipResult:
    """Compare one clip's detections with its labels.

    times: float64 ``[T]`` s. truth: positions in frames for each phase; those outside ``[0, T - 1]`` are virtual
    events: nobody has to find them, but a detection at the clip's end that answers one is no extra either. decided:
    bool ``[T]``, frames whose keyframes are all among the labels (None: all); no detection outside them is an extra.
    """
    events: list[Event] = []
    extras: list[Extra] = []
    for phase in Phase:
        found = [k for k in detected if k.phase is phase]
        phase_events, phase_extras = _score_phase(phase, times, np.asarray(truth[phase], float), found)
        events += phase_events
        extras += [extra for extra in phase_extras if decided is None or decided[extra.frame]]
    interval = float(np.median(np.diff(times))) if len(times) > 1 else None
    rate = _heart_rate([np.asarray(truth[phase], float) for phase in Phase], times, decided)
    return ClipResult(name, view, rate, 1 / interval if interval else None, tuple(events), tuple(extras))


def time_of(frames: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Times in s of fractional frame positions, carried on at the median interval outside the clip."""
    frames, last = np.asarray(frames, float), len(times) - 1
    interval = float(np.median(np.diff(times))) if last else 0.0
    inside = np.interp(frames, np.arange(len(times)), times)
    return inside + interval * (np.minimum(frames, 0.0) + np.maximum(frames - last, 0.0))


def _score_phase(
    phase: Phase, times: np.ndarray, truth: np.ndarray, detected: list[Keyframe]
) -> tuple[list[Event], list[Extra]]:
    true_times = time_of(truth, times)
    frames = np.array([k.frame for k in detected], float)
    detected_times = time_of(frames, times)
    inside = np.flatnonzero((truth >= 0) & (truth <= len(times) - 1))
    outside = np.setdiff1d(np.arange(len(truth)), inside)
    tolerance = tolerances(true_times)
    matching = match(true_times[inside], detected_times, tolerance[inside])
    partner = dict(matching.pairs)
    events = []
    for i, k in enumerate(inside):
        j = partner.get(i)
        events.append(
            Event(
                phase,
                float(truth[k]),
                None if j is None else float(frames[j] - truth[k]),
                None if j is None else float(detected_times[j] - true_times[k]),
                float(np.abs(frames - truth[k]).min()) if len(frames) else None,
                _at_end(true_times[k], times),
            )
        )
    left = np.array(matching.extra, int)
    extras_after_virtual = match(true_times[outside], detected_times[left], tolerance[outside]).extra
    extras = [Extra(phase, int(frames[j]), _at_end(detected_times[j], times)) for j in left[list(extras_after_virtual)]]
    return events, extras


def _at_end(time: float, times: np.ndarray) -> bool:
    return bool(min(time - times[0], times[-1] - time) < EDGE_SECONDS)


def _heart_rate(truth: list[np.ndarray], times: np.ndarray, decided: np.ndarray | None) -> float | None:
    """From intervals between keyframes of one phase; those in which some may be missing do not count."""
    intervals = np.concatenate([np.diff(time_of(frames, times)) for frames in truth])
    if decided is not None:
        spans = [(a, b) for frames in truth for a, b in pairwise(frames)]
        whole = [decided[max(0, math.ceil(a)) : max(0, math.floor(b)) + 1].all() for a, b in spans]
        intervals = intervals[np.array(whole, bool)]
    return 60.0 / float(np.median(intervals)) if len(intervals) else None
