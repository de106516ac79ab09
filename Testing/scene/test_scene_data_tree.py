"""A measured loop in Slicer's Data tree: what is listed, where it stands, and how it goes."""

from __future__ import annotations

import pytest
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.scene.contract import PHASE_COLORS, PLOT_COLORS, PLOT_GRAY
from mrml_scene import DataTree, detection_of, new_scene, slicer
from traced_loop import ED, ES, add_loop, half_ellipse, trace

import vtk  # isort: skip
from EchoKeyframeLib import scene as layer  # isort: skip  (only once slicer-core is known to be there)
from EchoKeyframeLib.measurement.contour import Contour  # isort: skip

PLOT_BACKGROUND = (255 / 255, 253 / 255, 246 / 255)
"""Of qMRMLPlotView, which offers no other."""


@pytest.fixture
def kept(tmp_path):
    kept = new_scene(tmp_path)
    kept.tree = DataTree(kept.scene)
    return kept


@pytest.fixture
def loop(kept):
    """A loop with curves of two detectors, both contours, results, and its beat side by side."""
    sequence = add_loop(kept)
    times = layer.frame_times(sequence)
    for model in ("motion 1", "fused 1"):
        detection = detection_of(times, ("ED", 0), ("ES", ES), ("ED", 29), model=model)
        layer.add_curves(sequence, detection.curves, detection.keyframes)
    trace(sequence)
    layer.LiveMeasurement(sequence, None, lambda *_: None).stop()
    layer.add_frame_pair(sequence, layer.read_beats(layer.find_keyframe_table(sequence))[0])
    return sequence


def nodes(scene, class_name):
    return [scene.GetNthNodeByClass(i, class_name) for i in range(scene.GetNumberOfNodesByClass(class_name))]


def luminance(color):
    """Relative luminance, WCAG 2.2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(color, background):
    lighter, darker = sorted((luminance(color), luminance(background)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_every_series_stands_out_from_the_plots_background(kept, loop):
    cursor = layer.FrameCursor(layer.find_chart(loop))
    series = nodes(kept.scene, "vtkMRMLPlotSeriesNode")
    assert {node.GetName() for node in series} >= {"ED motion", "ES fused", "ED keyframes", "Volume", "Current frame"}
    for node in series:
        assert contrast(node.GetColor(), PLOT_BACKGROUND) >= 3, node.GetName()
    cursor.stop()


def test_the_measure_of_contrast_is_the_usual_one():
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    assert contrast(PHASE_COLORS[Phase.ES], PLOT_BACKGROUND) == pytest.approx(1.06, abs=0.01)  # what was seen
    assert contrast(PLOT_COLORS[Phase.ED], PLOT_COLORS[Phase.ES]) > 1 and PLOT_GRAY == (0.45, 0.45, 0.45)


def test_markers_at_the_axes_are_whole_and_no_legend_covers_them(loop):
    """Seen on renderings: a marker is 13 pixels wide, a plot at least 300 by 120."""
    for chart in (layer.find_chart(loop), layer.find_volume_chart(loop)):
        assert not chart.GetLegendVisibility() and "ED blue, ES orange" in chart.GetTitle()
        assert not chart.GetXAxisRangeAuto() and not chart.GetYAxisRangeAuto()
        (first, last), (bottom, top) = chart.GetXAxisRange(), chart.GetYAxisRange()
        for i in range(chart.GetNumberOfPlotSeriesNodes()):
            series = chart.GetNthPlotSeriesNode(i)
            table = series.GetTableNode()
            x = slicer.util.arrayFromTableColumn(table, "Time")
            y = slicer.util.arrayFromTableColumn(table, series.GetYColumnName())
            marked = series.GetMarkerStyle() != series.MarkerStyleNone
            room_x, room_y = (0.02 * (last - first), 0.04 * (top - bottom)) if marked else (0, 0)
            assert x.min() - first >= room_x and last - x.max() >= room_x
            assert y[y == y].min() - bottom >= room_y and top - y[y == y].max() >= room_y
    assert layer.find_chart(loop).GetTitle().endswith("(solid: motion; dashed: fused)")


def test_a_persons_zoom_stays_while_points_are_dragged(loop):
    live = layer.LiveMeasurement(loop, None, lambda *_: None)
    chart = layer.find_volume_chart(loop)
    curve = layer.find_contour(loop, Phase.ED, ED)
    chart.SetXAxisRange(0.1, 0.3)
    chart.SetYAxisRange(20.0, 50.0)
    position = curve.GetNthControlPointPositionWorld(3)
    curve.SetNthControlPointPositionWorld(3, position[0] + 3, position[1], 0)
    assert chart.GetXAxisRange() == (0.1, 0.3) and chart.GetYAxisRange() == (20.0, 50.0)
    live.stop()


def test_only_the_volumes_stand_at_the_root(kept, loop):
    assert sorted(kept.tree.at_root()) == ["A4C", "A4C ED", "A4C ES"]
    items = vtk.vtkIdList()
    hierarchy = kept.tree.hierarchy
    volume = layer.find_browser(loop).GetProxyNode(loop)
    hierarchy.GetItemChildren(hierarchy.GetItemByDataNode(volume), items)
    below = {hierarchy.GetItemName(items.GetId(i)) for i in range(items.GetNumberOfIds())}
    assert below == {
        "A4C keyframes", "A4C chart", "A4C curves (motion)", "A4C curves (fused)", "A4C LV volumes", "A4C LV volume",
        *(f"A4C {phase} frame {frame} contour{part}" for phase, frame in (("ED", ED), ("ES", ES))
          for part in ("", " long axis", " disks")),
    }  # fmt: skip


def test_what_a_person_moved_stays_there(kept, loop):
    hierarchy = kept.tree.hierarchy
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "Patient")
    curve = layer.find_contour(loop, Phase.ED, ED)
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(curve), folder)
    layer.put_contour(loop, Contour(Phase.ED, ED, half_ellipse(Phase.ED)))
    layer.LiveMeasurement(loop, None, lambda *_: None).stop()
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(curve)) == folder


def test_each_node_is_removed_once(kept, loop):
    """Slicer takes display nodes out with their node, and writes an error for one that is taken out again."""
    gone = []

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def goes(_scene, _event, node):
        gone.append(node.GetID())

    kept.scene.AddObserver(kept.scene.NodeAboutToBeRemovedEvent, goes)
    for curve in layer.find_contours(loop):
        layer.remove_contour(curve)
    layer.remove_frame_pair(loop)
    layer.extract_keyframes(loop)
    layer.clear_keyframes(layer.find_keyframe_table(loop))
    layer.add_keyframe(layer.find_keyframe_table(loop), Phase.ED, 20)
    layer.extract_keyframes(loop)  # removes the volumes of frames that are keyframes no more
    assert len(gone) > 20 and len(gone) == len(set(gone))
    assert nodes(kept.scene, "vtkMRMLMarkupsNode") == []
