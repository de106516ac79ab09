"""Curves, markers and cursor of a sequence, and its ED and ES frames side by side."""

from __future__ import annotations

import numpy as np
import pytest
from mrml_scene import detection_of, first_node, new_scene, random_cine, reload_mrb, reload_mrml, slicer

vtk = pytest.importorskip("vtk")

from EchoKeyframeLib import scene as layer  # noqa: E402  (only once slicer-core is known to be there)
from EchoKeyframeLib.scene.contract import PHASE_VIEWS, PLOT_COLORS  # noqa: E402
from vtk.util.numpy_support import vtk_to_numpy  # noqa: E402

EVENTS = (("ED", 2), ("ES", 9), ("ED", 22), ("ES", 29), ("ED", 42))


@pytest.fixture
def loop(tmp_path):
    """A sequence of 50 frames with keyframes and a chart, in a scene that is kept alive."""
    kept = new_scene(tmp_path)
    sequence, _ = layer.add_cine_sequence(kept.scene, random_cine(50))
    table = layer.write_detection(sequence, detection_of(layer.frame_times(sequence), *EVENTS))
    detection = detection_of(layer.frame_times(sequence), *EVENTS)
    layer.add_curves(sequence, detection.curves, layer.read_keyframes(table))
    yield sequence


def series_of(chart):
    found = [chart.GetNthPlotSeriesNode(i) for i in range(chart.GetNumberOfPlotSeriesNodes())]
    return {series.GetName(): series for series in found if series is not None}


def points(series):
    """x and y of a series as the plot view draws them; rows without a height are not drawn."""
    content = series.GetTableNode().GetTable()
    x, y = (vtk_to_numpy(content.GetColumnByName(n)) for n in (series.GetXColumnName(), series.GetYColumnName()))
    return x[np.isfinite(y)], y[np.isfinite(y)]


def marked_frames(chart, phase):
    x, _ = points(series_of(chart)[f"{phase} keyframes"])
    times = layer.frame_times(chart.GetNodeReference("EchoKeyframe.Sequence"))
    return [int(np.argmin(abs(times - time))) for time in x]


def test_curves_and_markers_in_the_phases_colours(loop):
    chart = layer.find_chart(loop)
    curves = detection_of(layer.frame_times(loop), *EVENTS).curves
    series = series_of(chart)
    assert set(series) == {"ED keyframes", "ES keyframes", "ED simulated", "ES simulated"}
    for phase, color in PLOT_COLORS.items():
        x, y = points(series[f"{phase} simulated"])
        np.testing.assert_allclose(x, layer.frame_times(loop))
        np.testing.assert_allclose(y, curves.of(phase), atol=1e-6)
        assert series[f"{phase} simulated"].GetColor() == color
        assert series[f"{phase} keyframes"].GetColor() == color
        assert marked_frames(chart, phase) == [f for p, f in EVENTS if p == phase]
    _, heights = points(series["ED keyframes"])
    np.testing.assert_allclose(heights, 0.9, atol=1e-6)


def test_markers_follow_edits(loop):
    table = layer.find_keyframe_table(loop)
    observer = layer.BookmarkObserver(table)
    layer.move_keyframe(table, 22, 24)
    assert marked_frames(layer.find_chart(loop), "ED") == [2, 24, 42]
    table.SetCellText(0, table.GetColumnIndex("Frame"), "4")
    assert marked_frames(layer.find_chart(loop), "ED") == [4, 24, 42]
    observer.stop()


def test_zoom_stays_through_edits_and_the_axis_follows_new_times(loop):
    chart, table = layer.find_chart(loop), layer.find_keyframe_table(loop)
    first, last = chart.GetXAxisRange()
    assert first < 0 and last > layer.frame_times(loop)[-1]
    chart.SetXAxisRange(0.2, 0.4)
    layer.move_keyframe(table, 22, 24)
    assert chart.GetXAxisRange() == (0.2, 0.4)
    layer.repair_from_source(loop, layer.compare_with_source(loop, random_cine(50, times=np.arange(50) * 0.05)))
    layer.settle_table(table)
    assert chart.GetXAxisRange() == pytest.approx((0, 2.45), abs=0.1)
    np.testing.assert_allclose(points(series_of(chart)["ES simulated"])[0], np.arange(50) * 0.05)


def test_second_detector_is_dashed_and_a_repeated_one_replaced(loop):
    chart = layer.find_chart(loop)
    times = layer.frame_times(loop)
    other = detection_of(times, ("ED", 3), ("ES", 12), model="motion 1")
    assert layer.add_curves(loop, other.curves) is chart
    layer.add_curves(loop, detection_of(times, ("ED", 5)).curves)
    series = series_of(chart)
    assert len(series) == 6
    assert series["ED simulated"].GetLineStyle() == series["ED simulated"].LineStyleSolid
    assert series["ED motion"].GetLineStyle() == series["ED motion"].LineStyleDash
    assert int(np.argmax(points(series["ED simulated"])[1])) == 5
    assert int(np.argmax(points(series["ED motion"])[1])) == 3


def test_clicked_points_are_frames(loop):
    chart = layer.find_chart(loop)
    cursor = layer.FrameCursor(chart)
    series = series_of(chart)
    assert layer.frame_of_point(series["ED simulated"], 17) == 17
    assert layer.frame_of_point(series["ES keyframes"], 29) == 29
    assert layer.frame_of_point(series["Current frame"], 1) is None
    assert layer.frame_of_point(series["ED simulated"], 50) is None
    cursor.stop()


def test_cursor_follows_the_frame_until_stopped(loop):
    chart, browser = layer.find_chart(loop), layer.find_browser(loop)
    times = layer.frame_times(loop)
    cursor = layer.FrameCursor(chart)
    line = series_of(chart)["Current frame"]
    for frame in (7, 31, 0):
        layer.show_frame(loop, frame)
        np.testing.assert_allclose(points(line)[0], times[frame])
        assert cursor.time == pytest.approx(times[frame])
    layer.repair_from_source(loop, layer.compare_with_source(loop, random_cine(50, times=np.arange(50) * 0.05)))
    layer.show_frame(loop, 10)
    assert cursor.time == pytest.approx(0.5)
    cursor.stop()
    cursor.stop()
    assert "Current frame" not in series_of(chart)
    browser.SetSelectedItemNumber(3)
    assert first_node(loop.GetScene(), "vtkMRMLTableNode", "Current frame") is None


def test_plot_view_is_told_of_cursor_and_markers(loop):
    """Slicer's plot view draws anew when the chart node is modified."""
    chart = layer.find_chart(loop)
    cursor = layer.FrameCursor(chart)
    told = []
    chart.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: told.append(None))
    layer.show_frame(loop, 12)
    assert told
    told.clear()
    layer.remove_keyframe(layer.find_keyframe_table(loop), 22)
    assert told
    cursor.stop()


def test_cursor_ends_itself_when_its_nodes_go(loop):
    scene, browser = loop.GetScene(), layer.find_browser(loop)
    cursor = layer.FrameCursor(layer.find_chart(loop))
    scene.RemoveNode(layer.find_chart(loop))
    browser.SetSelectedItemNumber(5)
    assert first_node(scene, "vtkMRMLTableNode", "Current frame") is None
    layer.add_curves(loop, detection_of(layer.frame_times(loop), *EVENTS).curves)
    other = layer.FrameCursor(layer.find_chart(loop))
    scene.Clear(0)
    browser.Modified()
    other.stop()
    cursor.stop()


@pytest.mark.parametrize("reload", [reload_mrb, reload_mrml])
def test_chart_survives_saving_without_its_cursor(loop, tmp_path, reload):
    cursor = layer.FrameCursor(layer.find_chart(loop))
    again = reload(loop.GetScene(), tmp_path / "out" if reload is reload_mrml else tmp_path)
    cursor.stop()
    sequence = first_node(again.scene, "vtkMRMLSequenceNode")
    chart = layer.find_chart(sequence)
    assert set(series_of(chart)) == {"ED keyframes", "ES keyframes", "ED simulated", "ES simulated"}
    assert marked_frames(chart, "ES") == [9, 29]
    assert first_node(again.scene, "vtkMRMLTableNode", "Current frame") is None
    anew = layer.FrameCursor(chart)
    layer.show_frame(sequence, 9)
    assert points(series_of(chart)["Current frame"])[0][0] == pytest.approx(layer.frame_times(sequence)[9])
    assert chart.GetNumberOfPlotSeriesNodes() == 5
    anew.stop()


def plot_view(scene, name):
    view = slicer.vtkMRMLPlotViewNode()
    view.SetLayoutName(name)
    return scene.AddNode(view)


def test_chart_takes_one_plot_view_and_leaves_others_theirs(loop):
    other = plot_view(loop.GetScene(), "PlotView7")
    layer.show_chart(layer.find_chart(loop))
    assert other.GetPlotChartNodeID() == layer.find_chart(loop).GetID()
    other.SetPlotChartNodeID("theirs")
    ours = plot_view(loop.GetScene(), "PlotView1")
    layer.show_chart(layer.find_chart(loop))
    assert ours.GetPlotChartNodeID() == layer.find_chart(loop).GetID() and other.GetPlotChartNodeID() == "theirs"


def test_nothing_of_the_chart_but_itself_and_its_curves_is_listed(loop):
    """Slicer looks at the flags while a node is added: later they change nothing."""
    scene, seen = loop.GetScene(), []

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def added(_scene, _event, node):
        seen.append((node.GetName(), bool(node.GetHideFromEditors()), bool(node.GetSaveWithScene())))

    scene.AddObserver(scene.NodeAddedEvent, added)
    cursor = layer.FrameCursor(layer.find_chart(loop))
    assert seen == [("Current frame", True, False), ("Current frame", True, False)]
    cursor.stop()
    seen.clear()
    layer.add_curves(loop, detection_of(layer.frame_times(loop), *EVENTS, model="motion 1").curves)
    listed = [name for name, hidden, _ in seen if not hidden]
    assert listed == ["loop curves (motion)"] and len(seen) == 3


def test_curves_of_another_length_are_refused(loop):
    with pytest.raises(layer.SceneError, match="has 50 frames, the curves 40"):
        layer.add_curves(loop, detection_of(np.arange(40) / 50, ("ED", 3)).curves)


def shown_frame(sequence, volume):
    """Which frame a proxy holds, told by its pixels."""
    pixels = vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars())
    for i in range(sequence.GetNumberOfDataNodes()):
        image = sequence.GetNthDataNode(i).GetImageData()
        if np.array_equal(pixels, vtk_to_numpy(image.GetPointData().GetScalars())):
            return i
    return None


def test_pair_stands_still_while_the_loop_plays(loop):
    beats = layer.read_beats(layer.find_keyframe_table(loop))
    pair = layer.add_frame_pair(loop, beats[0])
    layer.show_frame(loop, 40)
    assert (shown_frame(loop, pair.ed), shown_frame(loop, pair.es)) == (2, 9)
    assert pair.ed.GetSpacing() == (0.25, 0.5, 1.0)
    assert (pair.ed.GetAttribute("CardiacCyclePhase"), pair.es.GetAttribute("CardiacCyclePhase")) == (
        "end-diastole", "end-systole")  # fmt: skip
    count = loop.GetScene().GetNumberOfNodes()
    again = layer.add_frame_pair(loop, beats[1])
    assert (again.ed, again.es) == (pair.ed, pair.es)
    assert (shown_frame(loop, pair.ed), shown_frame(loop, pair.es)) == (22, 29)
    assert loop.GetScene().GetNumberOfNodes() == count
    assert layer.current_frame(loop) == 40
    with pytest.raises(layer.SceneError, match="beat 3 has no ES"):
        layer.add_frame_pair(loop, beats[2])


def test_pair_survives_saving(loop, tmp_path):
    layer.add_frame_pair(loop, layer.read_beats(layer.find_keyframe_table(loop))[0])
    again = reload_mrb(loop.GetScene(), tmp_path)
    sequence = first_node(again.scene, "vtkMRMLSequenceNode")
    browser = sequence.GetNodeReference("EchoKeyframe.BrowserES")
    assert browser.GetSelectedItemNumber() == 9
    assert layer.find_browser(sequence).GetNodeReference("EchoKeyframe.Sequence") is None
    pair = layer.add_frame_pair(sequence, layer.read_beats(layer.find_keyframe_table(sequence))[1])
    assert (shown_frame(sequence, pair.ed), shown_frame(sequence, pair.es)) == (22, 29)


def test_pair_is_removed_without_leftovers(loop):
    before = loop.GetScene().GetNumberOfNodes()
    layer.add_frame_pair(loop, layer.read_beats(layer.find_keyframe_table(loop))[0])
    layer.remove_frame_pair(loop)
    layer.remove_frame_pair(loop)
    assert loop.GetScene().GetNumberOfNodes() == before
    assert layer.find_browser(loop) is not None


def test_two_views_take_the_two_volumes(loop):
    scene = loop.GetScene()
    names = list(PHASE_VIEWS.values())
    composites = {}
    for name in (*names, "Red"):
        composite = slicer.vtkMRMLSliceCompositeNode()
        composite.SetLayoutName(name)
        composite.SetName(name)
        composites[name] = scene.AddNode(composite)
    pair = layer.add_frame_pair(loop, layer.read_beats(layer.find_keyframe_table(loop))[0])
    assert layer.show_frame_pair(pair) == 2
    assert [composites[name].GetBackgroundVolumeID() for name in names] == [pair.ed.GetID(), pair.es.GetID()]
    assert composites["Red"].GetBackgroundVolumeID() is None
    scene.RemoveNode(pair.es)
    with pytest.raises(layer.SceneError, match="no longer in the scene"):
        layer.show_frame_pair(pair)
