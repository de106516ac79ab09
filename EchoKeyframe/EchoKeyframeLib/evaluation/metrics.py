"""How well detected keyframes agree with labelled ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ..detection.keyframes import Keyframe, Phase
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
    key that tells patients apart and is never shown; None where it is not known."""

    name: str
    view: str | None
    heart_rate: float | None
    fps: float | None
    events: tuple[Event, ...]
    extras: tuple[Extra, ...]
    patient: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Metrics:
    """Figures over many events; NaN where nothing was there to count.

    afd_*: mean and standard deviation of \\|detected - true\\| over matched events. bias_*: mean of detected - true.
    """

    true: int
    found: int
    missed: int
    extra: int
    afd_frames: float
    afd_frames_sd: float
    afd_ms: float
    afd_ms_sd: float
    bias_frames: float
    bias_ms: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class PaperMetrics:
    """The paper's figures: eq. 4 and 5 over every true event against the nearest detection; cycles as half the events.

    unanswered: true events of clips in which the phase was not detected at all; eq. 4 has no term for them.
    """

    afd_ed: float
    afd_ed_sd: float
    afd_es: float
    afd_es_sd: float
    detected_cycles: float
    true_cycles: float
    unanswered: int

    @property
    def cycle_detection_rate(self) -> float:
        return _ratio(self.detected_cycles, self.true_cycles)


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


@dataclass(frozen=True)
class Selection:
    """Which events count: one phase or both (None), those at the clips' ends, the others, or all (None)."""

    phase: Phase | None = None
    at_end: bool | None = None

    def takes(self, item: Event | Extra) -> bool:
        return (self.phase is None or item.phase is self.phase) and (
            self.at_end is None or item.at_end is self.at_end
        )


def summarise(results: Sequence[ClipResult], selection: Selection = Selection()) -> Metrics:
    """Metrics over all selected events of these clips. Standard deviations are those of the population (eq. 5)."""
    events = [e for r in results for e in r.events if selection.takes(e)]
    extra = sum(selection.takes(x) for r in results for x in r.extras)
    frames = np.array([e.error_frames for e in events if e.error_frames is not None])
    ms = 1000 * np.array([e.error_s for e in events if e.error_s is not None])
    found = len(frames)
    return Metrics(
        true=len(events),
        found=found,
        missed=len(events) - found,
        extra=extra,
        afd_frames=_mean(np.abs(frames)),
        afd_frames_sd=_sd(np.abs(frames)),
        afd_ms=_mean(np.abs(ms)),
        afd_ms_sd=_sd(np.abs(ms)),
        bias_frames=_mean(frames),
        bias_ms=_mean(ms),
        precision=_ratio(found, found + extra),
        recall=_ratio(found, len(events)),
        f1=_ratio(2 * found, len(events) + found + extra),
    )


def summarise_as_paper(results: Sequence[ClipResult]) -> PaperMetrics:
    """AFD by eq. 4 and 5 and the cardiac-cycle detection rate."""
    events = [e for r in results for e in r.events]
    distances = {
        phase: np.array([e.nearest_frames for e in events if e.phase is phase and e.nearest_frames is not None])
        for phase in Phase
    }
    return PaperMetrics(
        _mean(distances[Phase.ED]),
        _sd(distances[Phase.ED]),
        _mean(distances[Phase.ES]),
        _sd(distances[Phase.ES]),
        detected_cycles=sum(e.error_frames is not None for e in events) / 2,
        true_cycles=len(events) / 2,
        unanswered=sum(e.nearest_frames is None for e in events),
    )


Terms = Callable[[Sequence[Event], int], tuple[float, float]]
"""Numerator and denominator that a clip's events and its number of extras add to a figure over many clips."""


def afd_terms(events: Sequence[Event], extra: int) -> tuple[float, float]:
    """Of the AFD in frames."""
    errors = [abs(e.error_frames) for e in events if e.error_frames is not None]
    return sum(errors), len(errors)


def bias_terms(events: Sequence[Event], extra: int) -> tuple[float, float]:
    """Of the bias in ms."""
    errors = [1000 * e.error_s for e in events if e.error_s is not None]
    return sum(errors), len(errors)


def f1_terms(events: Sequence[Event], extra: int) -> tuple[float, float]:
    """Of F1."""
    found = sum(e.error_frames is not None for e in events)
    return 2 * found, len(events) + found + extra


def bootstrap_interval(
    results: Sequence[ClipResult],
    terms: Terms,
    selection: Selection = Selection(),
    repeats: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of one figure. Whole patients are drawn with all their clips, since those err
    together; a clip whose patient is not known counts as a patient of its own."""
    random, patients = np.random.default_rng(seed), by_patient(results)
    sums = np.array([np.sum([_clip_terms(clip, terms, selection) for clip in p], axis=0) for p in patients])
    drawn = [sums[random.integers(0, len(sums), len(sums))].sum(axis=0) for _ in range(repeats if len(sums) else 0)]
    figures = np.array([part / whole for part, whole in drawn if whole])
    if not len(figures):
        return float("nan"), float("nan")
    low, high = np.quantile(figures, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _clip_terms(clip: ClipResult, terms: Terms, selection: Selection) -> tuple[float, float]:
    return terms([e for e in clip.events if selection.takes(e)], sum(map(selection.takes, clip.extras)))


def by_patient(results: Sequence[ClipResult]) -> list[list[ClipResult]]:
    """Clips of one patient together, in the order of the first; each clip by itself whose patient is not known."""
    groups: dict[object, list[ClipResult]] = {}
    for place, result in enumerate(results):
        groups.setdefault(place if result.patient is None else result.patient, []).append(result)
    return list(groups.values())


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _sd(values: np.ndarray) -> float:
    return float(values.std()) if len(values) else float("nan")


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
