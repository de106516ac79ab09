"""Contours automatically, at the panel: the real network in the real background process on the real sample."""

import numpy as np
import pytest
import slicer
from EchoKeyframeLib import scene
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.models.registry import CONTOUR_WEIGHTS
from traced_loop import add_loop

ED, ES = 21, 5


@pytest.fixture
def loop(person, sample_clip):
    if not CONTOUR_WEIGHTS.is_file():
        pytest.skip("no weights for contours")
    sequence = scene.add_cine_sequence(slicer.mrmlScene, read_cine(sample_clip, view="A4C"))[0]
    scene.set_keyframes(scene.keyframe_table(sequence), {Phase.ED: [ED], Phase.ES: [ES]})
    person.choose(sequence)
    return sequence


def results(person):
    table = person.ui.measurementTable
    return {table.verticalHeaderItem(row).text(): table.item(row, 0).text() for row in range(table.rowCount)}


def test_from_a_loop_to_its_ejection_fraction_without_a_click_in_the_image(person, loop):
    assert not person.ui.acceptButton.enabled
    person.press("autoButton")
    person.wait()
    assert "2 contours found; check them against the image" in person.ui.measureHintLabel.text
    shown = results(person)
    assert shown["Contours"] == "found" and 30 < int(shown["EF"].split()[0]) < 85 and " to " in shown["EF in 9 of 10"]
    assert scene.find_volume_curve(loop).GetNumberOfRows() == 30

    curve = scene.find_contour(loop, Phase.ES, ES)
    centre = slicer.util.arrayFromMarkupsControlPoints(curve).mean(axis=0)
    wall = np.array(curve.GetNthControlPointPositionWorld(5))
    curve.SetNthControlPointPositionWorld(5, *(wall + 0.6 * (wall - centre)))
    assert results(person)["Contours"] == "found and drawn" and results(person)["ESV"] != shown["ESV"]
    corrected = results(person)["ESV"]
    person.press("autoButton")
    person.wait()
    assert "1 contour found" in person.ui.measureHintLabel.text
    assert results(person)["ESV"] == corrected and results(person)["EDV"] == shown["EDV"]

    person.press("acceptButton")
    assert not person.ui.acceptButton.enabled and "Accepted: 1" in person.status
    person.press("autoButton")
    assert "are drawn" in person.ui.measureHintLabel.text and not person.widget.logic.jobs.busy


def test_tracing_can_be_cancelled_and_leaves_nothing(person, loop):
    person.press("autoButton")
    assert person.widget.logic.jobs.busy and not person.ui.detectButton.enabled
    person.ui.cancelButton.click()
    person.wait()
    assert "cancelled" in person.status and scene.find_contours(loop) == []


def test_the_orientation_that_a_person_chose_goes_with_it(person, loop, monkeypatch):
    worker, asked = person.widget.logic.jobs.worker, []
    submit = worker.submit
    monkeypatch.setattr(worker, "submit", lambda request: asked.append(request.orientation) or submit(request))
    for index in (2, 0):
        person.ui.orientationSelector.setCurrentIndex(index)
        person.press("autoButton")
        person.ui.cancelButton.click()
        person.wait()
    assert asked == ["apex-down", "auto"]


def test_what_cannot_be_traced_is_told(person):
    class Kept:
        scene = slicer.mrmlScene

    person.press("autoButton")  # no loop
    plax = add_loop(Kept(), view="PLAX")
    person.choose(plax)
    person.press("autoButton")
    assert "not PLAX" in person.ui.measureHintLabel.text and not person.widget.logic.jobs.busy
    scene.clear_keyframes(scene.find_keyframe_table(plax))
    person.press("autoButton")
    assert "Detect ED and ES first" in person.ui.measureHintLabel.text
    person.press("autoAllButton")
    assert "No beat is measurable" in person.ui.measureHintLabel.text
