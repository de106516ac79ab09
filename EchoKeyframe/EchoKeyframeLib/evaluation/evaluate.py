"""Runs a detector over labelled clips and scores what it finds."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..cine.cine import Cine, CineError
from ..cine.frames_digest import frames_digest, short_digest
from ..cine.orientation import Orientation
from ..cine.sector import Sector, find_sector, whole_frame
from ..datasets.clip_labels import ClipLabels
from ..datasets.dataset import LabelledCine
from ..detection.detect import interpret
from ..detection.detector import Detector
from ..detection.film import Film
from ..detection.film_curves import film_curves
from ..detection.find_view import find_view
from ..detection.keyframes import Curves, Detection, Phase
from .clip_score import ClipResult, score_clip
from .metrics import (
    Metrics,
    PaperMetrics,
    Selection,
    afd_terms,
    bias_terms,
    bootstrap_interval,
    f1_terms,
    summarise,
    summarise_as_paper,
)

if TYPE_CHECKING:
    from ..training.stores.clip_store import ClipStore

HEART_RATES = ((0, 60, "below 60/min"), (60, 100, "60 to 100/min"), (100, math.inf, "from 100/min"))
FRAME_RATES = (
    (0, 20, "below 20 frames/s"), (20, 30, "20 to 30 frames/s"),
    (30, 60, "30 to 60 frames/s"), (60, math.inf, "from 60 frames/s"),
)  # fmt: skip


class Case(NamedTuple):
    """A cine, where its sector is (None: find it), and its keyframes. source: ``short_digest`` of the decoded frames.
    patient: a key that tells patients apart; None where it is not known. orientation: what a person knows of it."""

    cine: Cine
    sector: Sector | None
    labels: ClipLabels
    source: str | None = None
    patient: str | None = None
    orientation: Orientation | None = None


class Row(NamedTuple):
    """One line of the table, with 95 % intervals; None for the clips' ends and the rest, which share their clips."""

    group: str
    phase: Phase | None
    clips: int
    metrics: Metrics
    afd_interval: tuple[float, float] | None = None
    f1_interval: tuple[float, float] | None = None
    bias_interval: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a detector with one decoder achieved on a set of clips.

    failures: (file, reason) of clips that could not be read or detected; they are not in ``results``.
    """

    detector: str
    decoder: str
    data: str
    results: tuple[ClipResult, ...]
    failures: tuple[tuple[str, str], ...] = field(default=())

    def metrics(self, phase: Phase | None = None, at_end: bool | None = None) -> Metrics:
        return summarise(self.results, Selection(phase, at_end))

    def paper(self) -> PaperMetrics:
        return summarise_as_paper(self.results)

    def rows(self) -> tuple[Row, ...]:
        """All clips, the clip's ends and the rest apart, then by view, heart rate and frame rate."""
        return self._rows

    @cached_property
    def _rows(self) -> tuple[Row, ...]:
        rows = [_with_intervals("all", self.results, phase) for phase in (None, *Phase)]
        for at_end, name in ((True, "at the clip's ends"), (False, "away from them")):
            rows += [Row(name, p, len(self.results), self.metrics(p, at_end)) for p in Phase]
        for name, members in self._groups():
            rows += [_with_intervals(name, members, phase) for phase in Phase]
        return tuple(rows)

    def _groups(self) -> Iterable[tuple[str, list[ClipResult]]]:
        for view in sorted({r.view for r in self.results if r.view}):
            yield view, [r for r in self.results if r.view == view]
        yield from self._ranges(HEART_RATES, lambda r: r.heart_rate)
        yield from self._ranges(FRAME_RATES, lambda r: r.fps)

    def _ranges(
        self, ranges: Sequence[tuple[float, float, str]], value: Callable[[ClipResult], float | None]
    ) -> Iterable[tuple[str, list[ClipResult]]]:
        for low, high, name in ranges:
            members = [r for r in self.results if value(r) is not None and low <= value(r) < high]
            if members:
                yield name, members


def _with_intervals(group: str, results: Sequence[ClipResult], phase: Phase | None) -> Row:
    selection = Selection(phase)
    intervals = (bootstrap_interval(results, terms, selection) for terms in (afd_terms, f1_terms, bias_terms))
    return Row(group, phase, len(results), summarise(results, selection), *intervals)


def evaluate(
    cases: Iterable[Case | tuple[str, str]],
    detector: Detector,
    decoders: Sequence[str] = ("beats",),
    data: str = "labelled clips",
    progress: Callable[[int], None] | None = None,
) -> list[Evaluation]:
    """Score a detector on labelled clips, once for each decoder (curves are computed once).

    cases: as ``labelled_cines`` and ``stored_clips`` give them; a pair (file, reason) is a clip that could not be
    read. progress: called with the number of clips done. A clip that fails is listed, the others go on.
    """
    results: dict[str, list[ClipResult]] = {decoder: [] for decoder in decoders}
    failures: list[tuple[str, str]] = []
    for done, case in enumerate(cases, 1):
        if isinstance(case, Case):
            try:
                curves, sector, film = case_curves(case, detector)
                seen = find_view(film, case.cine.times)
                for decoder in decoders:
                    result = score_case(case, curves, decoder, sector, film)[1]
                    results[decoder].append(replace(result, seen=seen))
            except CineError as error:
                failures.append((case.labels.file, error.reason))
        else:
            failures.append(case)
        if progress:
            progress(done)
    return [Evaluation(detector.name, d, data, tuple(results[d]), tuple(failures)) for d in decoders]


def case_curves(case: Case, detector: Detector) -> tuple[Curves, Sector, Film]:
    """A detector's curves of a labelled clip, the sector that they were taken from, and what the film shows."""
    sector = case.sector or find_sector(case.cine, case.orientation)
    if case.orientation is not None:
        sector = replace(sector, orientation=case.orientation, orientation_given=True)
    film = Film.of(case.cine, sector)
    return film_curves(case.cine, sector, film, detector), sector, film


def score_case(
    case: Case, curves: Curves, decoder: str, sector: Sector, film: Film | None = None
) -> tuple[Detection, ClipResult]:
    """The keyframes that a decoder reads from these curves, and how they agree with the labels.

    film: where it is known.
    """
    detection = interpret(curves, case.cine, decoder, sector, film)
    truth = {phase: case.labels.of(phase) for phase in Phase}
    view, times = case.labels.view or case.cine.view, np.asarray(case.cine.times)
    decided = case.labels.decided_frames(len(times))
    result = score_clip(case.labels.file, times, truth, detection.keyframes, view, decided)
    return detection, replace(result, patient=case.patient)


def stored_clips(store: ClipStore, number: int | None = None, only: Collection[str] | None = None) -> Iterable[Case]:
    """Cases from a store, the first ``number`` or all: frames that are prepared already, simulated or real.

    only: names of the clips that are wanted (None: all).
    """
    for index in range(len(store) if number is None else min(number, len(store))):
        clip = store[index]
        if only is not None and clip.labels.file not in only:
            continue
        cine = clip.cine()
        yield Case(cine, whole_frame(cine, orientation=find_sector(cine).orientation), clip.labels, clip.source)


def labelled_cines(
    cines: Iterable[LabelledCine], only: Collection[str] | None = None
) -> Iterable[Case | tuple[str, str]]:
    """Cases from the cines of a labelled set (``Dataset.cines``); one is held at a time.

    only: files that are wanted, the others stay unread (None: all).
    """
    for labelled in cines:
        if only is not None and labelled.labels.file not in only:
            continue
        try:
            cine = labelled.read()
            source = short_digest(frames_digest(cine.frames))
            yield Case(cine, None, labelled.labels, source, labelled.patient)
        except CineError as error:
            yield labelled.labels.file, error.reason
