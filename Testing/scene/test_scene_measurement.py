"""LV contours as Markups, what is measured from them, and how results follow when something moves."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import vtk
from EchoKeyframeLib.cine.cine import Box
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.measurement.contour import Contour, MeasurementError
from mrml_scene import first_node, reload_mrb, slicer
from traced_loop import (
    ED,
    ES,
    HEIGHT,
    LENGTH,
    SPACING,
    TRUE_EF,
    Follower,
    add_loop,
    add_segmentation,
    half_ellipse,
    trace,
    true_volume,
)

from EchoKeyframeLib import scene as layer  # isort: skip  (only once slicer-core is known to be there)
from EchoKeyframeLib.scene.curves.table_columns import read_columns  # isort: skip
from EchoKeyframeLib.scene.loop.frame_geometry import to_pixels, to_ras  # isort: skip


def shift(markups, point, *millimetres):
    """Drag a control point."""
    position = np.array(markups.GetNthControlPointPositionWorld(point)) + np.array(millimetres)
    markups.SetNthControlPointPositionWorld(point, *position)


@pytest.fixture
def follow():
    """Makes followers and stops them at the end."""
    made = []

    def make(*sequences):
        made.append(Follower(*sequences))
        return made[-1]

    yield make
    for follower in made:
        follower.live.stop()


def cells(table):
    names = [table.GetColumnName(i) for i in range(table.GetNumberOfColumns())]
    return [{n: table.GetCellText(row, i) for i, n in enumerate(names)} for row in range(table.GetNumberOfRows())]


def test_pixels_and_patient_coordinates_are_each_others_inverse(kept, loop):
    pixels = np.array([[0.0, 0.0], [120.5, 30.25], [259, 219]])
    ras = to_ras(loop, ED, pixels)
    np.testing.assert_allclose(to_pixels(loop, ED, ras, "points"), pixels, atol=1e-9)
    np.testing.assert_allclose(ras[1], [-120.5 * SPACING[1], -30.25 * SPACING[0], 0])
    with pytest.raises(layer.SceneError, match="points: lies off the plane of frame 4"):
        to_pixels(loop, ED, ras + np.array([0, 0, 3]), "points")


def test_what_is_drawn_is_measured_as_the_solid_that_it_is(loop):
    curves = trace(loop)
    assert curves[Phase.ED].GetName() == "A4C ED frame 4 contour"
    assert not curves[Phase.ED].GetCurveClosed()
    (beat,) = layer.measure_sequences(loop).beats
    assert beat.edv == pytest.approx(true_volume(Phase.ED), rel=0.01)
    assert beat.esv == pytest.approx(true_volume(Phase.ES), rel=0.01)
    assert beat.ejection_fraction == pytest.approx(TRUE_EF, abs=1)
    assert beat.heart_rate == pytest.approx(90)
    assert beat.length_ed == pytest.approx(LENGTH[Phase.ED], rel=0.01)


def test_a_loop_stored_upside_down_measures_the_same(kept, loop):
    """A curve lies where the view shows the wall, however the file stores its rows."""
    trace(loop)
    expected = layer.measure_sequences(loop).beats[0].edv
    flipped = add_loop(kept, view="A2C")
    for i in range(flipped.GetNumberOfDataNodes()):
        volume, directions = flipped.GetNthDataNode(i), vtk.vtkMatrix4x4()
        directions.SetElement(0, 0, -1)
        volume.SetIJKToRASDirectionMatrix(directions)
        volume.SetOrigin(0, -(HEIGHT - 1) * SPACING[0], 0)
    trace(flipped)
    assert layer.measure_sequences(flipped).beats[0].edv == pytest.approx(expected, rel=1e-6)
    pixels = half_ellipse(Phase.ED)
    np.testing.assert_allclose(to_ras(flipped, ED, pixels), to_ras(loop, ED, pixels), atol=1e-9)


def test_results_follow_a_point_that_is_moved(loop, follow):
    curves = trace(loop)
    follower = follow(loop)
    assert follower.ef == pytest.approx(TRUE_EF, abs=1)
    table = layer.find_measurement(loop)
    before = float(cells(table)[0]["EDV"])
    shift(curves[Phase.ED], 3, 6, 0, 0)  # the septal wall, outward
    after = float(cells(table)[0]["EDV"])
    assert after > before + 2 and follower.said[-1][0].beats[0].edv == pytest.approx(after, abs=0.01)
    disks = layer.find_disks(curves[Phase.ED]).GetPolyData()
    assert disks.GetNumberOfLines() == 20
    follower.live.stop()
    said = len(follower.said)
    shift(curves[Phase.ED], 3, -6, 0, 0)
    assert len(follower.said) == said


def test_the_apex_can_be_moved_and_found_again(loop, follow):
    curves = trace(loop)
    follower = follow(loop)
    axis = layer.find_axis(curves[Phase.ED])
    base, apex = slicer.util.arrayFromMarkupsControlPoints(axis)
    assert np.linalg.norm(apex - base) == pytest.approx(LENGTH[Phase.ED], rel=0.01)
    before = follower.said[-1][0].beats[0].length_ed
    axis.SetNthControlPointPositionWorld(1, *(base + 0.9 * (apex - base)))
    assert follower.said[-1][0].beats[0].length_ed == pytest.approx(0.9 * before, rel=1e-3)
    layer.release_axis(curves[Phase.ED])
    follower.live.update()
    assert follower.said[-1][0].beats[0].length_ed == pytest.approx(before)
    np.testing.assert_allclose(slicer.util.arrayFromMarkupsControlPoints(axis)[1], apex, atol=1e-6)


def test_two_views_give_biplane_volumes(kept, loop, follow):
    other = add_loop(kept, view="A2C")
    trace(loop)
    trace(other)
    follower = follow(other, loop)
    measurement, _ = follower.said[-1]
    assert measurement.method == "method of disks, biplane" and measurement.views == ("A4C", "A2C")
    assert measurement.beats[0].edv == pytest.approx(true_volume(Phase.ED), rel=0.01)
    table = layer.find_measurement(other)
    assert cells(table)[0]["ED frame"] == "4/4"
    assert table.GetAttribute("EchoKeyframe.Method") == "method of disks, biplane"
    for sequence in (loop, other):
        for curve in layer.find_contours(sequence):
            assert layer.find_disks(curve).GetPolyData().GetNumberOfLines() == 20
    other.SetAttribute("EchoKeyframe.View", "A4C")
    assert follower.ef is None and "one A4C and one A2C" in follower.problem


def test_where_nothing_can_be_measured_no_number_stays(kept, loop, follow):
    curves = trace(loop)
    follower = follow(loop)
    chart = layer.find_volume_chart(loop)
    points = chart.GetNthPlotSeriesNode(0).GetTableNode()
    assert points.GetNumberOfRows() == 2
    layer.move_keyframe(layer.find_keyframe_table(loop), ED, ED + 1)
    assert "lies on no ED frame (ED frames: 5, 24)" in follower.problem
    assert layer.find_measurement(loop).GetNumberOfRows() == 0
    assert points.GetNumberOfRows() == 2  # VTK logs an error for a line that has fewer
    assert all(np.isnan(column).all() for column in read_columns(points).values())
    assert layer.find_disks(curves[Phase.ES]).GetPolyData().GetNumberOfLines() == 0
    keyframe = layer.read_keyframes(layer.find_keyframe_table(loop))[0]
    layer.place_contour(curves[Phase.ED], keyframe)
    assert follower.ef == pytest.approx(TRUE_EF, abs=1)
    kept.scene.RemoveNode(curves[Phase.ES])
    assert "no beat has both its ED and its ES traced" in follower.problem
    kept.scene.RemoveNode(loop)
    said = len(follower.said)
    curves[Phase.ED].Modified()
    assert len(follower.said) == said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(view="PLAX"), "for the views A4C and A2C, not PLAX"),
        (dict(region=Box(0, 0, 130, 220)), "leaves the calibrated region"),
    ],
)
def test_loops_that_cannot_be_measured_are_told(kept, change, message):
    sequence = add_loop(kept, **change)
    trace(sequence)
    with pytest.raises(MeasurementError, match=message):
        layer.measure_sequences(sequence)


def test_a_pixels_size_can_be_given_and_contours_stay_on_the_wall(kept, follow):
    sequence = add_loop(kept, spacing=None)
    curves = trace(sequence)
    follower = follow(sequence)
    before = follower.measurement
    assert before.beats[0].edv is None and before.beats[0].ejection_fraction > 0
    assert any("size of a pixel is not known" in line for line in before.warnings)
    with pytest.raises(layer.SceneError, match="more than 0 mm, got 0 x 0"):
        layer.set_pixel_size(sequence, (0.0, 0.0))
    layer.set_pixel_size(sequence, SPACING)
    assert follower.ef == pytest.approx(TRUE_EF, abs=1)
    measurement, _ = follower.said[-1]
    assert measurement.beats[0].edv == pytest.approx(true_volume(Phase.ED), rel=0.02)
    assert any("0.5 x 0.4 mm is a person's word" in line for line in measurement.warnings)
    shift(layer.find_axis(curves[Phase.ES]), 1, 0, -10, 0)
    length = follower.said[-1][0].beats[0].length_es
    layer.set_pixel_size(sequence, (0.25, 0.2))
    assert follower.said[-1][0].beats[0].edv == pytest.approx(measurement.beats[0].edv / 8, rel=1e-3)
    assert follower.said[-1][0].beats[0].length_es == pytest.approx(length / 2, rel=1e-3)
    assert layer.find_axis(curves[Phase.ED]).GetAttribute("EchoKeyframe.LongAxis") == "auto"
    assert layer.find_browser(sequence).GetProxyNode(sequence).GetSpacing() == (0.2, 0.25, 1)


def test_what_the_reading_doubted_is_told_with_the_numbers(kept):
    sequence = add_loop(kept, warnings=("regions were scaled",))
    trace(sequence)
    assert "regions were scaled" in layer.measure_sequences(sequence).warnings
    assert layer.cine_from_sequence(sequence).warnings == ("regions were scaled",)


def test_a_contour_still_being_drawn_does_not_hide_the_rest(loop):
    trace(loop)
    last = layer.read_keyframes(layer.find_keyframe_table(loop))[2]
    curve = layer.add_contour(loop, last)
    curve.AddControlPointWorld(*to_ras(loop, 24, np.array([[50.0, 60.0]]))[0])
    measurement = layer.measure_sequences(loop)
    assert len(measurement.beats) == 1
    assert any("frame 24 contour: is not finished" in warning for warning in measurement.warnings)
    assert layer.add_contour(loop, last) is curve


def test_exchanged_contours_and_the_same_loop_twice_give_no_number(loop):
    for phase, frame in ((Phase.ED, ED), (Phase.ES, ES)):
        layer.put_contour(loop, Contour(phase, frame, half_ellipse(phase.other)))
    with pytest.raises(MeasurementError, match=r"ES .* is not smaller than ED"):
        layer.measure_sequences(loop)
    with pytest.raises(layer.SceneError, match="chosen for both views"):
        layer.measure_sequences(loop, loop)


@pytest.mark.parametrize("factor", [1, 2])
def test_segments_of_any_resolution_serve_as_contours(kept, loop, factor):
    for phase, frame in ((Phase.ED, ED), (Phase.ES, ES)):
        segmentation, segment = add_segmentation(kept, None, half_ellipse(phase), factor)
        curve = layer.contour_from_segment(loop, segmentation, segment, phase, frame)
        assert curve.GetNumberOfControlPoints() < 30
    (beat,) = layer.measure_sequences(loop).beats
    assert beat.edv == pytest.approx(true_volume(Phase.ED), rel=0.03)
    assert beat.ejection_fraction == pytest.approx(TRUE_EF, abs=1.5)


def test_a_segment_of_another_frame_or_none_is_refused(kept, loop):
    volumes = layer.extract_keyframes(loop)
    segmentation, segment = add_segmentation(kept, volumes[0], half_ellipse(Phase.ED))
    assert layer.segment_frame(segmentation, loop) == ED
    with pytest.raises(layer.SceneError, match="LV: was made on frame 4, the ES is frame 12"):
        layer.contour_from_segment(loop, segmentation, segment, Phase.ES, ES)
    with pytest.raises(layer.SceneError, match="LV: has no such segment"):
        layer.contour_from_segment(loop, segmentation, "atrium", Phase.ED, ED)
    with pytest.raises(layer.SceneError, match="no segmentation is chosen"):
        layer.contour_from_segment(loop, None, "", Phase.ED, ED)
    assert layer.find_contours(loop) == []
    layer.contour_from_segment(loop, segmentation, segment, Phase.ED, ED)
    assert len(layer.find_contours(loop)) == 1


def test_everything_is_there_after_saving_and_opening(kept, loop, tmp_path, follow):
    curves = trace(loop)
    follower = follow(loop)
    axis = layer.find_axis(curves[Phase.ES])
    base, apex = slicer.util.arrayFromMarkupsControlPoints(axis)
    axis.SetNthControlPointPositionWorld(1, *(base + 0.9 * (apex - base)))
    expected, rows = follower.ef, cells(layer.find_measurement(loop))
    again = reload_mrb(kept.scene, tmp_path)
    sequence = first_node(again.scene, "vtkMRMLSequenceNode")
    assert cells(layer.find_measurement(sequence)) == rows
    assert len(layer.find_contours(sequence)) == 2
    count = again.scene.GetNumberOfNodes()
    later = follow(sequence)
    assert later.ef == pytest.approx(expected, abs=1e-3)
    assert again.scene.GetNumberOfNodes() == count
    curve = layer.find_contour(sequence, Phase.ES, ES)
    assert layer.find_disks(curve).GetPolyData().GetNumberOfLines() == 20
    assert layer.find_axis(curve).GetAttribute("EchoKeyframe.LongAxis") == "manual"
    assert layer.find_volume_chart(sequence).GetNthPlotSeriesNode(0).GetTableNode().GetNumberOfRows() == 2
    shift(curve, 0, 1, 0, 0)
    assert later.ef != pytest.approx(expected, abs=1e-3)


def test_a_removed_contour_takes_its_axis_and_disks_along(kept, loop):
    nodes = kept.scene.GetNumberOfNodes()
    curves = trace(loop)
    layer.LiveMeasurement(loop, None, lambda *_: None).stop()
    results = 1 + 1 + 1 + 3  # table, chart, its table, its series
    for curve in curves.values():
        layer.remove_contour(curve)
    assert kept.scene.GetNumberOfNodes() == nodes + results


def test_other_extensions_read_the_results_as_the_contract_says(loop, follow, repository):
    trace(loop)
    follower = follow(loop)
    document = (repository / "Docs" / "scene-contract.md").read_text(encoding="utf-8")
    names = {"sequence": loop}
    exec(document.split("```python\n")[-1].split("```")[0], names)
    assert names["ejection_fraction"] == {"1": pytest.approx(follower.ef, abs=1e-2)}


def test_the_module_and_the_command_line_measure_the_same(kept, sample_clip, repository):
    """A real loop with contours drawn by hand: file to numbers, and file to scene to curves to numbers."""
    from EchoKeyframeLib.cine.read import read_cine
    from EchoKeyframeLib.measurement.contours_file import read_contours
    from EchoKeyframeLib.measurement.measure import measure
    from EchoKeyframeLib.measurement.traced_view import TracedView, beats_of_contours

    cine = read_cine(sample_clip, view="A4C")
    contours = read_contours(repository / "Resources" / "measure-a4c.contours.json", cine)
    expected = measure(TracedView.of(cine, beats_of_contours(contours, cine.times), contours))
    sequence, _ = layer.add_cine_sequence(kept.scene, cine)
    layer.set_keyframes(layer.keyframe_table(sequence), {c.phase: [c.frame] for c in contours})
    for contour in contours:
        layer.put_contour(sequence, contour)
    measurement = layer.measure_sequences(sequence)
    for quantity in ("edv", "esv", "length_ed"):
        assert measurement.mean(quantity) == pytest.approx(expected.mean(quantity), rel=0.005)
    assert set(expected.warnings) <= set(measurement.warnings)


def test_the_scene_needs_no_package_that_slicer_lacks():
    """It is imported when the module is opened, before anything is installed."""
    script = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('cv2', 'highdicom', 'matplotlib', 'pydicom')))\n"
        "import EchoKeyframeLib.scene\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
