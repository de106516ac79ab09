"""Measuring and handing on at the panel: real widgets, real nodes, real files."""

import csv
import json

import numpy as np
import pytest
import slicer
from EchoKeyframeLib import scene
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.scene.loop.frame_geometry import to_ras
from markups_mouse import Mouse
from traced_loop import ED, ES, TRUE_EF, add_loop, add_segmentation, half_ellipse


class Kept:
    """The person's scene, as the scene tests take it."""

    @property
    def scene(self):
        return slicer.mrmlScene


@pytest.fixture
def loop(person):
    sequence = add_loop(Kept())
    person.choose(sequence)
    return sequence


def place_mode():
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    selection = slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    return interaction.GetCurrentInteractionMode() == interaction.Place, selection.GetActivePlaceNodeID()


def draw(sequence, phase, frame):
    """The clicks that follow a press on Trace, up to the double click."""
    placing, identifier = place_mode()
    curve = slicer.mrmlScene.GetNodeByID(identifier)
    assert placing and curve is scene.find_contour(sequence, phase, frame)
    Mouse(slicer.app._kept).draw(to_ras(sequence, frame, half_ellipse(phase, points=17)))
    assert not place_mode()[0]
    return curve


def trace_both(person, sequence):
    curves = {}
    for phase, frame, button in ((Phase.ED, ED, "traceEdButton"), (Phase.ES, ES, "traceEsButton")):
        person.press(button)
        assert person.frame == frame
        curves[phase] = draw(sequence, phase, frame)
    person.app.processEvents()
    return curves


def results(person):
    """The panel's table: first column's text by quantity."""
    table = person.ui.measurementTable
    return {table.verticalHeaderItem(row).text(): table.item(row, 0).text() for row in range(table.rowCount)}


def test_from_two_traced_frames_to_the_ejection_fraction(person, loop):
    assert "no contour" in person.ui.measurementLabel.text and not person.ui.copyButton.enabled
    curves = trace_both(person, loop)
    shown = results(person)
    assert shown["EF"] == f"{TRUE_EF:.0f} %" and shown["HR"] == "90 beats/min"
    position = np.array(curves[Phase.ES].GetNthControlPointPositionWorld(3))
    curves[Phase.ES].SetNthControlPointPositionWorld(3, *(position + np.array([8, 0, 0])))
    assert results(person)["ESV"] != shown["ESV"]
    person.press("copyButton")
    import qt

    text = qt.QApplication.clipboard().text()
    assert text.startswith("LV volumes, method of disks, single plane (A4C)")
    assert results(person)["EF"] in text and "Lang et al." in text
    person.press("volumeChartButton")
    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLPlotViewNode")
    assert node.GetPlotChartNodeID() == scene.find_volume_chart(loop).GetID()


def test_the_panel_is_still_while_a_contour_is_drawn_and_tells_when_it_is_done(person, loop):
    trace_both(person, loop)
    person.press("removeContourButton")  # ES, on show
    person.press("traceEsButton")
    assert "double click" in person.ui.measureHintLabel.text
    mouse, shown = Mouse(slicer.app._kept), results(person)
    *clicks, last = to_ras(loop, ES, half_ellipse(Phase.ES, points=11))
    for click in clicks:
        mouse.click(click)
    assert results(person) == shown == {} and person.ui.measureHintLabel.visible
    mouse.double_click(last)
    assert results(person)["EF"] and not person.ui.measureHintLabel.visible


def test_clicks_are_no_points_once_another_loop_is_chosen(person, loop):
    other = add_loop(Kept(), view="A2C")
    trace_both(person, loop)
    scene.remove_contour(scene.find_contour(loop, Phase.ED, ED))
    person.press("traceEdButton")
    mouse = Mouse(slicer.app._kept)
    mouse.click(to_ras(loop, ED, half_ellipse(Phase.ED))[0])
    person.choose(other)
    assert not mouse.placing and results(person) == {}
    assert not person.ui.measureHintLabel.visible


def test_contours_do_not_stay_in_a_view_that_shows_another_loop(person, loop):
    other = add_loop(Kept(), view="A2C")
    main, composite = slice_view("Left", scene.find_browser(loop).GetProxyNode(loop))
    curves = trace_both(person, loop)
    scene.show_frame(loop, ES)
    display = curves[Phase.ES].GetDisplayNode()
    assert display.GetVisibility() and display.GetViewNodeIDs() == (main.GetID(),)
    person.choose(other)
    composite.SetBackgroundVolumeID(scene.find_browser(other).GetProxyNode(other).GetID())
    assert not display.GetVisibility()
    person.choose(None)
    composite.SetBackgroundVolumeID(scene.find_browser(loop).GetProxyNode(loop).GetID())
    assert display.GetVisibility()


def test_a_drawn_contour_is_not_drawn_over_and_can_be_removed(person, loop):
    curves = trace_both(person, loop)
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    person.press("traceEdButton")
    assert "drag its points" in person.status and not place_mode()[0]
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes
    person.press("removeContourButton")
    assert curves[Phase.ED].GetScene() is None and results(person) == {}
    assert "trace both" in person.ui.measurementLabel.text
    scene.show_frame(loop, 8)
    person.press("removeContourButton")
    assert "no contour on the frame on show" in person.status


def test_a_contour_goes_with_its_keyframe_when_asked(person, loop):
    curves = trace_both(person, loop)
    scene.move_keyframe(scene.find_keyframe_table(loop), ED, ED + 1)
    assert results(person) == {} and "lies on no ED frame" in person.ui.measurementLabel.text
    person.press("traceEdButton")
    assert "moved along" in person.status and scene.contour_place(curves[Phase.ED]) == (Phase.ED, ED + 1)
    assert results(person)["EF"] == f"{TRUE_EF:.0f} %"


def test_the_axis_is_adjusted_and_reset(person, loop):
    curves = trace_both(person, loop)
    before = results(person)["LV length ES"]
    axis = scene.find_axis(curves[Phase.ES])
    base, apex = slicer.util.arrayFromMarkupsControlPoints(axis)
    axis.SetNthControlPointPositionWorld(1, *(base + 0.9 * (apex - base)))
    assert results(person)["LV length ES"] != before
    person.press("axisButton")
    assert results(person)["LV length ES"] == before


def test_the_other_phase_is_proposed_from_the_image(person, sample_clip):
    """On pydicom's loop."""
    sequence, _ = scene.add_cine_sequence(slicer.mrmlScene, read_cine(sample_clip))
    scene.set_keyframes(scene.keyframe_table(sequence), {Phase.ED: [21], Phase.ES: [5]})
    person.choose(sequence)
    person.press("proposeButton")
    assert "Trace either ED or ES" in person.status
    angles = np.linspace(np.pi / 2, -np.pi / 2, 15)
    wall = np.stack([150 - 30 * np.sin(angles), 130 - 80 * np.cos(angles)], axis=1)
    person.press("traceEdButton")
    mouse = Mouse(slicer.app._kept)
    for click in to_ras(sequence, 21, wall):
        mouse.click(click)
    person.press("proposeButton")  # without a double click before
    assert not mouse.placing
    proposed = scene.find_contour(sequence, Phase.ES, 5)
    assert scene.is_drawn(proposed) and person.frame == 5
    assert "check it against the image" in person.status
    assert person.ui.measureHintLabel.text == person.status


def test_a_segment_serves_and_does_not_replace_unasked(person, loop, monkeypatch):
    volume = scene.extract_keyframes(loop)[0]
    segmentation, _ = add_segmentation(Kept(), volume, half_ellipse(Phase.ED))
    scene.show_frame(loop, 20)
    person.press("segmentButton")
    assert "Frame 20 is no ED or ES" in person.status
    person.ui.segmentSelector.setCurrentNode(segmentation)
    person.press("segmentButton")
    curve = scene.find_contour(loop, Phase.ED, ED)
    assert scene.is_drawn(curve) and person.frame == ED
    curve.SetNthControlPointPositionWorld(3, 0, 0, 0)
    answers = [False, True]
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *_: answers.pop(0))
    person.press("segmentButton")
    assert curve.GetNthControlPointPositionWorld(3)[0] == 0
    person.press("segmentButton")
    assert curve.GetNthControlPointPositionWorld(3)[0] != 0 and answers == []


def test_a_pixels_size_is_given_only_where_the_file_does_not_say(person, loop):
    assert person.ui.pixelSizeBox.value == pytest.approx(0.4) and not person.ui.pixelSizeBox.enabled
    unknown = add_loop(Kept(), spacing=None)
    person.choose(unknown)
    trace_both(person, unknown)
    assert "size of a pixel is not known" in person.ui.measurementLabel.text
    assert results(person)["EDV"] == "-" and results(person)["EF"].endswith("%")
    assert person.ui.pixelSizeBox.text == "unknown" and person.ui.pixelSizeBox.enabled
    person.ui.pixelSizeBox.setValue(0.45)
    assert results(person)["EF"] and "a person's word" in person.ui.measurementLabel.text
    person.ui.pixelSizeBox.setValue(0)
    assert results(person)["EDV"] == "-"


def test_contours_go_to_a_file_and_come_back(person, loop, monkeypatch, tmp_path):
    import qt

    monkeypatch.setattr(qt.QFileDialog, "answer", str(tmp_path / "vier Kammern"))
    person.press("saveContoursButton")
    assert "has no contours" in person.status and list(tmp_path.iterdir()) == []
    curves = trace_both(person, loop)
    axis = scene.find_axis(curves[Phase.ES])
    base, apex = slicer.util.arrayFromMarkupsControlPoints(axis)
    axis.SetNthControlPointPositionWorld(1, *(base + 0.9 * (apex - base)))
    before = results(person)
    person.press("saveContoursButton")
    (path,) = tmp_path.iterdir()
    assert path.name == "vier Kammern.contours.json"
    again = add_loop(Kept(), view=None)
    person.choose(again)
    monkeypatch.setattr(qt.QFileDialog, "answer", str(path))
    person.press("openContoursButton")
    assert results(person) == before and again.GetAttribute("EchoKeyframe.View") == "A4C"
    assert scene.find_axis(scene.find_contour(again, Phase.ES, ES)).GetAttribute("EchoKeyframe.LongAxis") == "manual"
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *_: False)
    scene.remove_contour(scene.find_contour(again, Phase.ED, ED))
    person.press("openContoursButton")
    assert scene.find_contour(again, Phase.ED, ED) is None  # one contour is in the way, and the person said no
    again.SetAttribute("EchoKeyframe.View", "A2C")
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *_: True)
    person.press("openContoursButton")
    assert "is about the view A4C" in person.status and len(scene.find_contours(again)) == 1


def test_a_contour_that_is_being_drawn_is_left_out_of_the_file_and_that_is_told(person, loop, monkeypatch, tmp_path):
    import qt

    curves = trace_both(person, loop)
    scene.show_frame(loop, ES)
    person.press("removeContourButton")
    person.press("traceEsButton")
    mouse = Mouse(slicer.app._kept)
    for click in to_ras(loop, ES, half_ellipse(Phase.ES, points=17))[:8]:
        mouse.click(click)
    path = tmp_path / "half.contours.json"
    monkeypatch.setattr(qt.QFileDialog, "answer", str(path))
    person.press("saveContoursButton")
    assert [entry["phase"] for entry in json.loads(path.read_text("utf-8"))["contours"]] == ["ED"]
    assert "left out" in person.status and curves[Phase.ED].GetScene() is not None


def test_the_second_view_goes_with_its_loop_and_no_other_takes_its_place(person, loop):
    for _ in range(2):
        add_loop(Kept())
    second = slicer.mrmlScene.GetNthNodeByClass(1, "vtkMRMLSequenceNode")
    person.ui.secondSelector.setCurrentNode(second)
    slicer.mrmlScene.RemoveNode(scene.find_browser(second))
    slicer.mrmlScene.RemoveNode(second)
    assert person.ui.secondSelector.currentNode() is None and person.widget.measure.other is None
    assert person.ui.sequenceSelector.currentNode() is loop


def test_views_are_named_and_two_of_them_are_biplane(person, loop):
    other = add_loop(Kept(), view=None)
    person.choose(other)
    trace_both(person, other)
    assert any("view is not known" in line for line in person.ui.measurementLabel.text.splitlines())
    person.ui.viewSelector.setCurrentIndex(person.ui.viewSelector.findData("A2C"))
    assert other.GetAttribute("EchoKeyframe.View") == "A2C"
    person.choose(loop)
    trace_both(person, loop)
    person.ui.secondSelector.setCurrentNode(other)
    person.press("copyButton")
    assert person.widget.measure.measurement.views == ("A4C", "A2C")
    slicer.mrmlScene.RemoveNode(other)
    assert person.widget.measure.measurement.views == ("A4C",)


def slice_view(name, volume):
    """A slice view of the application's layout with a volume in it."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", name)
    node.SetLayoutName(name)
    composite = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceCompositeNode", name)
    composite.SetLayoutName(name)
    composite.SetBackgroundVolumeID(volume.GetID())
    return node, composite


def test_contours_show_in_the_views_of_their_frame_only(person, loop):
    main, composite = slice_view("Left", scene.find_browser(loop).GetProxyNode(loop))
    person.widget.measure.show(None, None)
    person.widget.measure.show(loop, None)
    curves = trace_both(person, loop)
    volume = scene.extract_keyframes(loop)[0]
    side, _ = slice_view("Right", volume)
    scene.show_frame(loop, ES)

    def seen(node):
        display = node.GetDisplayNode()
        return set(display.GetViewNodeIDs()) if display.GetVisibility() else set()

    person.widget.measure.show(None, None)
    person.widget.measure.show(loop, None)
    assert seen(curves[Phase.ES]) == {main.GetID()} and seen(curves[Phase.ED]) == {side.GetID()}
    assert seen(scene.find_disks(curves[Phase.ES])) == {main.GetID()} == seen(scene.find_axis(curves[Phase.ES]))
    scene.show_frame(loop, ED)
    assert seen(curves[Phase.ES]) == set() and seen(curves[Phase.ED]) == {main.GetID(), side.GetID()}
    person.ui.disksCheckBox.checked = False
    assert seen(scene.find_disks(curves[Phase.ED])) == set() and seen(curves[Phase.ED])
    composite.SetBackgroundVolumeID(volume.GetID())
    scene.show_frame(loop, 17)
    assert seen(curves[Phase.ED]) == {main.GetID(), side.GetID()}


def test_frames_become_volumes(person, loop):
    person.click_row(0)
    person.press("extractBeatButton")
    assert [v.GetName() for v in scene.keyframe_volumes(loop)] == ["A4C beat 1 ED", "A4C beat 1 ES"]
    person.press("extractAllButton")
    assert len(scene.keyframe_volumes(loop)) == 3 and "A4C beat 2 ED" in person.status
    scene.clear_keyframes(scene.find_keyframe_table(loop))
    person.press("extractAllButton")
    assert "has no keyframes" in person.status


def test_loops_go_to_a_training_folder_and_come_back(person, monkeypatch, tmp_path, sample_clip):
    import qt

    folder = tmp_path / "Sammlung ö"
    sequence, _ = scene.add_cine_sequence(slicer.mrmlScene, read_cine(sample_clip))
    scene.set_keyframes(scene.keyframe_table(sequence), {Phase.ED: [21], Phase.ES: [5]})
    person.choose(sequence)
    person.press("storeLoopButton")  # no folder is chosen in the dialog
    assert not folder.exists()
    monkeypatch.setattr(qt.QFileDialog, "answer", str(folder))
    person.press("storeAllButton")
    person.wait(lambda: "stored as loop-" in person.status)
    with (folder / "labels.csv").open(encoding="utf-8") as stream:
        assert [(r["phase"], r["frame"]) for r in csv.DictReader(stream)] == [("ED", "21"), ("ES", "5")]
    slicer.mrmlScene.Clear()
    person.app.processEvents()
    person.press("openLabelledButton")
    person.wait()
    assert person.found == [("ES", 5), ("ED", 21)]
    assert {person.ui.keyframeTable.item(row, 5).text() for row in range(2)} == {"you"}
    stored = next(folder.glob("loop-*.avi")).name
    rows = f"file,phase,frame\nmissing.avi,ED,3\n{stored},ED,3\n"
    (folder / "labels.csv").write_text(rows, encoding="utf-8")
    person.press("openLabelledButton")
    assert "missing.avi" in person.ui.handOnLabel.text
    person.wait()
    assert person.found == [("ED", 3)]


def test_all_loops_go_out_one_after_another_and_one_that_cannot_is_named(person, monkeypatch, tmp_path, sample_clip):
    import qt

    loops = [scene.add_cine_sequence(slicer.mrmlScene, read_cine(sample_clip))[0] for _ in range(2)]
    scene.set_keyframes(scene.keyframe_table(loops[0]), {Phase.ED: [21]})
    scene.set_keyframes(scene.keyframe_table(loops[1]), {Phase.ED: [21], Phase.ES: [5]})
    person.choose(loops[0])
    monkeypatch.setattr(qt.QFileDialog, "answer", str(tmp_path / "data"))
    person.press("storeAllButton")
    person.wait(lambda: len(person.ui.handOnLabel.text.splitlines()) == 2)
    lacking, stored = person.ui.handOnLabel.text.splitlines()
    assert "has no ES keyframe" in lacking and stored.startswith(loops[1].GetName())


def test_buttons_without_a_loop_say_what_is_missing(person, monkeypatch, tmp_path):
    import qt

    monkeypatch.setattr(qt.QFileDialog, "answer", str(tmp_path))
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    for button, answer in (("extractBeatButton", "no sequence"), ("extractAllButton", "no sequence"),
                           ("storeLoopButton", "no sequence"), ("storeAllButton", "No loop has keyframes"),
                           ("openLabelledButton", "no such file of labels"), ("keyObjectButton", ""),
                           ("saveContoursButton", "no sequence"), ("saveKeyObjectButton", "no sequence"),
                           ("openContoursButton", "")):  # fmt: skip
        person.press(button)
        person.wait(lambda answer=answer: answer in person.status)
        assert "\n" not in person.status
    for button in ("traceEdButton", "proposeButton", "segmentButton", "removeContourButton", "volumeChartButton"):
        assert not getattr(person.ui, button).enabled
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes and list(tmp_path.iterdir()) == []


def test_a_sequence_that_is_no_loop_cannot_be_measured(person):
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "empty")
    person.choose(empty)
    assert not person.ui.measureSection.enabled and results(person) == {}


def test_whole_frames_are_stored_only_on_a_persons_word(person, monkeypatch, tmp_path, loop):
    import qt

    answers = [False, True]
    monkeypatch.setattr(qt.QFileDialog, "answer", str(tmp_path / "data"))
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *_: answers.pop(0))
    person.press("storeLoopButton")
    person.wait(lambda: "show no name" in person.status)
    assert not (tmp_path / "data").exists()
    person.press("storeLoopButton")
    person.wait(lambda: "stored as loop-" in person.status)
    assert len(list((tmp_path / "data").glob("loop-*.avi"))) == 1 and answers == []


def test_keyframes_go_to_a_dicom_document_and_come_back(person, monkeypatch, tmp_path, sample_clip):
    import qt
    from EchoKeyframeLib.export.key_object import read_key_object

    sequence, _ = scene.add_cine_sequence(slicer.mrmlScene, read_cine(sample_clip))
    scene.set_keyframes(scene.keyframe_table(sequence), {Phase.ED: [20], Phase.ES: [6]})
    person.choose(sequence)
    path = tmp_path / "Schlüssel.dcm"
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", lambda *_: str(path))
    person.press("saveKeyObjectButton")  # the dialog for the loop's file is given up
    assert not path.exists()
    monkeypatch.setattr(qt.QFileDialog, "answer", str(sample_clip))
    person.press("saveKeyObjectButton")
    assert "Saved" in person.status
    stated = {(r.phase, *r.frame_numbers) for r in read_key_object(path).references}
    assert stated == {(Phase.ED, 21), (Phase.ES, 7)}  # DICOM counts from 1
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", lambda *_: str(sample_clip))
    before = sample_clip.read_bytes()
    person.press("saveKeyObjectButton")
    assert "is the cine itself" in person.status and sample_clip.read_bytes() == before
    scene.clear_keyframes(scene.find_keyframe_table(sequence))
    monkeypatch.setattr(qt.QFileDialog, "answer", str(path))
    person.press("keyObjectButton")
    assert person.found == [("ES", 6), ("ED", 20)]
    other = add_loop(Kept())
    person.choose(other)
    monkeypatch.setattr(qt.QFileDialog, "answer", str(sample_clip))
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", lambda *_: str(tmp_path / "other.dcm"))
    person.press("saveKeyObjectButton")
    assert "is not the file that" in person.status and not (tmp_path / "other.dcm").exists()


def test_keyframes_come_from_a_dicom_document(person, monkeypatch, tmp_path, sample_clip):
    import qt
    from EchoKeyframeLib.detection.keyframes import Keyframe
    from EchoKeyframeLib.export.key_object import write_key_object

    cine = read_cine(sample_clip)
    marks = [Keyframe(Phase.ES, 6, 0.2, 0.7), Keyframe(Phase.ED, 20, 0.66, source="manual")]
    write_key_object(tmp_path / "key.dcm", cine.source, marks)
    monkeypatch.setattr(qt.QFileDialog, "answer", str(tmp_path / "key.dcm"))
    person.press("keyObjectButton")
    assert "about none of the loops" in person.status
    sequence, _ = scene.add_cine_sequence(slicer.mrmlScene, cine)
    scene.set_keyframes(scene.keyframe_table(sequence), {Phase.ED: [3]})
    person.press("keyObjectButton")
    assert person.found == [("ES", 6), ("ED", 20)]
    person.press("undoButton")
    assert person.found == [("ED", 3)]
    monkeypatch.setattr(qt.QFileDialog, "answer", str(sample_clip))
    person.press("keyObjectButton")
    assert "\n" not in person.status and person.found == [("ED", 3)]
