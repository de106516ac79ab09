"""Measuring: the drawn contours, dragging, proposals, segments, biplane, charts, the clipboard."""

from __future__ import annotations

import qt
import slicer
from controls import EJECTION_FRACTION
from event_loop import let_work, wait_until
from outcome import check, need
from steps import step
from tracing import clicks, contours, to_ras, trace


def _traced(person) -> None:
    """ED and ES of the chosen sample, traced; what a step before left is used."""
    need(slicer.app.layoutManager(), "sliceWidget", what="this application has no slice views")
    if person.sequence is None or not person.results:
        person.begin_with_sample()
        person.unfold("measure")
        person.choose("view", "A4C")
        trace(person, "ED")
        trace(person, "ES")
    wait_until(lambda: EJECTION_FRACTION in person.results, 5, "no ejection fraction is shown")


def _drag_outward(person, curve, centre, share: float) -> list[float]:
    """Drag the curve's fourth point away from a centre by a share of its distance; where it was before, in RAS."""
    place = [0.0] * 3
    curve.GetNthControlPointPositionWorld(3, place)
    away = [a + share * (a - c) for a, c in zip(place, centre, strict=True)]
    person.mouse(person.loop_view).drag(place, away)
    let_work(0.3)
    return place


@step("measure: from the sample to its ejection fraction without a click in the image", modules=("Markups",))
def _(person):
    person.begin_with_sample()
    person.unfold("measure")
    person.choose("view", "A4C")
    person.press("contours automatically")
    wait_until(lambda: EJECTION_FRACTION in person.results, 60, f"no result: {person.text('measure hint')}")
    check(len(contours(person.sequence)) == 2, "not both contours were found")
    curve = person.sequence.GetNodeReference("EchoKeyframe.VolumeCurve")
    check(curve is not None and curve.GetNumberOfRows() == 30, "the volume of every frame is not there")
    person.press("side by side")
    person.unfold("measure")
    person.show_reader("8-found")
    person.press("side by side")
    return f"EF {person.results[EJECTION_FRACTION]}, {person.results.get('EF in 9 of 10')}"


@step("measure: what was found is corrected, found again, accepted", modules=("Markups",))
def _(person):
    need(slicer.app.layoutManager(), "sliceWidget", what="this application has no slice views")
    person.click_row(person.row_of("ES"))
    let_work(0.2)
    before = person.results["ESV"]
    _drag_outward(person, _on_frame(person), to_ras(person.volume, (180, 100)), 0.25)
    corrected = person.results["ESV"]
    check(corrected != before, f"ESV stays {before}")
    person.press("contours automatically")
    wait_until(lambda: "1 contour found" in person.text("measure hint"), 60, f"{person.text('measure hint')}")
    check(person.results["ESV"] == corrected, "what was corrected by hand was not kept")
    person.press("accept")
    check("Accepted" in person.text("measure hint"), f"the panel says: {person.text('measure hint')}")
    for phase in ("ED", "ES"):
        person.click_row(person.row_of(phase))
        let_work(0.1)
        person.press("remove contour")
    return f"ESV {before} -> {corrected}"


@step("measure: results follow a point that is dragged", modules=("Markups",))
def _(person):
    _traced(person)
    row = person.row_of("ED")
    person.click_row(row)
    let_work(0.2)
    before, curve = person.results["EDV"], _on_frame(person)
    place = _drag_outward(person, curve, to_ras(person.volume, (190, 100)), 0.35)
    moved = [0.0] * 3
    curve.GetNthControlPointPositionWorld(3, moved)
    check(max(abs(a - b) for a, b in zip(place, moved, strict=True)) > 1, "the point did not follow the mouse")
    check(person.results["EDV"] != before, f"EDV stays {before}")
    return f"EDV {before} -> {person.results['EDV']}"


@step("measure: disks over the image, and volumes in a chart", modules=("Markups",))
def _(person):
    _traced(person)
    person.press("disks")
    person.press("disks")
    person.press("volume chart")
    let_work(0.3)
    check(person.in_layout("chart"), f"the layout is {person.layout}")


@step("measure: results as text", modules=("Markups",))
def _(person):
    _traced(person)
    person.press("copy results")
    check(EJECTION_FRACTION in qt.QApplication.clipboard().text(), "the clipboard holds no results")


@step("measure: a contour is removed without an error line, the other phase is proposed", modules=("Markups",))
def _(person):
    _traced(person)
    person.click_row(person.row_of("ES"))
    let_work(0.1)
    count = len(contours(person.sequence))
    person.press("remove contour")
    let_work(0.2)
    check(len(contours(person.sequence)) == count - 1, "the contour is still there")
    check(EJECTION_FRACTION not in person.results, "results of a contour that is gone are shown")
    person.press("propose other")
    let_work(0.3)
    wait_until(lambda: EJECTION_FRACTION in person.results, 10, f"no results: {person.text('measure hint')}")


@step("measure: the long axis is found again", modules=("Markups",))
def _(person):
    _traced(person)
    person.click_row(person.row_of("ED"))
    person.press("reset axis")
    check(EJECTION_FRACTION in person.results, "the results are gone")


@step("measure: a segment serves as contour", modules=("Markups", "Segmentations"))
def _(person):
    _traced(person)
    frame = person.rows[person.row_of("ED")][1]
    person.click_row(person.row_of("ED"))
    node = _segmentation(person)
    person.choose("segment", node.GetName())
    before = person.results["EDV"]
    person.press("use segment")
    let_work(0.3)
    check(person.frame == frame and person.results.get("EDV") not in (None, before),
          f"EDV is {person.results.get('EDV')}: {person.text('measure hint')}")  # fmt: skip
    check(person.dialogs.asked, "a drawn contour was replaced unasked")


@step("measure: biplane of two loops", modules=("Markups",))
def _(person):
    _traced(person)
    first = person.sequence
    person.load(person.second_sample)
    person.unfold("measure")
    person.choose("view", "A2C")
    trace(person, "ED")
    trace(person, "ES")
    person.choose("second view", first.GetName())
    let_work(0.3)
    table = person.sequence.GetNodeReference("EchoKeyframe.Measurement")
    method = table.GetAttribute("EchoKeyframe.Method") if table is not None else None
    check(method and "biplane" in method, f"{method}: {person.text('doubts')}")
    return f"{method}, EF {person.results[EJECTION_FRACTION]}"


@step("measure: the second view's loop is deleted elsewhere", modules=("Markups",))
def _(person):
    loops = person.loops
    if len(loops) < 2:
        person.with_two_loops()
    chosen = person.sequence
    other = next(loop for loop in person.loops if loop is not chosen)
    person.choose("second view", other.GetName())
    # The browser first: Slicer's own logic does not survive a browser whose sequence is removed under it.
    slicer.mrmlScene.RemoveNode(slicer.modules.sequences.logic().GetFirstBrowserNodeForSequenceNode(other))
    slicer.mrmlScene.RemoveNode(other)
    let_work(0.3)
    check(person.sequence is chosen, "another loop is chosen now")
    second = person.control("second view").currentNode()
    check(second is None, f"the second view is now {second.GetName() if second else ''}")


def _on_frame(person):
    frame = str(person.frame)
    curve = next((c for c in contours(person.sequence) if c.GetAttribute("EchoKeyframe.Frame") == frame), None)
    check(curve is not None, f"no contour on frame {frame}")
    return curve


def _segmentation(person):
    """What another tool would have made: a closed surface around the ED contour, a little smaller."""
    import vtk

    volume = person.volume
    outline = [to_ras(volume, p) for p in clicks("ED")]
    centre = [sum(axis) / len(outline) for axis in zip(*outline, strict=True)]
    points, lines = vtk.vtkPoints(), vtk.vtkCellArray()
    for place in outline:
        shrunk = [c + 0.85 * (p - c) for p, c in zip(place, centre, strict=True)]
        points.InsertNextPoint(shrunk[0], shrunk[1], shrunk[2] - 2)
    lines.InsertNextCell(len(outline))
    for i in range(len(outline)):
        lines.InsertCellPoint(i)
    polygon = vtk.vtkPolyData()
    polygon.SetPoints(points)
    polygon.SetPolys(lines)
    triangles, solid, normals = vtk.vtkTriangleFilter(), vtk.vtkLinearExtrusionFilter(), vtk.vtkPolyDataNormals()
    triangles.SetInputData(polygon)
    solid.SetInputConnection(triangles.GetOutputPort())
    solid.SetExtrusionTypeToVectorExtrusion()
    solid.SetVector(0, 0, 4)
    normals.SetInputConnection(solid.GetOutputPort())
    normals.Update()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "LV of another tool")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.AddSegmentFromClosedSurfaceRepresentation(normals.GetOutput(), "LV", [1.0, 0.2, 0.2])
    return node
