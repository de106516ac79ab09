"""Arrangements of views at the module's panel: the layout menu, opened scenes, and leaving them with the loop."""

import numpy as np
import pytest
import slicer
from EchoKeyframeLib import scene
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.panel.layouts.view_layouts import CHART, SIDE_BY_SIDE, current_layout
from mrml_scene import detection_of
from panel_person import beating_sequence


def shown():
    """The module's arrangement that is on show."""
    return current_layout(layout())


def layout():
    return slicer.app.layoutManager().layoutLogic().GetLayoutNode()


def add_loop(chart=True):
    sequence = beating_sequence(30, 48)
    times = scene.frame_times(sequence)
    detection = detection_of(times, ("ED", 0), ("ES", 15), ("ED", 29))
    scene.write_detection(sequence, detection)
    if chart:
        scene.add_curves(sequence, detection.curves, detection.keyframes)
    return sequence


@pytest.fixture
def loop(person):
    layout().SetViewArrangement(layout().SlicerLayoutFourUpView)
    slicer.mrmlScene.AddNode(slicer.vtkMRMLPlotViewNode())
    sequence = add_loop()
    person.choose(sequence)
    return sequence


def plot():
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLPlotViewNode").GetPlotChartNodeID()


def cursors():
    return [node for node in slicer.util.getNodesByClass("vtkMRMLPlotSeriesNode") if node.GetName() == "Current frame"]


def test_both_stand_in_the_layout_menu(person, loop):
    actions = slicer.util.mainWindow().layout_menu.actions()
    assert [action.data() for action in actions] == [CHART, SIDE_BY_SIDE]
    for action in actions:
        action.trigger()
        assert shown() == action.data()


def test_starting_again_offers_them_once(person, loop):
    from EchoKeyframeLib.panel.layouts.arrangements import start_upkeep

    start_upkeep()
    assert len(slicer.util.mainWindow().layout_menu.actions()) == 2
    layout().SetViewArrangement(CHART)
    assert shown() == CHART


def test_both_frames_are_fitted_once_their_views_have_a_size(person, loop, monkeypatch):
    """Views get theirs with the events that follow a change of the layout."""
    from PySide6 import QtCore

    sized, fitted = [], []
    node = layout()
    tag = node.AddObserver("ModifiedEvent", lambda *_: QtCore.QTimer.singleShot(0, lambda: sized.append(None)))
    monkeypatch.setattr(slicer.util, "setSliceViewerLayers", lambda **_: fitted.append(bool(sized)))
    person.press("sideBySideButton")
    node.RemoveObserver(tag)
    assert fitted == [True]


def test_side_by_side_is_left_with_the_loop(person, loop):
    other = add_loop()
    person.press("sideBySideButton")
    assert shown() == SIDE_BY_SIDE
    person.choose(other)
    assert shown() is None and layout().GetViewArrangement() == layout().SlicerLayoutOneUpRedSliceView
    person.press("sideBySideButton")
    person.widget.show_loaded(loop)
    assert shown() is None


def test_a_chart_on_show_gives_way_to_the_next_loops(person, loop):
    other, without = add_loop(), add_loop(chart=False)
    person.press("chartButton")
    assert shown() == CHART and plot() == scene.find_chart(loop).GetID() and len(cursors()) == 1
    person.choose(other)
    assert shown() == CHART and plot() == scene.find_chart(other).GetID()
    (cursor,) = cursors()  # of the loop that is chosen, and it follows it
    scene.show_frame(other, 12)
    line = slicer.util.arrayFromTableColumn(cursor.GetTableNode(), "Time")
    assert np.allclose(line, scene.frame_times(other)[12])
    person.choose(without)
    assert shown() is None and cursors() == []


def test_other_layouts_are_left_as_they_are(person, loop):
    person.choose(add_loop())
    assert layout().GetViewArrangement() == layout().SlicerLayoutFourUpView


def test_a_loop_that_was_loaded_stands_alone(person, loop):
    person.widget.show_loaded(loop)
    assert layout().GetViewArrangement() == layout().SlicerLayoutOneUpRedSliceView


def test_the_toolbar_plays_the_loop_of_an_opened_scene_not_a_still_frame(person, loop, tmp_path):
    scene.add_frame_pair(loop, scene.read_beats(scene.find_keyframe_table(loop))[0])
    stills = {loop.GetNodeReference(f"EchoKeyframe.Browser{phase}").GetID() for phase in Phase}
    listed = [b for b in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode") if not b.GetHideFromEditors()]
    assert listed == [scene.find_browser(loop)]
    path = tmp_path / "pair.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(path))
    slicer.mrmlScene.Clear()
    slicer.modules.sequences.setToolBarActiveBrowserNode(None)
    assert slicer.mrmlScene.ReadFromMRB(str(path))
    # What Slicer's sequences module does next: the last browser of the scene becomes the toolbar's.
    slicer.modules.sequences.setToolBarActiveBrowserNode(slicer.mrmlScene.GetNodeByID(max(stills)))
    bar = slicer.modules.sequences.toolBar()
    person.wait(lambda: bar.activeBrowserNode() is not None)
    sequence = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSequenceNode")
    assert bar.activeBrowserNode() is scene.find_browser(sequence)
