"""From traced contours to volumes, ejection fraction and cardiac output."""

from __future__ import annotations

from statistics import fmean

from ..detection.keyframes import Beat, Phase
from .contour import Contour, MeasurementError
from .disks import Disks, cut
from .measurement import BeatMeasurement, Measurement, Method, PhaseVolume
from .traced_view import MEASURABLE_VIEWS, TracedView

NOTED_LENGTH_DIFFERENCE = 0.1
"""Between the long axes of the two views, over the longer: above it one of them is likely to be foreshortened."""
NOTED_RATE_DIFFERENCE, LARGEST_RATE_DIFFERENCE = 0.1, 0.2
"""Between the heart rates of the two views, over the faster: a note, and no number at all. The guideline has none."""
NOTED_CHECK_DIFFERENCE = 0.2
"""Between the volume by disks and that by area-length, over the former."""


def measure(view: TracedView, other: TracedView | None = None) -> Measurement:
    """Measure every beat of which both an ED and an ES contour was traced; with two views, biplane.

    A beat's ED contour lies on the ED that opens it or, where that is not traced, on the one that ends it (a warning
    says so). Beats of two views are paired in their order. Heart rate: from ED to next ED, the mean of both views in a
    biplane measurement; where no beat gives one, the cine's (a warning says so).

    Raises MeasurementError, and gives no number, where the spacing is unknown, no beat has both contours, ES is not
    smaller than ED, the views are not one A4C and one A2C, numbers of beats differ, or heart rates lie too far apart.
    """
    views: tuple[TracedView, ...] = (view,) if other is None else _four_and_two(view, other)
    traced = [_traced_beats(v) for v in views]
    counts = [len(beats) for beats in traced]
    if len(set(counts)) > 1:
        raise MeasurementError(
            f"{views[0].name} has {counts[0]} traced beats and {views[1].name} {counts[1]}; trace as many in both"
        )
    beats = tuple(_measured(views, pair) for pair in zip(*traced, strict=True))
    notes = [note for v in views for note in (*v.notes, *_left_out(v))]
    notes += [f"{v.name}: the view is not known; taken for A4C or A2C" for v in views if v.view is None]
    notes += [warning for beat in beats for warning in beat.warnings]
    method = Method.SINGLE_PLANE if other is None else Method.BIPLANE
    return Measurement(method, tuple(v.name for v in views), tuple(v.view for v in views), beats,
                       tuple(dict.fromkeys(notes)))  # fmt: skip


def _four_and_two(view: TracedView, other: TracedView) -> tuple[TracedView, TracedView]:
    by_view = {v.view: v for v in (view, other)}
    if set(by_view) != set(MEASURABLE_VIEWS):
        found = " and ".join(f"{v.name} ({v.view or 'view unknown'})" for v in (view, other))
        raise MeasurementError(found, "a biplane measurement needs one A4C and one A2C; name the views if they are")
    return by_view["A4C"], by_view["A2C"]


def _traced_beats(view: TracedView) -> list[tuple[Beat, Contour, Contour]]:
    """Beats with both contours."""
    traced = [(beat, _ed_contour(view, beat), view.contour(Phase.ES, beat.es)) for beat in view.beats]
    whole = [(beat, ed, es) for beat, ed, es in traced if ed and es]
    if not whole:
        present = ", ".join(f"{c.phase} on frame {c.frame}" for c in view.contours)
        raise MeasurementError(view.name, f"no beat has both its ED and its ES traced ({present} are); trace both")
    return whole


def _ed_contour(view: TracedView, beat: Beat) -> Contour | None:
    return view.contour(Phase.ED, beat.ed) or view.contour(Phase.ED, beat.next_ed)


def _left_out(view: TracedView) -> list[str]:
    """Contours that no measured beat uses."""
    used = [contour for _, *pair in _traced_beats(view) for contour in pair]
    return [f"{view.name}: {c} is left out, its beat lacks the other phase" for c in view.contours if c not in used]


def _measured(views: tuple[TracedView, ...], traced: tuple[tuple[Beat, Contour, Contour], ...]) -> BeatMeasurement:
    """One beat, from one view or two."""
    number = traced[0][0].number
    paired = list(zip(views, traced, strict=True))
    ed = PhaseVolume(Phase.ED, tuple(_cut(view, contour) for view, (_, contour, _) in paired))
    es = PhaseVolume(Phase.ES, tuple(_cut(view, contour) for view, (*_, contour) in paired))
    if es.volume >= ed.volume:
        raise MeasurementError(
            views[0].name,
            f"beat {number}: ES ({es.volume:.1f} mL) is not smaller than ED ({ed.volume:.1f} mL); "
            "check that both contours follow the same wall, and that ED and ES are not exchanged"
        )
    rate, warnings = _heart_rate(views, [beat for beat, *_ in traced])
    warnings += [line for phase in (ed, es) for line in _doubts(phase)]
    if any(contour.frame > es_contour.frame for _, contour, es_contour in traced):
        warnings.append("ED was traced on the frame after ES, not before it")
    return BeatMeasurement(number, ed, es, rate, tuple(f"beat {number}: {line}" for line in warnings))


def _cut(view: TracedView, contour: Contour) -> Disks:
    try:
        return cut(contour, view.spacing)
    except MeasurementError as error:
        raise MeasurementError(view.name, f"{error}") from error


def _doubts(phase: PhaseVolume) -> list[str]:
    """What makes a volume doubtful, one line each."""
    doubts = []
    lengths = [disks.length for disks in phase.disks]
    if max(lengths) - min(lengths) > NOTED_LENGTH_DIFFERENCE * max(lengths):
        shown = " and ".join(f"{length:.0f}" for length in lengths)
        doubts.append(f"{phase.phase} long axes of {shown} mm; the shorter view may be foreshortened")
    if abs(phase.area_length - phase.volume) > NOTED_CHECK_DIFFERENCE * phase.volume:
        doubts.append(f"{phase.phase} is {phase.volume:.0f} mL by disks but {phase.area_length:.0f} mL by area-length")
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
