"""The module's panel in the Slicer stand-in: the real widget from its real .ui, the real worker."""

import ast
import os
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import slicer
from EchoKeyframeLib import scene
from EchoKeyframeLib.detection.keyframes import Phase
from mrml_scene import detection_of
from panel_person import MODULE, application, beating_sequence

A_FRAME_OR_TWO = 2


def load_sample(person, sample_clip):
    person.ui.filePathLineEdit.currentPath = str(sample_clip)
    person.press("loadButton")
    person.wait()


def test_three_clicks_from_file_to_keyframes(person, sample_clip):
    load_sample(person, sample_clip)
    assert "detection finished" in person.status
    sequence = person.ui.sequenceSelector.currentNode()
    assert sequence.GetNumberOfDataNodes() == 30
    found = dict(person.found)
    assert abs(found["ED"] - 21) <= A_FRAME_OR_TWO
    assert abs(found["ES"] - 5) <= A_FRAME_OR_TWO
    marks = {sequence.GetNthDataNode(f).GetAttribute("CardiacCyclePhase"): p for p, f in person.found}
    assert marks == {"end-diastole": "ED", "end-systole": "ES"}
    assert person.table.GetNumberOfRows() == len(person.found)


def test_rows_steps_strip_and_chart_points_jump(person, sample_clip):
    load_sample(person, sample_clip)
    frames = dict(person.found)
    person.click_row(1)
    assert person.frame == person.found[1][1]
    person.press("previousEsButton")
    assert person.frame == frames["ES"]
    person.press("nextEdButton")
    assert person.frame == frames["ED"]
    slicer.modules.sequences.toolBar().actions()[0].trigger()
    assert person.frame == frames["ES"]
    strip = person.widget.keyframes._strip
    person.widget.keyframes.jump(strip.frame_at(strip.width))
    assert person.frame == 29
    person.press("chartButton")
    chart = scene.find_chart(person.ui.sequenceSelector.currentNode())
    views = [slicer.app.layoutManager().plotWidget(i) for i in range(slicer.app.layoutManager().plotViewCount)]
    assert views, "the layout has no plot view"
    assert views[0].mrmlPlotViewNode().GetPlotChartNodeID() == chart.GetID()
    views[0].plotView().click(chart.GetNthPlotSeriesNode(0), 12)
    assert person.frame == 12


def test_edits_are_kept_on_a_second_detection_and_undone_in_one_step(person):
    person.choose(beating_sequence())
    person.press("detectButton")
    person.wait()
    before = person.found
    assert {"ED", "ES"} <= {phase for phase, _ in before}
    row = next(i for i, (phase, frame) in enumerate(before) if phase == "ES")
    person.click_row(row)
    scene.show_frame(person.ui.sequenceSelector.currentNode(), before[row][1] + 3)
    person.press("moveButton")
    moved = person.found
    assert moved[row] == ("ES", before[row][1] + 3)
    person.press("detectButton")
    person.wait()
    assert person.found == moved
    person.press("undoButton")
    person.press("undoButton")
    person.click_row(0)
    person.press("removeButton")
    assert len(person.found) == len(moved) - 1
    person.press("undoButton")
    assert len(person.found) == len(moved)


def test_a_second_detection_that_finds_the_same_leaves_the_rows_alone(person):
    person.choose(beating_sequence())
    person.press("detectButton")
    person.wait()
    before, cell = person.found, person.ui.keyframeTable.item(0, 0)
    person.press("detectButton")
    person.wait()
    assert person.found == before
    assert person.ui.keyframeTable.item(0, 0) is cell


def test_a_chart_on_show_keeps_its_cursor_through_a_second_detection(person):
    sequence = beating_sequence()
    person.choose(sequence)
    person.press("detectButton")
    person.wait()
    chart = scene.find_chart(sequence)
    without = chart.GetNumberOfPlotSeriesNodes()
    person.press("chartButton")
    assert chart.GetNumberOfPlotSeriesNodes() == without + 1
    person.press("detectButton")
    person.wait()
    assert chart.GetNumberOfPlotSeriesNodes() == without + 1


def test_every_cell_is_wide_enough_for_its_text(person):
    sequence = beating_sequence(count=300)
    person.choose(sequence)
    for frame, phase in ((1, Phase.ED), (299, Phase.ES)):
        scene.show_frame(sequence, frame)
        person.widget.keyframes.add(phase)
    table = person.ui.keyframeTable
    for column in range(table.columnCount):
        assert table.columnWidth(column) >= table.sizeHintForColumn(column)


def test_a_beat_that_is_unfit_is_in_brackets_and_says_why(person):
    sequence = beating_sequence()
    events = ("ED", 5), ("ES", 15), ("ED", 35), ("ES", 45)
    scene.write_detection(sequence, detection_of(scene.frame_times(sequence), *events, degraded=(15,)))
    person.choose(sequence)
    cells = [person.ui.keyframeTable.item(row, 0) for row in range(4)]
    assert [cell.text() for cell in cells] == ["(1)", "(1)", "2", "2"]
    assert "degraded image" in cells[0].toolTip() and not cells[2].toolTip()
    person.widget.keyframes.jump(15)
    scene.show_frame(sequence, 16)
    person.press("moveButton")
    assert [person.ui.keyframeTable.item(row, 0).text() for row in range(4)] == ["1", "1", "2", "2"]


def test_the_keyframe_jumped_to_last_is_the_one_that_is_moved(person):
    sequence = beating_sequence()
    person.choose(sequence)
    for frame, phase in ((0, Phase.ED), (15, Phase.ES), (30, Phase.ED)):
        scene.show_frame(sequence, frame)
        person.widget.keyframes.add(phase)
    person.press("previousEsButton")
    person.widget.keyframes.jump(18)  # a click on the strip, where there is no keyframe
    person.press("moveButton")
    assert person.found == [("ED", 0), ("ES", 18), ("ED", 30)]
    person.widget.keyframes.jump(33)
    person.press("moveButton")  # past the next keyframe: its row is another one now
    assert person.found == [("ED", 0), ("ED", 30), ("ES", 33)]
    person.press("removeButton")
    assert person.found == [("ED", 0), ("ED", 30)]


def test_keyframes_by_hand_without_detection(person):
    sequence = beating_sequence()
    person.choose(sequence)
    scene.show_frame(sequence, 7)
    person.press("addEdButton")
    scene.show_frame(sequence, 20)
    person.press("addEsButton")
    assert person.found == [("ED", 7), ("ES", 20)]
    person.press("phaseButton")
    assert person.found == [("ED", 7), ("ED", 20)]
    person.table.SetCellText(0, person.table.GetColumnIndex("Frame"), "9")
    person.table.Modified()
    assert person.found == [("ED", 9), ("ED", 20)]
    person.table.SetCellText(0, person.table.GetColumnIndex("Phase"), "nonsense")
    person.table.Modified()
    assert "row 1" in person.status


def test_side_by_side_shows_the_beat_of_the_row(person):
    sequence = beating_sequence()
    person.choose(sequence)
    for frame, phase in ((0, Phase.ED), (15, Phase.ES), (30, Phase.ED), (45, Phase.ES)):
        scene.show_frame(sequence, frame)
        person.widget.keyframes.add(phase)
    person.click_row(2)
    person.press("sideBySideButton")
    shown = {phase: sequence.GetNodeReference(f"EchoKeyframe.Browser{phase}").GetSelectedItemNumber()
             for phase in ("ED", "ES")}  # fmt: skip
    assert shown == {"ED": 30, "ES": 45}
    assert person.frame == 30


def test_side_by_side_shows_a_half_cycle_from_es_to_ed(person, sample_clip):
    """pydicom's loop begins near ES and ends after ED: one beat, and no ED comes before its ES."""
    load_sample(person, sample_clip)
    assert [phase for phase, _ in person.found] == ["ES", "ED"]
    person.press("sideBySideButton")
    sequence = person.ui.sequenceSelector.currentNode()
    shown = {phase: sequence.GetNodeReference(f"EchoKeyframe.Browser{phase}").GetSelectedItemNumber()
             for phase in ("ED", "ES")}  # fmt: skip
    assert shown == dict(person.found)
    for phase, frame in shown.items():
        still = sequence.GetNodeReference(f"EchoKeyframe.Browser{phase}").GetProxyNode(sequence)
        pixels = scene.read_frame(sequence, frame)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(still)[0], pixels)


def imported_sample(sample_clip):
    """The sample as an importer leaves it that knows no spacing and a rate of 10 frames/s; its true times."""
    from EchoKeyframeLib.cine.cine import Cine
    from EchoKeyframeLib.cine.read import read_cine

    cine = read_cine(sample_clip)
    imported = Cine(cine.frames, np.arange(len(cine)) / 10, cine.source)
    return scene.add_cine_sequence(slicer.mrmlScene, imported)[0], cine


def test_a_sequence_is_repaired_from_its_file_which_the_worker_reads(person, sample_clip, monkeypatch):
    sequence, cine = imported_sample(sample_clip)
    person.choose(sequence)
    database = SimpleNamespace(fileForInstance={cine.source.sop_instance_uid: str(sample_clip)}.get)
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    monkeypatch.setattr("EchoKeyframeLib.cine.read.read_cine", None)
    asked, answers = [], [False, True]
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text: (asked.append(text), answers.pop(0))[1])
    person.press("repairButton")
    assert not person.ui.detectButton.enabled
    person.wait()
    assert "spacing" in asked[0] and "the loop lasts 2.900 s" in asked[0]
    assert scene.frame_times(sequence)[-1] == pytest.approx(2.9)
    person.press("repairButton")
    person.wait()
    assert "repaired" in person.status
    np.testing.assert_allclose(scene.frame_times(sequence), cine.times, atol=1e-6)
    assert scene.cine_from_sequence(sequence).spacing == pytest.approx(cine.spacing)
    person.press("repairButton")
    person.wait()
    assert "agree" in person.status and len(asked) == 2


def test_another_file_or_none_repairs_nothing(person, sample_clip, monkeypatch, tmp_path):
    import qt

    person.choose(beating_sequence())
    person.press("repairButton")  # no file is chosen in the dialog
    assert not person.widget.logic.jobs.busy
    monkeypatch.setattr(qt.QFileDialog, "answer", str(sample_clip))
    person.press("repairButton")
    person.wait()
    assert "not the file that the sequence came from" in person.status
    (tmp_path / "broken.dcm").write_bytes(b"no DICOM")
    monkeypatch.setattr(qt.QFileDialog, "answer", str(tmp_path / "broken.dcm"))
    person.press("repairButton")
    person.wait()
    assert "broken.dcm" in person.status
    monkeypatch.setattr(qt.QFileDialog, "answer", str(sample_clip))
    person.press("repairButton")
    slicer.mrmlScene.RemoveNode(person.ui.sequenceSelector.currentNode())
    person.wait()
    assert "removed meanwhile" in person.status


def test_detect_all_and_the_context_menu(person):
    loops = [beating_sequence(), beating_sequence()]
    person.press("detectAllButton")
    person.wait()
    assert all(loop.GetNodeReference("EchoKeyframe.KeyframeTable").GetNumberOfRows() for loop in loops)
    handler = slicer.qSlicerSubjectHierarchyPluginHandler.instance()
    hierarchy = handler.subjectHierarchyNode()
    plugin = handler._plugins[0].self()
    third = beating_sequence()
    proxy = scene.find_browser(third).GetProxyNode(third)
    item = hierarchy.CreateItem(hierarchy.GetSceneItemID(), proxy)
    handler.setCurrentItem(item)
    plugin.showContextMenuActionsForItem(item)
    assert plugin.detectAction.visible
    plugin.itemContextMenuActions()[0].trigger()
    person.wait()
    assert third.GetNodeReference("EchoKeyframe.KeyframeTable").GetNumberOfRows()


def test_choices_are_saved_and_progress_is_not(person):
    person.choose(beating_sequence())
    person.press("detectButton")
    person.wait()
    names = set(slicer.mrmlScene.GetSingletonNode("EchoKeyframe", "vtkMRMLScriptedModuleNode").GetParameterNames())
    assert names <= {"detector", "device", "detectOnLoad"}


def test_the_files_heart_rate_and_view_reach_the_detector(person):
    from drawn_ventricle import beating_frames
    from EchoKeyframeLib.cine.cine import Cine, Source
    from EchoKeyframeLib.panel.jobs.detection_request import detection_request

    cine = Cine(beating_frames(12, 30.0, size=48), np.arange(12) / 30, Source("a.dcm"), heart_rate=61.5, view="PLAX")
    request, _ = detection_request(scene.add_cine_sequence(slicer.mrmlScene, cine)[0], "motion")
    assert (request.heart_rate, request.view) == (61.5, "PLAX")


def test_weights_are_added_and_removed(person, tmp_path, monkeypatch):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"weights")
    person.widget.advanced.add_weights(str(path))
    assert "mine.json" in person.status
    path.with_suffix(".json").write_text("{}")
    person.widget.advanced.add_weights(str(path))
    selector = person.ui.detectorSelector
    assert selector.findText("mine") >= 0
    selector.setCurrentIndex(selector.findText("mine"))
    assert person.widget.choice().model == str(person.widget.logic.detectors.folder / "mine.safetensors")
    assert person.widget.logic.getParameterNode().detector == "mine"  # what a scene keeps names no folder
    selector.setCurrentIndex(0)
    person.widget.detectors.show("C:\\Users\\Someone else\\weights\\mine.safetensors")  # as version 0.1.0 kept it
    assert selector.currentText == "mine"
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *_, **__: False)
    person.press("removeWeightsButton")
    assert selector.findText("mine") >= 0
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *_, **__: True)
    person.press("removeWeightsButton")
    assert selector.findText("mine") < 0
    assert not list((person.widget.logic.detectors.folder).glob("*"))
    selector.setCurrentIndex(0)


def test_where_the_apex_is_can_be_said(person):
    person.choose(beating_sequence())
    selector = person.ui.orientationSelector
    assert [selector.itemText(i) for i in range(selector.count)] == ["found by itself", "at the top", "at the bottom"]
    assert person.widget.choice().orientation == "auto"
    selector.setCurrentIndex(2)
    assert person.widget.choice().orientation == person.widget.logic.getParameterNode().orientation == "apex-down"
    person.press("detectButton")
    person.wait()
    assert "apex of the image is at the bottom" in person.status
    person.widget._parameterNode.orientation = "auto"  # as a scene that is opened says
    person.app.processEvents()
    assert selector.currentText == "found by itself"
    person.press("detectButton")
    person.wait()
    assert "apex" not in person.status


def test_a_load_and_a_detection_make_no_further_parameter_node_wrapper(person, sample_clip):
    before = person.widget._parameterNode
    person.ui.filePathLineEdit.currentPath = str(sample_clip)
    person.press("loadButton")
    person.wait()
    person.press("detectButton")
    person.wait()
    assert person.found and person.widget._parameterNode is before


def test_the_toolbar_is_as_before_after_a_reload_and_no_process_stays(person):
    worker = person.widget.logic.jobs.worker
    beating = beating_sequence()
    person.choose(beating)
    person.press("detectButton")
    person.wait()
    assert worker.running
    toolbar = slicer.modules.sequences.toolBar()
    assert len(toolbar.actions()) == 2
    person.app.unload_module("EchoKeyframe")
    assert toolbar.actions() == []
    assert not worker.running
    again = slicer.util.selectModule("EchoKeyframe")
    assert len(toolbar.actions()) == 2
    assert again.keyframes.keyframes


def test_the_modules_own_self_test(person):
    import EchoKeyframe

    case = EchoKeyframe.EchoKeyframeTest()
    case.runTest()


def test_sample_data_is_registered(person):
    (source,) = slicer.modules.sampleDataSources["EchoKeyframe"]
    assert source.sampleName == "FourChamberEcho" and os.path.isfile(source.thumbnailFileName)
    source.customDownloader(source)
    person.wait()
    assert person.found


def test_a_simulated_loop_stands_in_for_the_sample(person, monkeypatch):
    from EchoKeyframeLib.panel import sample

    monkeypatch.setattr(sample, "sample_file", lambda: None)
    person.widget.load_sample()
    person.press("detectButton")
    person.wait()
    frames = np.array([frame for phase, frame in person.found if phase == "ED"])
    assert np.abs(frames[:, None] - np.array([0, 30, 59])).min(axis=1).max() <= A_FRAME_OR_TWO


def test_slicer_imports_nothing_heavy_when_it_scans_the_module():
    """At start-up Slicer imports the file of every module, so what stands at its top costs everyone."""
    tree = ast.parse(MODULE.read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= {"slicer", "vtk", "qt", "ctk", *sys.stdlib_module_names}


def test_torch_stays_out_of_the_application(person):
    loaded = set(sys.modules)
    person.choose(beating_sequence())
    person.press("detectButton")
    person.wait()
    assert not {"torch", "torchvision"} & (set(sys.modules) - loaded)


def test_what_slicer_lacks_the_standin_refuses(person):
    import ctk
    import qt

    for owner, name in ((qt, "QWebEngineView"), (qt, "QtCore"), (ctk, "ctkNoSuchWidget"), (slicer.app, "noSuchName")):
        assert not hasattr(owner, name)
    button = person.ui.detectButton
    try:
        button.enabeld = True
    except AttributeError:
        pass
    else:
        raise AssertionError("a misspelt property was taken")
    assert application() is person.app


def test_the_keyframes_stand_in_their_colours_where_they_belong(person, tmp_path):
    """A picture of the panel: cyan and yellow lines on the strip, at the share of the loop where the frames lie."""
    sequence = beating_sequence()
    person.choose(sequence)
    for frame, phase in ((12, Phase.ED), (42, Phase.ES)):
        scene.show_frame(sequence, frame)
        person.widget.keyframes.add(phase)
    scene.show_frame(sequence, 59)
    strip = person.widget.keyframes._strip
    path = tmp_path / "strip.png"
    assert strip.grab().save(str(path))
    pixels = cv2.imread(str(path))[:, :, ::-1]
    for frame, color in ((12, (0, 255, 255)), (42, (255, 255, 0))):
        columns = np.flatnonzero((pixels == color).all(axis=2).any(axis=0))
        assert strip.frame_at(float(columns.mean())) == frame
    assert person.widget.parent.grab().save(str(tmp_path / "panel.png"))


def test_detect_needs_a_loop_and_cancel_something_to_cancel(person):
    assert not person.ui.detectButton.enabled
    person.press("detectAllButton")
    assert "no cine loop" in person.status
    person.choose(beating_sequence())
    assert person.ui.detectButton.enabled and not person.ui.cancelButton.enabled
    person.press("detectButton")
    assert person.ui.cancelButton.enabled and not person.ui.detectButton.enabled
    person.wait()
    assert person.ui.detectButton.enabled and not person.ui.cancelButton.enabled


def test_shortcuts_work_only_while_the_module_is_open(person):
    actions = slicer.modules.sequences.toolBar().actions()
    assert [action.shortcut.toString() for action in actions] == ["Alt+,", "Alt+."]
    person.app.leave_module("EchoKeyframe")
    assert all(action.shortcut.isEmpty() for action in actions)
    slicer.util.selectModule("EchoKeyframe")
