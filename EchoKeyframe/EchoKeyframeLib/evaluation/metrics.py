"""How well detected keyframes agree with labelled ones over many clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..detection.keyframes import Phase
from .clip_score import ClipResult, Event, Extra


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
