"""From traced contours to volumes, ejection fraction and cardiac output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from ..detection.keyframes import Beat, Phase
from .contour import AUTO, MANUAL, Contour, MeasurementError
from .disks import Disks, cut
from .index_beat import index_beats
from .measurement import BeatMeasurement, Measurement, Method, PhaseVolume
from .plausible import implausible, one_chamber
from .traced_view import TracedView, check_two_views
from .unfit import Doubt, RefusedBeat, in_order

NOTED_LENGTH_DIFFERENCE = 0.1
"""Between the long axes of the two views, over the longer: above it one of them is likely to be foreshortened."""
NOTED_RATE_DIFFERENCE, LARGEST_RATE_DIFFERENCE = 0.1, 0.2
"""Between the heart rates of the two views, over the faster: a note, and no number at all. The guideline has none."""
NOTED_BEAT_DIFFERENCE, LARGEST_BEAT_DIFFERENCE = 0.2, 0.6
"""Between the largest and the smallest volume of one phase over all beats, over the largest: a note, and of found
contours no number at all."""
NOTED_CHECK_DIFFERENCE = 0.2
"""Between the volume by disks and that by area-length, over the former."""


@dataclass(frozen=True, eq=False)
class TracedBeat:
    """A beat of one view with both its contours."""

    beat: Beat
    ed: Contour
    es: Contour

    @property
    def contours(self) -> tuple[Contour, Contour]:
        return self.ed, self.es

    @property
    def confidence(self) -> float:
        return min(self.ed.confidence, self.es.confidence)

    @property
    def unfit(self) -> tuple[str, ...]:
        """What speaks against it, in words."""
        return in_order(*self.beat.unfit, *self.ed.doubts, *self.es.doubts)


TracedPair = tuple[TracedBeat, ...]
"""Beats of each view that are measured together, or the one of a single view."""


class OtherChamber(MeasurementError):
    """Contours of one beat that were found do not lie in one chamber."""


class NothingMeasured(MeasurementError):
    """No beat gives a number. refused: why not, for each of them."""

    def __init__(self, name: str, refused: Sequence[RefusedBeat]) -> None:
        by_words: dict[str, list[str]] = {}
        for one in refused:
            by_words.setdefault(", ".join(one.unfit), []).append(str(one.beat))
        told = [f"{words} (beat {', '.join(beats)})" for words, beats in by_words.items()]
        alike = len({one.reason for one in refused}) == 1
        super().__init__(name, refused[0].reason if alike else f"no beat can be measured: {'; '.join(told)}")
        self.refused = tuple(refused)


def measure(view: TracedView, other: TracedView | None = None) -> Measurement:
    """Measure every beat that has both an ED and an ES contour; with two views, biplane.

    A beat's ED contour lies on the ED that opens it or, where that is not traced, on the one that ends it (a warning
    says so). Beats of two views are paired in their order. Heart rate: from ED to next ED, the mean of both views in a
    biplane measurement; where no beat gives one, the cine's (a warning says so). Where the size of a pixel is not
    known, there is an ejection fraction, of pixels taken for square (a warning says so), but no volume and no length.

    Raises MeasurementError, and gives no number, where no beat has both contours, the views are not one A4C and one
    A2C, or a beat that a person traced cannot be measured: ES is not smaller than ED, numbers of beats differ, heart
    rates lie too far apart. Beats whose contours were found are then refused each for itself; where none is left,
    NothingMeasured tells of all.
    """
    views: tuple[TracedView, ...] = (view,) if other is None else _four_and_two(view, other)
    notes = [note for v in views for note in (*v.notes, *_left_out(v))]
    notes += [f"{v.name}: the view is not known; taken for A4C or A2C" for v in views if v.view is None]
    notes += [_unknown_size(v) for v in views if v.spacing is None]
    pairs, unpaired = _paired(views, [_traced_beats(v) for v in views])
    beats, refused = [], [refusal for v in views for refusal in v.refused]
    for pair in pairs:
        try:
            beats.append(_measured(views, pair))
        except MeasurementError as error:
            if not _is_found(pair):
                raise
            number = pair[0].beat.number
            reason = error.reason.removeprefix(f"beat {number}: ")
            word = Doubt.SIDES if isinstance(error, OtherChamber) else Doubt.IMPLAUSIBLE
            refused.append(RefusedBeat(number, (str(word),), reason))
    if _apart(beats, Phase.ED) > LARGEST_BEAT_DIFFERENCE:
        loose = [beat.beat for beat in beats if beat.source != MANUAL]
        reason = f"ED volumes differ by {_apart(beats, Phase.ED):.0%} between beats; trace them by hand"
        refused += [RefusedBeat(number, (str(Doubt.BORDER),), reason) for number in loose]
        beats = [beat for beat in beats if beat.beat not in loose]
    if not beats:
        raise NothingMeasured(views[0].name, refused)
    notes += [*unpaired, *_uneven(beats), *(warning for beat in beats for warning in beat.warnings)]
    notes += [f"beat {one.beat} has no number: {one.reason}" for one in refused]
    method = Method.SINGLE_PLANE if other is None else Method.BIPLANE
    algorithm = next((v.algorithm for v in views if v.algorithm), None)
    return Measurement(method, tuple(v.name for v in views), tuple(v.view for v in views), tuple(beats),
                       tuple(dict.fromkeys(notes)), tuple(refused), _index_beat(views, pairs, beats),
                       algorithm)  # fmt: skip


def _four_and_two(view: TracedView, other: TracedView) -> tuple[TracedView, TracedView]:
    check_two_views([(v.name, v.view) for v in (view, other)])
    by_view = {v.view: v for v in (view, other)}
    return by_view["A4C"], by_view["A2C"]


def _paired(views: tuple[TracedView, ...], traced: list[list[TracedBeat]]) -> tuple[list[TracedPair], list[str]]:
    """Beats of the views in their order, and notes on those that are left over.

    Where contours were found, one view may well show more beats: those that least speaks against are taken. Raises
    MeasurementError for unequal numbers of traced ones.
    """
    fewest = min(map(len, traced))
    notes = []
    for index, (view, beats) in enumerate(zip(views, traced, strict=True)):
        if len(beats) == fewest:
            continue
        if not all(_is_found((beat,)) for beat in beats):
            counts = [len(beats) for beats in traced]
            raise MeasurementError(
                f"{views[0].name} has {counts[0]} traced beats and {views[1].name} {counts[1]}; trace as many in both"
            )
        best = sorted(beats, key=lambda beat: (len(beat.unfit), -beat.confidence))[:fewest]
        traced[index] = [beat for beat in beats if beat in best]
        left = ", ".join(str(beat.beat.number) for beat in beats if beat not in best)
        notes.append(f"{view.name}: beat {left} left out, the other view shows only {fewest}")
    return list(zip(*traced, strict=True)), notes


def _traced_beats(view: TracedView) -> list[TracedBeat]:
    """Beats with both contours; none where all were refused."""
    traced = [(beat, _ed_contour(view, beat), view.contour(Phase.ES, beat.es)) for beat in view.beats]
    whole = [TracedBeat(beat, ed, es) for beat, ed, es in traced if ed and es]
    if not whole and not view.refused:
        present = ", ".join(f"{c.phase} on frame {c.frame}" for c in view.contours)
        raise MeasurementError(view.name, f"no beat has both its ED and its ES traced ({present} are); trace both")
    return whole


def _ed_contour(view: TracedView, beat: Beat) -> Contour | None:
    return view.contour(Phase.ED, beat.ed) or view.contour(Phase.ED, beat.next_ed)


def _left_out(view: TracedView) -> list[str]:
    """Contours that no measured beat uses."""
    used = [contour for beat in _traced_beats(view) for contour in beat.contours]
    return [f"{view.name}: {c} is left out, its beat lacks the other phase" for c in view.contours if c not in used]


def _is_found(pair: TracedPair) -> bool:
    """Whether a beat has a contour that no person drew."""
    return any(contour.source == AUTO for beat in pair for contour in beat.contours)


def _unknown_size(view: TracedView) -> str:
    return (
        f"{view.name}: the size of a pixel is not known; pixels are taken for square, so there is an ejection fraction "
        "but no volume and no length (give the size if you can vouch for it, for instance by the depth scale beside "
        "the image)"
    )


def _uneven(beats: list[BeatMeasurement]) -> list[str]:
    """A note where found contours of one phase differ from beat to beat by more than a ventricle does."""
    lines = []
    for phase in Phase if any(beat.source != MANUAL for beat in beats) else ():
        if (apart := _apart(beats, phase)) > NOTED_BEAT_DIFFERENCE:
            lines.append(f"{phase} volumes differ by {apart:.0%} between beats; compare their contours")
    return lines


def _apart(beats: list[BeatMeasurement], phase: Phase) -> float:
    """Between the largest and the smallest volume of a phase, over the largest."""
    volumes = [beat.of(phase).relative_volume for beat in beats] or [1.0]
    return 1 - min(volumes) / max(volumes)


def _index_beat(views: tuple[TracedView, ...], pairs: list[TracedPair], measured: list[BeatMeasurement]) -> int | None:
    """Among the measured beats, the one whose two intervals before it are the most alike, in each view."""
    by_view = [index_beats(view.beats) for view in views]
    fit = [beat.beat for beat in measured if not beat.unfit or beat.source == MANUAL]
    differences = {}
    for pair in pairs:
        numbers = [beat.beat.number for beat in pair]
        if numbers[0] in fit and all(number in found for number, found in zip(numbers, by_view, strict=True)):
            differences[numbers[0]] = max(found[n] for n, found in zip(numbers, by_view, strict=True))
    return min(differences, key=differences.__getitem__) if differences else None


def _measured(views: tuple[TracedView, ...], pair: TracedPair) -> BeatMeasurement:
    """One beat, from one view or two."""
    number = pair[0].beat.number
    ed = PhaseVolume(Phase.ED, tuple(_cut(views, view, beat.ed) for view, beat in zip(views, pair, strict=True)))
    es = PhaseVolume(Phase.ES, tuple(_cut(views, view, beat.es) for view, beat in zip(views, pair, strict=True)))
    if _is_found(pair) and not all(one_chamber(beat.ed, beat.es) for beat in pair):
        reason = f"beat {number}: ED and ES were found in different chambers; trace them by hand"
        raise OtherChamber(views[0].name, reason)
    if es.relative_volume >= ed.relative_volume:
        known = es.volume is not None and ed.volume is not None
        told = f"ES ({es.volume:.1f} mL) is not smaller than ED ({ed.volume:.1f} mL)" if known else (
            "ES is not smaller than ED")  # fmt: skip
        raise MeasurementError(
            views[0].name,
            f"beat {number}: {told}; check that both contours follow the same wall, and that ED and ES are not "
            "exchanged"
        )
    rate, warnings = _heart_rate(views, [beat.beat for beat in pair])
    warnings += [line for phase in (ed, es) for line in _doubts(phase)]
    if any(beat.ed.frame > beat.es.frame for beat in pair):
        warnings.append("ED was traced on the frame after ES, not before it")
    measured = BeatMeasurement(number, ed, es, rate)
    speaking = implausible(measured)
    warnings += [line for _, line in speaking]
    unfit = in_order(*(word for beat in pair for word in beat.unfit), *(word for word, _ in speaking))
    return replace(measured, warnings=tuple(f"beat {number}: {line}" for line in warnings), unfit=unfit)


def _cut(views: tuple[TracedView, ...], view: TracedView, contour: Contour) -> Disks:
    """Pixels of unknown size are taken for as large as the other view's."""
    known = next((v.spacing for v in views if v.spacing is not None), (1.0, 1.0))
    try:
        return cut(contour, view.spacing, assumed=math.sqrt(known[0] * known[1]))
    except MeasurementError as error:
        raise MeasurementError(view.name, f"{error}") from error


def _doubts(phase: PhaseVolume) -> list[str]:
    """What makes a volume doubtful, one line each."""
    doubts = []
    lengths = [disks.length for disks in phase.disks]
    if phase.calibrated and max(lengths) - min(lengths) > NOTED_LENGTH_DIFFERENCE * max(lengths):
        shown = " and ".join(f"{length:.0f}" for length in lengths)
        doubts.append(f"{phase.phase} long axes of {shown} mm; the shorter view may be foreshortened")
    volume, check = phase.relative_volume, phase.relative_area_length
    if abs(check - volume) > NOTED_CHECK_DIFFERENCE * volume:
        told = f"{volume:.0f} mL by disks but {check:.0f} mL by area-length" if phase.calibrated else (
            f"by area-length {check / volume:.0%} of what it is by disks")  # fmt: skip
        doubts.append(f"{phase.phase} is {told}")
    return doubts


def _heart_rate(views: tuple[TracedView, ...], beats: list[Beat]) -> tuple[float | None, list[str]]:
    """Beats per minute and warnings. Raises MeasurementError where two views were taken at very different ones."""
    own = [beat.heart_rate for beat in beats if beat.heart_rate]
    rates = own or [view.heart_rate for view in views if view.heart_rate]
    if not rates:
        return None, ["the heart rate is not known, so no cardiac output"]
    apart = (max(rates) - min(rates)) / max(rates)
    shown = " and ".join(f"{rate:.0f}" for rate in rates)
    if apart > LARGEST_RATE_DIFFERENCE:
        raise MeasurementError(
            f"{views[0].name} and {views[1].name}: heart rates of {shown} beats/min; beats as unlike as that "
            "do not belong together, choose others"
        )
    warnings = [] if own else ["its own heart rate is not known, that of the whole cine is taken"]
    if apart > NOTED_RATE_DIFFERENCE:
        warnings.append(f"heart rates of the views differ ({shown} beats/min)")
    return fmean(rates), warnings
