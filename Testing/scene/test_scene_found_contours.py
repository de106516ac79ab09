"""Contours that were found on a sequence: until a person corrects one, and what happens when they are found again."""

from __future__ import annotations

import numpy as np
import pytest
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.measurement.automatic.found_contours import FoundContours
from EchoKeyframeLib.measurement.automatic.volume_curve import VolumeCurve
from EchoKeyframeLib.measurement.contour import Contour
from EchoKeyframeLib.measurement.traced_view import WrongView
from EchoKeyframeLib.measurement.unfit import RefusedBeat
from mrml_scene import reload_mrb
from traced_loop import ED, ES, TRUE_EF, add_loop, half_ellipse, trace

from EchoKeyframeLib import scene as layer  # isort: skip


def found(*doubts: str, refused: tuple[RefusedBeat, ...] = ()) -> FoundContours:
    contours = tuple(Contour(phase, frame, half_ellipse(phase), source="auto", confidence=0.8, doubts=doubts)
                     for phase, frame in ((Phase.ED, ED), (Phase.ES, ES)))  # fmt: skip
    return FoundContours(contours, refused, ("A4C: a note",) if doubts else ())


def wanted(loop) -> list[int]:
    beats = layer.read_beats(layer.find_keyframe_table(loop))
    return [key.frame for keys in layer.wanted_contours(loop, beats).values() for key in keys]


def drag(curve) -> None:
    position = np.array(curve.GetNthControlPointPositionWorld(3))
    curve.SetNthControlPointPositionWorld(3, *(position + np.array([4, 0, 0])))


def test_what_was_found_is_measured_with_its_doubts_and_who_found_it(loop):
    assert wanted(loop) == [ED, ES]
    layer.put_found(loop, found("border uncertain"), "lv-contour 1")
    measurement = layer.measure_sequences(loop)
    (beat,) = measurement.beats
    assert (beat.source, measurement.algorithm, measurement.verified) == ("auto", "lv-contour 1", False)
    assert beat.ejection_fraction == pytest.approx(TRUE_EF, abs=1)
    assert beat.unfit == ("border uncertain",) and beat.ed.confidence == 0.8
    assert "A4C: a note" in measurement.warnings
    assert wanted(loop) == [ED, ES]  # nobody has looked at them yet


def test_a_corrected_contour_is_a_persons_and_stays(loop):
    layer.put_found(loop, found(), "lv-contour 1")
    curve = layer.find_contour(loop, Phase.ES, ES)
    drag(curve)
    (beat,) = layer.measure_sequences(loop).beats
    assert beat.source == "mixed" and beat.es.confidence == 1.0
    assert wanted(loop) == [ED]
    before = tuple(curve.GetNthControlPointPositionWorld(3))
    layer.put_found(loop, found(), "lv-contour 2")
    assert layer.find_contour(loop, Phase.ES, ES) is curve
    assert tuple(curve.GetNthControlPointPositionWorld(3)) == before
    assert [beat.source for beat in layer.measure_sequences(loop).beats] == ["mixed"]


def test_drawn_contours_and_a_moved_apex_are_a_persons(loop):
    trace(loop)
    assert wanted(loop) == []
    layer.put_found(loop, found(), "lv-contour 1")
    assert [beat.source for beat in layer.measure_sequences(loop).beats] == ["manual"]
    assert layer.accept_found(loop) == 0


def test_a_person_accepts_what_was_found(loop):
    layer.put_found(loop, found(), "lv-contour 1")
    assert layer.accept_found(loop) == 2 and layer.accept_found(loop) == 0
    measurement = layer.measure_sequences(loop)
    assert measurement.verified and measurement.source == "auto" and wanted(loop) == []
    drag(layer.find_contour(loop, Phase.ED, ED))
    assert layer.measure_sequences(loop).beats[0].source == "mixed"


def test_a_saved_scene_knows_what_was_found(kept, loop, tmp_path):
    layer.put_found(loop, found("border uncertain"), "lv-contour 1")
    again = reload_mrb(kept.scene, tmp_path)
    sequence = next(iter(layer.image_sequences(again.scene)))
    (beat,) = layer.measure_sequences(sequence).beats
    assert beat.source == "auto" and beat.unfit == ("border uncertain",)
    assert wanted(sequence) == [ED, ES]


def test_contours_go_to_a_file_and_come_back_with_their_origin(loop, tmp_path):
    layer.put_found(loop, found("border uncertain"), "lv-contour 1")
    drag(layer.find_contour(loop, Phase.ES, ES))
    layer.save_contours(loop, tmp_path / "a.contours.json")
    for curve in layer.find_contours(loop):
        layer.remove_contour(curve)
    layer.open_contours(loop, tmp_path / "a.contours.json")
    (beat,) = layer.measure_sequences(loop).beats
    assert (beat.source, beat.ed.confidence, beat.unfit) == ("mixed", 0.8, ("border uncertain",))


def test_refused_beats_are_told(loop):
    refused = (RefusedBeat(2, ("no contour",), "ES on frame 20: no LV cavity was found"),)
    layer.put_found(loop, found(refused=refused), "lv-contour 1")
    notes = layer.measure_sequences(loop).warnings
    assert "beat 2 has no contours: ES on frame 20: no LV cavity was found" in notes


def test_a_view_that_is_not_measured_is_refused_before_anything_is_asked(kept):
    loop = add_loop(kept, view="PLAX")
    with pytest.raises(WrongView, match="not PLAX"):
        wanted(loop)


def test_the_chart_shows_the_volume_of_every_frame(loop):
    volume = np.linspace(50, 100, 30)
    volume[7] = np.nan
    curve = VolumeCurve(np.arange(30) / 30, volume * 10, volume, np.full(30, 0.9), True)
    for _ in range(2):
        table = layer.write_volume_curve(loop, curve)
        layer.put_found(loop, found(), "lv-contour 1")
        follower = layer.LiveMeasurement(loop, None, lambda *_: None)
        follower.stop()
    chart = layer.find_volume_chart(loop)
    series = [chart.GetNthPlotSeriesNode(i) for i in range(chart.GetNumberOfPlotSeriesNodes())]
    (line,) = (one for one in series if one.GetTableNode() is table)
    assert line.GetYColumnName() == "Volume" and table.GetNumberOfRows() == 30
    assert float(table.GetCellText(29, 1)) == pytest.approx(100)


def test_without_a_pixel_size_the_chart_shows_percent(kept):
    loop = add_loop(kept, spacing=None)
    layer.put_found(loop, found(), "lv-contour 1")
    follower = layer.LiveMeasurement(loop, None, lambda *_: None)
    follower.stop()
    assert "%" in layer.find_volume_chart(loop).GetYAxisTitle()
    assert layer.measure_sequences(loop).beats[0].edv is None
