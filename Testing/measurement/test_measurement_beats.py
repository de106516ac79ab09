"""Beats: volumes, ejection fraction, heart rate, cardiac output, their means, and when there is no number at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import Box, Cine, Source
from EchoKeyframeLib.detection.beats import EDGE_RATE, form_beats
from EchoKeyframeLib.detection.keyframes import Keyframe, Phase
from EchoKeyframeLib.measurement.contour import Contour, MeasurementError
from EchoKeyframeLib.measurement.measure import NothingMeasured, measure
from EchoKeyframeLib.measurement.measurement import Method
from EchoKeyframeLib.measurement.summary import QUANTITIES, as_text
from EchoKeyframeLib.measurement.traced_view import TracedView, beats_of_contours
from ventricle_shapes import Shape, ellipsoid

LARGE, SMALL = ellipsoid(80, 26), ellipsoid(68, 17)
EDV, ESV = LARGE.volume, SMALL.volume
FPS = 30.0


def beats(*frames: int, fps: float = FPS):
    """Beats of ED and ES frames by turns, ED first."""
    keys = [Keyframe((Phase.ED, Phase.ES)[i % 2], frame, frame / fps) for i, frame in enumerate(frames)]
    return form_beats(keys)[1]


def ed(frame: int, shape: Shape = LARGE, **more) -> Contour:
    return shape.contour(61, phase=Phase.ED, frame=frame, spacing=(0.5, 0.5), **more)


def es(frame: int, shape: Shape = SMALL, **more) -> Contour:
    return shape.contour(61, phase=Phase.ES, frame=frame, spacing=(0.5, 0.5), **more)


def traced(
    *contours: Contour, frames=(0, 10, 30), name="four.dcm", view="A4C", spacing=(0.5, 0.5), **more
) -> TracedView:
    return TracedView(name, (500, 600), beats(*frames), contours, spacing, view=view, **more)


def test_one_beat():
    measurement = measure(traced(ed(0), es(10)))
    (beat,) = measurement.beats
    assert measurement.method is Method.SINGLE_PLANE
    assert (beat.edv, beat.esv) == (pytest.approx(EDV, rel=0.01), pytest.approx(ESV, rel=0.01))
    assert beat.stroke_volume == pytest.approx(EDV - ESV, rel=0.01)
    assert beat.ejection_fraction == pytest.approx(100 * (1 - ESV / EDV), abs=0.5)
    assert beat.heart_rate == pytest.approx(60)
    assert beat.cardiac_output == pytest.approx((EDV - ESV) * 60 / 1000, rel=0.01)
    assert (beat.length_ed, beat.length_es) == (pytest.approx(80, rel=0.01), pytest.approx(68, rel=0.01))
    assert measurement.warnings == ()


def test_means_are_over_beats():
    smaller = ellipsoid(68, 15)
    measurement = measure(traced(ed(0), es(10), ed(30), es(40, smaller), frames=(0, 10, 30, 40, 50)))
    assert [beat.heart_rate for beat in measurement.beats] == pytest.approx([60, 90])
    assert measurement.mean("heart_rate") == pytest.approx(75)
    assert measurement.mean("esv") == pytest.approx((ESV + smaller.volume) / 2, rel=0.01)
    fractions = [beat.ejection_fraction for beat in measurement.beats]
    assert measurement.mean("ejection_fraction") == pytest.approx(sum(fractions) / 2)
    assert fractions[0] < fractions[1]


def test_the_spread_over_beats_and_the_beat_that_stands_for_all():
    """Intervals of 30, 20, 40, 39 and 30 frames: only the fourth ED has two intervals alike before it."""
    starts = (0, 30, 50, 90, 129, 159)
    frames = [frame for start in starts[:-1] for frame in (start, start + 10)] + [159]
    shapes = [ellipsoid(68, radius) for radius in (17, 16, 15, 14, 18)]
    contours = [c for start, shape in zip(starts, shapes, strict=False) for c in (ed(start), es(start + 10, shape))]
    measurement = measure(traced(*contours, frames=frames))
    fractions = [beat.ejection_fraction for beat in measurement.beats]
    assert measurement.spread("ejection_fraction") == pytest.approx(np.std(fractions, ddof=1))
    assert measurement.index_beat == 5  # opened at frame 129: 40 and 39 frames before it
    assert "Index beat, after two intervals alike: 5" in as_text(measurement)
    regular = measure(traced(ed(0), es(10), frames=(0, 10, 30, 40, 60)))
    assert regular.index_beat is None and regular.spread("edv") is None


def test_without_a_pixel_size_there_is_an_ejection_fraction_and_nothing_else():
    known = measure(traced(ed(0), es(10))).beats[0]
    measurement = measure(traced(ed(0), es(10), spacing=None))
    (beat,) = measurement.beats
    assert beat.ejection_fraction == pytest.approx(known.ejection_fraction)
    assert not any(getattr(beat, q.attribute) for q in QUANTITIES if q.unit in ("mL", "mm", "L/min"))
    assert beat.heart_rate == known.heart_rate
    assert any("size of a pixel is not known" in line and "vouch" in line for line in measurement.warnings)
    for four, other in ((None, None), ((0.5, 0.5), None), (None, (0.5, 0.5))):
        pair = measure(traced(ed(0), es(10), spacing=four), two(ed(0), es(10), spacing=other))
        assert pair.beats[0].ejection_fraction == pytest.approx(known.ejection_fraction, abs=0.5)
        assert pair.beats[0].edv is None and pair.mean("length_ed") is None


def found(contour: Contour, confidence: float = 0.9, *doubts: str) -> Contour:
    return replace(contour, source="auto", confidence=confidence, doubts=doubts)


def test_who_found_the_contours_and_how_sure_the_numbers_are():
    by_hand, mixed, auto = (measure(traced(*pair)).beats[0] for pair in (
        (ed(0), es(10)), (ed(0), found(es(10))), (found(ed(0)), found(es(10)))))  # fmt: skip
    assert [beat.source for beat in (by_hand, mixed, auto)] == ["manual", "mixed", "auto"]
    assert by_hand.ejection_fraction_interval is None
    low, high = auto.ejection_fraction_interval
    assert low < auto.ejection_fraction < high
    unsure = measure(traced(found(ed(0), 0.3), found(es(10), 0.6))).beats[0].ejection_fraction_interval
    assert unsure[1] - unsure[0] > high - low


def test_found_beats_are_refused_one_by_one_and_the_mean_is_over_sound_ones():
    frames = (0, 10, 30, 40, 60, 70, 90)
    contours = [found(ed(0)), found(es(10)), found(ed(30, SMALL)), found(es(40, LARGE)), found(ed(60)),
                found(es(70, ellipsoid(68, 14)), 0.4, "border uncertain")]  # fmt: skip
    measurement = measure(traced(*contours, frames=frames))
    assert [beat.beat for beat in measurement.beats] == [1, 3]
    assert [(one.beat, one.unfit) for one in measurement.refused] == [(2, ("implausible values",))]
    assert any("beat 2 has no number: ES" in warning for warning in measurement.warnings)
    assert measurement.beats[1].unfit == ("border uncertain",)
    assert [beat.beat for beat in measurement.taken] == [1]
    assert measurement.mean("edv") == measurement.beats[0].edv
    with pytest.raises(NothingMeasured, match="is not smaller than ED") as caught:
        measure(traced(found(ed(0, SMALL)), found(es(10, LARGE))))
    assert caught.value.refused[0].beat == 1


@pytest.mark.parametrize(("small", "spacing", "word", "line"), [
    (ellipsoid(68, 4), 0.5, "implausible values", "an ejection fraction of 98 % is hardly that of a ventricle"),
    (ellipsoid(80, 25.8), 0.5, "implausible values", "an ejection fraction of 2 % is hardly"),
    (ellipsoid(40, 22), 0.5, "foreshortened", "the LV is 50% as long at ES as at ED"),
    (ellipsoid(90, 17), 0.5, "foreshortened", "the LV is 112% as long at ES as at ED"),
    (SMALL, 1.5, "implausible values", "is the size of a pixel right"),
])  # fmt: skip
def test_numbers_that_no_ventricle_has_are_doubted(small, spacing, word, line):
    (beat,) = measure(traced(ed(0), es(10, small), spacing=(spacing, spacing))).beats
    assert word in beat.unfit
    assert any(line in warning for warning in beat.warnings)


def test_ed_and_es_found_in_different_chambers_give_no_number():
    beside = found(replace(es(10), points=np.add(es(10).points, (90, 0))))
    with pytest.raises(NothingMeasured, match="different chambers") as caught:
        measure(traced(found(ed(0)), beside))
    assert caught.value.refused[0].unfit == ("left and right uncertain",)
    swinging = found(replace(es(10), points=np.add(es(10).points, (25, 10))))
    assert len(measure(traced(found(ed(0)), swinging)).beats) == 1
    assert len(measure(traced(ed(0), replace(beside, source="manual"))).beats) == 1  # a person knows


def test_found_contours_that_differ_from_beat_to_beat_are_told():
    contours = [found(ed(0)), found(es(10)), found(ed(30, ellipsoid(80, 22))), found(es(40))]
    warnings = measure(traced(*contours, frames=(0, 10, 30, 40, 60))).warnings
    assert "ED volumes differ by 28% between beats; compare their contours" in warnings
    assert not any("ES volumes differ" in warning for warning in warnings)
    tiny = [found(ed(30, ellipsoid(50, 12))), found(es(40, ellipsoid(45, 9)))]
    with pytest.raises(NothingMeasured, match=r"ED volumes differ by 87% between beats") as caught:
        measure(traced(*contours[:2], *tiny, frames=(0, 10, 30, 40, 60)))
    assert [one.unfit for one in caught.value.refused] == [("border uncertain",)] * 2


def test_found_beats_of_two_views_are_paired_though_one_shows_more():
    four = traced(found(ed(0)), found(es(10)), found(ed(30), 0.3), found(es(40), 0.3), frames=(0, 10, 30, 40, 60))
    measurement = measure(four, two(found(ed(0)), found(es(10))))
    assert [beat.beat for beat in measurement.beats] == [1]
    assert any("beat 2 left out, the other view shows only 1" in warning for warning in measurement.warnings)


def test_a_heart_rate_that_a_beat_lacks_is_the_cines():
    view = traced(ed(0), es(10), frames=(0, 10), heart_rate=72.0)
    measurement = measure(view)
    assert measurement.beats[0].heart_rate == 72
    assert "that of the whole cine is taken" in measurement.warnings[0]
    unknown = measure(replace(view, heart_rate=None))
    assert unknown.beats[0].cardiac_output is None and unknown.mean("cardiac_output") is None
    assert "no cardiac output" in unknown.warnings[0]


def test_an_edge_keyframe_gives_no_beat_its_heart_rate():
    """60 beats/min; the clip ends 20 frames after the last ED, and its last frame was taken for the next."""
    frames = ((Phase.ED, 0), (Phase.ES, 10), (Phase.ED, 30), (Phase.ES, 40), (Phase.ED, 50))
    keys = [Keyframe(phase, frame, frame / FPS, at_edge=frame == 50) for phase, frame in frames]
    cine = Cine(np.zeros((51, 500, 600), np.uint8), np.arange(51) / FPS, Source("four.dcm"), (0.5, 0.5), view="A4C")
    contours = (ed(30), es(40))
    measurement = measure(TracedView.of(cine, form_beats(keys)[1], contours))
    assert measurement.beats[0].heart_rate == pytest.approx(60)
    assert any("that of the whole cine is taken" in warning for warning in measurement.warnings)
    cut = form_beats(keys[2:])[1]
    unsure = measure(TracedView.of(cine, cut, contours))
    assert unsure.beats[0].heart_rate == pytest.approx(90) and EDGE_RATE in unsure.warnings
    stated = measure(TracedView.of(replace(cine, heart_rate=62.0), cut, contours))
    assert stated.beats[0].heart_rate == 62 and EDGE_RATE not in stated.warnings


def test_a_recording_from_es_to_ed_is_one_beat():
    contours = (es(5), ed(21))
    view = TracedView("half.dcm", (500, 600), beats_of_contours(contours, np.arange(30) / FPS), contours, (0.5, 0.5))
    measurement = measure(view)
    assert measurement.beats[0].ejection_fraction == pytest.approx(100 * (1 - ESV / EDV), abs=0.5)
    assert any("frame after ES" in warning for warning in measurement.warnings)
    assert any("view is not known" in warning for warning in measurement.warnings)


def test_the_next_ed_stands_in_for_one_that_is_not_traced():
    measurement = measure(traced(es(10), ed(30), frames=(0, 10, 30, 40)))
    assert [beat.beat for beat in measurement.beats] == [1]
    assert any("frame after ES" in warning for warning in measurement.warnings)


def test_a_contour_without_its_partner_is_left_out_and_told():
    measurement = measure(traced(ed(0), es(10), ed(30), frames=(0, 10, 30, 40)))
    assert len(measurement.beats) == 1
    assert any("ED contour on frame 30 is left out" in warning for warning in measurement.warnings)


def test_a_shape_unlike_an_ellipsoid_is_told():
    """A waist that the disks follow and that area-length, which knows area and length alone, cannot see."""
    angle = np.linspace(0, np.pi, 81)
    half_width = 52 * np.cos(angle) * (1 - 0.85 * np.sin(2 * angle) ** 2)
    waisted = Contour(Phase.ED, 0, np.stack([300 + half_width, 300 - 160 * np.sin(angle)], axis=1))
    thin = es(10, ellipsoid(60, 6))
    assert any("by area-length" in warning for warning in measure(traced(waisted, thin)).warnings)


REFUSED = {
    "es larger": (lambda: measure(traced(ed(0, SMALL), es(10, LARGE))), r"ES \(1.* mL\) is not smaller than ED"),
    "es as large": (lambda: measure(traced(ed(0), es(10, LARGE))), "not smaller than ED"),
    "no contour": (traced, "no contour"),
    "no beat": (lambda: traced(ed(0), es(10), frames=()), "lies on no ED frame"),
    "half a beat": (lambda: measure(traced(ed(0))), "no beat has both its ED and its ES traced"),
    "halves of two": (lambda: measure(traced(ed(0), es(40), frames=(0, 10, 30, 40, 60))), "no beat has both"),
    "wrong frame": (lambda: traced(ed(1), es(10)), r"ED contour on frame 1 lies on no ED frame \(ED frames: 0, 30\)"),
    "other phase": (lambda: traced(ed(0), ed(10)), "lies on an ES frame.*change its phase"),
    "two for one": (lambda: traced(ed(0), ed(0, SMALL), es(10)), "two ED contours on frame 0; keep one"),
    "outside image": (lambda: traced(ed(0), replace(es(10), points=es(10).points - 250)), "leaves the image"),
    "outside region": (lambda: traced(ed(0), es(10), region=Box(270, 0, 600, 500)), "leaves the calibrated region"),
    "a3c": (lambda: traced(ed(0), es(10), view="A3C"), "views A4C and A2C, not A3C"),
    "plax": (lambda: traced(ed(0), es(10), view="PLAX"), "not PLAX"),
    "other view": (lambda: traced(ed(0, view="A2C"), es(10)), "A2C ED contour on frame 0 in a cine of the view A4C"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_measured_gives_one_line_and_no_number(name):
    attempt, message = REFUSED[name]
    with pytest.raises(MeasurementError, match=message) as caught:
        attempt()
    assert "\n" not in str(caught.value)


def two(*contours: Contour, **more) -> TracedView:
    return traced(*contours, **{"name": "two.dcm", "view": "A2C", **more})


def test_biplane():
    wide, narrow = ellipsoid(80, 22), ellipsoid(68, 13)
    four = traced(ed(0), es(10))
    other = two(ed(4, wide), es(12, narrow), frames=(4, 12, 34))
    for pair in ((four, other), (other, four)):
        measurement = measure(*pair)
        assert (measurement.method, measurement.views) == (Method.BIPLANE, ("A4C", "A2C"))
        assert measurement.sources == ("four.dcm", "two.dcm")
        (beat,) = measurement.beats
        assert beat.edv == pytest.approx(2 / 3 * np.pi * 80 * 26 * 22 / 1000, rel=0.01)
        assert beat.esv == pytest.approx(2 / 3 * np.pi * 68 * 17 * 13 / 1000, rel=0.01)
        assert (beat.ed.frames, beat.es.frames) == ((0, 4), (10, 12))
        assert measurement.warnings == ()


def test_biplane_takes_the_longer_axis_and_tells_of_a_foreshortened_view():
    short = ellipsoid(60, 26)
    measurement = measure(traced(ed(0), es(10)), two(ed(0, short), es(10)))
    assert measurement.beats[0].edv == pytest.approx(EDV, rel=0.01)
    assert measurement.beats[0].length_ed == pytest.approx(80, rel=0.01)
    assert any("80 and 60 mm; the shorter view may be foreshortened" in w for w in measurement.warnings)


@pytest.mark.parametrize(("other", "message"), [
    (lambda: traced(ed(0), es(10), name="again.dcm"), "needs one A4C and one A2C"),
    (lambda: two(ed(0), es(10), view=None), r"two.dcm \(view unknown\): a biplane measurement needs"),
    (lambda: two(ed(0), es(10), ed(30), es(40), frames=(0, 10, 30, 40, 60)), "1 traced beats and two.dcm 2"),
    (lambda: two(ed(0), es(10), frames=(0, 10, 20)), "heart rates of 60 and 90 beats/min"),
])  # fmt: skip
def test_views_that_cannot_be_combined(other, message):
    with pytest.raises(MeasurementError, match=message):
        measure(traced(ed(0), es(10)), other())


def test_heart_rates_that_differ_a_little_are_told():
    measurement = measure(traced(ed(0), es(10)), two(ed(0), es(10), frames=(0, 10, 26)))
    assert measurement.beats[0].heart_rate == pytest.approx((60 + 60 / 26 * 30) / 2)
    assert any("heart rates of the views differ (60 and 69 beats/min)" in w for w in measurement.warnings)


def test_a_traced_frame_beyond_the_clip_is_refused():
    with pytest.raises(MeasurementError, match=r"has 30 frames \(0 to 29\)"):
        beats_of_contours((ed(30),), np.arange(30) / FPS)


def test_the_text_has_the_units_that_clinicians_use():
    measurement = measure(traced(ed(0), es(10), ed(30), es(40), frames=(0, 10, 30, 40, 60)))
    lines = as_text(measurement).splitlines()
    assert lines[0] == "LV volumes, method of disks, single plane (A4C)"
    assert lines[1].startswith("Beat 1 (frames ED 0, ES 10): EDV 113 mL, ESV 41 mL, SV 72 mL, EF 64 %, HR 60 beats/min")
    assert "CO 4.3 L/min, LV length ED 80 mm" in lines[1]
    assert lines[3].startswith("Mean of 2 beats: EDV 113 mL")
    assert "Lang et al." in lines[-1] and "2015" in lines[-1]
    for quantity in QUANTITIES:
        assert hasattr(measurement.beats[0], quantity.attribute)
        assert quantity.shown(None) == "-"
