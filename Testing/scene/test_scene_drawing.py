"""Contours drawn with the mouse: Slicer's own place mode, preview point and active node, on the true Markups logic."""

from __future__ import annotations

import numpy as np
import pytest
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.measurement.contour import Contour
from markups_mouse import Mouse
from traced_loop import ED, ES, TRUE_EF, Follower, add_loop, add_segmentation, half_ellipse, true_volume

from EchoKeyframeLib import scene as layer  # isort: skip  (only once slicer-core is known to be there)
from EchoKeyframeLib.scene.loop.frame_geometry import to_ras  # isort: skip

CLICKS = 11


@pytest.fixture
def mouse(kept):
    return Mouse(kept)


@pytest.fixture
def follower(loop):
    follower = Follower(loop)
    yield follower
    follower.live.stop()


def places(sequence, phase, frame, count=CLICKS):
    return to_ras(sequence, frame, half_ellipse(phase, points=count))


def begin(sequence, phase, frame):
    """A press on Trace."""
    keyframe = next(k for k in layer.read_keyframes(layer.find_keyframe_table(sequence)) if k.frame == frame)
    curve = layer.add_contour(sequence, keyframe)
    layer.start_drawing(curve)
    return curve


def draw_ed(sequence, mouse):
    curve = begin(sequence, Phase.ED, ED)
    mouse.draw(places(sequence, Phase.ED, ED))
    return curve


def active(scene):
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    return selection.GetActivePlaceNodeID(), selection.GetActivePlaceNodeClassName()


def markups(scene):
    return scene.GetNumberOfNodesByClass("vtkMRMLMarkupsNode")


def test_every_click_of_the_second_contour_lands_in_it(kept, loop, mouse, follower):
    draw_ed(loop, mouse)
    curve = begin(loop, Phase.ES, ES)
    nodes, said = markups(kept.scene), len(follower.said)
    for click in places(loop, Phase.ES, ES)[:-1]:
        mouse.click(click)
        assert active(kept.scene) == (curve.GetID(), "vtkMRMLMarkupsCurveNode")
    assert (markups(kept.scene), len(follower.said)) == (nodes, said)
    mouse.double_click(places(loop, Phase.ES, ES)[-1])
    assert curve.GetNumberOfControlPoints() == CLICKS and not mouse.placing
    assert markups(kept.scene) == 4  # two contours, two long axes
    assert follower.measurement.mean("ejection_fraction") == pytest.approx(TRUE_EF, abs=1.5)


def test_the_end_of_drawing_measures_once(loop, mouse, follower):
    draw_ed(loop, mouse)
    begin(loop, Phase.ES, ES)
    for click in places(loop, Phase.ES, ES):
        mouse.click(click)
    mouse.move(places(loop, Phase.ES, ES)[0])  # a hand is not still between the two presses of a double click
    said = len(follower.said)
    mouse.end()
    assert len(follower.said) == said + 1


def test_nothing_follows_the_point_under_the_mouse(kept, loop, mouse, follower, tmp_path):
    draw_ed(loop, mouse)
    curve = begin(loop, Phase.ES, ES)
    mouse.draw(places(loop, Phase.ES, ES))
    true = follower.measurement.beats[0].esv
    layer.start_drawing(curve)  # the person goes on adding points to it
    said = len(follower.said)
    for ras in ((0, 0, 0), (30, 30, 0)):
        mouse.move(ras)
    assert len(follower.said) == said
    assert curve.GetNumberOfControlPoints() == CLICKS + 1
    layer.save_contours(loop, tmp_path / "drawn.contours.json")
    assert '"phase": "ES"' not in (tmp_path / "drawn.contours.json").read_text(encoding="utf-8")
    mouse.end()
    assert follower.measurement.beats[0].esv == pytest.approx(true)


def test_a_preview_that_was_left_in_a_scene_is_no_point_of_the_wall(loop, mouse):
    draw_ed(loop, mouse)
    begin(loop, Phase.ES, ES)
    mouse.draw(places(loop, Phase.ES, ES))
    expected = layer.measure_sequences(loop).beats[0].esv
    curve = layer.find_contour(loop, Phase.ES, ES)
    curve.SetNthControlPointPositionWorld(curve.AddControlPointWorld(90, 90, 0), 90, 90, 0, curve.PositionPreview)
    assert curve.GetNumberOfControlPoints() == CLICKS + 1
    assert layer.measure_sequences(loop).beats[0].esv == pytest.approx(expected)


def test_a_contour_with_few_points_is_not_measured(loop, mouse, follower):
    draw_ed(loop, mouse)
    begin(loop, Phase.ES, ES)
    mouse.draw(places(loop, Phase.ES, ES)[:4])
    assert follower.measurement is None and "trace both" in follower.said[-1][1]


def fiducials(scene):
    """The person places landmarks of their own."""
    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    points.CreateDefaultDisplayNodes()
    layer.start_drawing(points)
    return points


@pytest.mark.parametrize("way", ["long axes", "contour", "segment", "file"])
def test_what_is_added_meanwhile_does_not_take_a_persons_placing_over(kept, loop, mouse, tmp_path, way):
    segmentation, segment = add_segmentation(kept, None, half_ellipse(Phase.ED))
    for phase, frame in ((Phase.ED, ED), (Phase.ES, ES)):
        layer.put_contour(loop, Contour(phase, frame, half_ellipse(phase), apex=(120.0, 60.0)))
    layer.save_contours(loop, tmp_path / "both.contours.json")
    if way != "long axes":
        for curve in layer.find_contours(loop):
            layer.remove_contour(curve)
    points = fiducials(kept.scene)
    mouse.click((1, 2, 0))
    layer.start_drawing(points)
    before = markups(kept.scene)
    if way == "long axes":
        layer.LiveMeasurement(loop, None, lambda *_: None).stop()
    elif way == "contour":
        layer.put_contour(loop, Contour(Phase.ED, ED, half_ellipse(Phase.ED)))
    elif way == "segment":
        layer.contour_from_segment(loop, segmentation, segment, Phase.ED, ED)
    else:
        layer.open_contours(loop, tmp_path / "both.contours.json")
    assert markups(kept.scene) > before
    assert active(kept.scene) == (points.GetID(), "vtkMRMLMarkupsFiducialNode")
    mouse.click((3, 4, 0))
    assert points.GetNumberOfControlPoints() == 2


def test_nothing_is_placed_in_what_was_added_while_nothing_was_placed(kept, loop, mouse):
    before = active(kept.scene)
    layer.put_contour(loop, Contour(Phase.ED, ED, half_ellipse(Phase.ED)))
    layer.put_contour(loop, Contour(Phase.ES, ES, half_ellipse(Phase.ES)))
    layer.LiveMeasurement(loop, None, lambda *_: None).stop()
    assert active(kept.scene) == before and not mouse.placing


def test_a_contour_that_is_replaced_or_removed_is_not_drawn_on(kept, loop, mouse):
    curve = begin(loop, Phase.ED, ED)
    mouse.click(places(loop, Phase.ED, ED)[0])
    layer.put_contour(loop, Contour(Phase.ED, ED, half_ellipse(Phase.ED)))
    points = curve.GetNumberOfControlPoints()
    mouse.click((1, 2, 0))
    assert not mouse.placing and curve.GetNumberOfControlPoints() == points
    layer.start_drawing(curve)
    layer.remove_contour(curve)
    mouse.click((1, 2, 0))
    assert markups(kept.scene) == 0


def test_two_loops_are_measured_after_the_drawing_on_one(kept, loop, mouse):
    other = add_loop(kept, view="A2C")
    for phase, frame in ((Phase.ED, ED), (Phase.ES, ES)):
        begin(loop, phase, frame)
        mouse.draw(places(loop, phase, frame))
    follower = Follower(loop, other)
    for phase, frame in ((Phase.ED, ED), (Phase.ES, ES)):
        begin(other, phase, frame)
        mouse.draw(places(other, phase, frame))
    assert follower.measurement.views == ("A4C", "A2C")
    assert follower.measurement.beats[0].edv == pytest.approx(true_volume(Phase.ED), rel=0.03)
    follower.live.stop()


def test_clicks_count_only_where_the_frame_is_on_show(kept, loop):
    """A person steps to and fro to judge the wall, and may forget to come back before the next click."""
    view = kept.scene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    view.SetLayoutName("Red")
    composite = kept.scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode", "Red")
    composite.SetLayoutName("Red")
    composite.SetBackgroundVolumeID(layer.find_browser(loop).GetProxyNode(loop).GetID())
    views, mouse = layer.ContourViews(kept.scene), Mouse(kept, view)
    layer.show_frame(loop, ED)
    curve = begin(loop, Phase.ED, ED)
    views.update()
    first, second, third, *_ = places(loop, Phase.ED, ED)
    mouse.click(first)
    layer.show_frame(loop, ED + 3)
    mouse.click(second)
    assert curve.GetNumberOfControlPoints() == 1 and mouse.placing
    layer.show_frame(loop, ED)
    mouse.click(third)
    assert curve.GetNumberOfControlPoints() == 2
    np.testing.assert_allclose(curve.GetNthControlPointPositionWorld(1), third)
    views.stop()
