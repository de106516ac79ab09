"""A scene as version 0.1.0 saved it, in a version that came later and in a Slicer without the module."""

from __future__ import annotations

import pytest
from EchoKeyframeLib.detection.keyframes import Phase
from mrml_scene import first_node, new_scene, slicer
from traced_loop import ED, ES, add_loop
from vtk.util.numpy_support import numpy_to_vtk

import numpy as np  # isort: skip
from EchoKeyframeLib import scene as layer  # isort: skip  (only once slicer-core is known to be there)
from EchoKeyframeLib.panel.layouts.view_layouts import SIDE_BY_SIDE, LayoutKeeper, current_layout  # isort: skip
from EchoKeyframeLib.scene.contract import PLOT_COLORS  # isort: skip

CYAN, YELLOW, GRAY, MAGENTA = (0.0, 1.0, 1.0), (1.0, 1.0, 0.0), (0.6, 0.6, 0.6), (1.0, 0.0, 1.0)


def add_table(scene, name, columns, *references):
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    for title, values in columns.items():
        column = numpy_to_vtk(np.asarray(values, float), deep=True)
        column.SetName(title)
        table.AddColumn(column)
    for role, identifier in references:
        table.SetNodeReferenceID(role, identifier)
    return table


def add_series(chart, table, name, column, color):
    series = chart.GetScene().AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName("Time")
    series.SetYColumnName(column)
    series.SetPlotType(series.PlotTypeScatter)
    series.SetColor(*color)
    chart.AddAndObservePlotSeriesNodeID(series.GetID())


def add_charts(scene, sequence):
    """Curves of one detector with markers, and volumes; all axes as 0.1.0 set them, or left to Slicer."""
    times, link = layer.frame_times(sequence), ("EchoKeyframe.Sequence", sequence.GetID())
    curves = add_table(scene, "A4C curves (motion)", {"Time": times, "ED": times, "ES": times}, link)
    markers = add_table(scene, "A4C keyframe markers", {"Time": times, "ED": times, "ES": times}, link)
    curves.SetAttribute("EchoKeyframe.Detector", "motion")
    sequence.AddNodeReferenceID("EchoKeyframe.Curves", curves.GetID())
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", "A4C chart")
    chart.SetNodeReferenceID("EchoKeyframe.Sequence", sequence.GetID())
    chart.SetNodeReferenceID("EchoKeyframe.Markers", markers.GetID())
    chart.SetXAxisRange(0.0, times[-1])
    sequence.SetNodeReferenceID("EchoKeyframe.Chart", chart.GetID())
    for table, suffix in ((markers, "keyframes"), (curves, "motion")):
        add_series(chart, table, f"ED {suffix}", "ED", CYAN)
        add_series(chart, table, f"ES {suffix}", "ES", MAGENTA if suffix == "motion" else YELLOW)
    columns = {"Time": (0.1, 0.4), "Volume": (90, 40), "ED": (90, np.nan), "ES": (np.nan, 40)}
    volumes = add_table(scene, "A4C LV volume per keyframe", columns)
    volume_chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", "A4C LV volume")
    sequence.SetNodeReferenceID("EchoKeyframe.VolumeChart", volume_chart.GetID())
    for name, color in (("Volume", GRAY), ("ED", CYAN), ("ES", YELLOW)):
        add_series(volume_chart, volumes, name, name, color)


def add_still_browsers(scene, sequence):
    for phase, frame in (("ED", ED), ("ES", ES)):
        browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"A4C {phase} browser")
        browser.SetNodeReferenceID("EchoKeyframe.Sequence", sequence.GetID())
        browser.AddSynchronizedSequenceNode(sequence)
        browser.SetSelectedItemNumber(frame)
        sequence.SetNodeReferenceID(f"EchoKeyframe.Browser{phase}", browser.GetID())


def application(folder):
    """A scene with the application's layout logic."""
    kept, logic = new_scene(folder), slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(kept.scene)
    return kept.scene, logic.GetLayoutNode(), (kept, logic)


@pytest.fixture
def old(tmp_path):
    """The path of such a scene, saved while a beat stood side by side."""
    scene, layout, _alive = application(tmp_path)
    sequence = add_loop(_alive[0])
    add_charts(scene, sequence)
    add_still_browsers(scene, sequence)
    layout.AddLayoutDescription(35170, '<layout type="horizontal"><item/></layout>')
    layout.SetViewArrangement(35170)
    path = tmp_path / "0.1.0.mrb"
    assert scene.WriteToMRB(str(path))
    return path


@pytest.fixture
def opened(old, tmp_path):
    """Its sequence, opened with the module there."""
    scene, layout, alive = application(tmp_path)
    keeper = LayoutKeeper(layout)
    assert scene.ReadFromMRB(str(old))
    layer.bring_up_to_date(scene)
    yield first_node(scene, "vtkMRMLSequenceNode")
    keeper.stop()
    assert alive


def colors(chart):
    series = [chart.GetNthPlotSeriesNode(i) for i in range(chart.GetNumberOfPlotSeriesNodes())]
    return {node.GetName(): node.GetColor() for node in series}


def test_its_curves_can_be_seen_and_a_persons_colour_stays(opened):
    chart, volumes = layer.find_chart(opened), layer.find_volume_chart(opened)
    ed, es = PLOT_COLORS[Phase.ED], PLOT_COLORS[Phase.ES]
    assert colors(chart) == {"ED keyframes": ed, "ES keyframes": es, "ED motion": ed, "ES motion": MAGENTA}
    assert colors(volumes)["ED"] == ed and colors(volumes)["Volume"] != GRAY
    for node, points in ((chart, layer.frame_times(opened)), (volumes, np.array([0.1, 0.4]))):
        first, last = node.GetXAxisRange()
        assert first < points[0] and last > points[-1] and not node.GetLegendVisibility()
    layer.bring_up_to_date(opened.GetScene())
    assert colors(chart)["ED motion"] == ed


def test_what_was_deleted_from_it_is_no_obstacle(old, tmp_path):
    scene, _, _alive = application(tmp_path)
    assert scene.ReadFromMRB(str(old))
    scene.RemoveNode(first_node(scene, "vtkMRMLTableNode", "per keyframe"))
    sequence = first_node(scene, "vtkMRMLSequenceNode")
    sequence.SetIndexUnit("ms")
    sequence.UpdateIndexValue(sequence.GetNthIndexValue(3), "not a time")
    layer.bring_up_to_date(scene)
    assert colors(layer.find_chart(sequence))["ED motion"] == PLOT_COLORS[Phase.ED]
    assert colors(layer.find_volume_chart(sequence))["ED"] == PLOT_COLORS[Phase.ED]


def test_its_still_browsers_are_not_offered_for_playing(opened):
    browsers = [opened.GetNodeReference(f"EchoKeyframe.Browser{phase}") for phase in Phase]
    assert all(browser.GetHideFromEditors() for browser in browsers)
    assert not layer.find_browser(opened).GetHideFromEditors()


def test_it_opens_in_the_arrangement_that_it_was_saved_in(opened):
    layout = first_node(opened.GetScene(), "vtkMRMLLayoutNode")
    assert current_layout(layout) == SIDE_BY_SIDE and layout.GetCurrentLayoutDescription().count("Keyframe") == 2


def test_work_goes_on_in_it(opened):
    table = layer.find_keyframe_table(opened)
    layer.move_keyframe(table, ES, ES + 1)
    detector = layer.add_curves(opened, _curves(opened), layer.read_keyframes(table))
    assert detector is layer.find_chart(opened) and detector.GetNumberOfPlotSeriesNodes() == 4
    pair = layer.add_frame_pair(opened, layer.read_beats(table)[0])
    assert pair.es.GetAttribute("CardiacCyclePhase") == "end-systole"
    cursor = layer.FrameCursor(detector)
    cursor.stop()


def _curves(sequence):
    from mrml_scene import detection_of

    return detection_of(layer.frame_times(sequence), ("ED", ED), ("ES", ES + 1), model="motion 2").curves


def test_a_scene_of_now_opened_without_the_module_shows_curves_and_frames(tmp_path):
    """Loop, charts in their colours, both still frames: nothing that only the module could bring."""
    scene, _, alive = application(tmp_path)
    sequence = add_loop(alive[0])
    table = layer.find_keyframe_table(sequence)
    layer.add_curves(sequence, _curves(sequence), layer.read_keyframes(table))
    layer.add_frame_pair(sequence, layer.read_beats(table)[0])
    assert scene.WriteToMRB(str(tmp_path / "now.mrb"))
    receiver, _, _alive = application(tmp_path)
    assert receiver.ReadFromMRB(str(tmp_path / "now.mrb"))
    charts = [receiver.GetNthNodeByClass(i, "vtkMRMLPlotChartNode")
              for i in range(receiver.GetNumberOfNodesByClass("vtkMRMLPlotChartNode"))]  # fmt: skip
    assert [colors(chart)["ED keyframes"] for chart in charts] == [PLOT_COLORS[Phase.ED]]
    names = {receiver.GetNthNodeByClass(i, "vtkMRMLScalarVolumeNode").GetName()
             for i in range(receiver.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"))}  # fmt: skip
    assert {"A4C ED", "A4C ES"} <= names
