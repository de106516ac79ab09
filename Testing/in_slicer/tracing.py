"""Drawing the ventricle with the mouse in the view that shows the loop."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import slicer
import vtk
from event_loop import let_work, wait_until
from hands import value
from outcome import check

CONTOURS = Path(__file__).resolve().parents[2] / "Resources" / "measure-a4c.contours.json"
"""On the sample: pixels of the ED and the ES frame."""
EVERY = 2
"""One click for so many of the file's points: eleven and ten clicks."""


@dataclass(frozen=True)
class Traced:
    """A contour after its clicks. curve: its node. clicks: how many, the double click counted once."""

    curve: object
    clicks: int


def trace(person, phase: str) -> Traced:
    """Press the button, click along the wall, end with a double click."""
    person.mouse(person.loop_view)  # Skipped where there is no view
    person.press(f"trace {phase}")
    let_work(0.3)
    check("double click" in person.text("measure hint").lower(), f"the panel says: {person.text('measure hint')}")
    lines, results = _lines(), person.results
    mouse, places = person.mouse(person.loop_view), [to_ras(person.volume, p) for p in clicks(phase)]
    for place in places[:-1]:
        mouse.click(place)
        let_work(0.02)
        check(person.results == results, "a contour that is being drawn is measured already")
        check(_lines() == lines, "something is added to the scene while a contour is drawn")
    mouse.double_click(places[-1])
    let_work(0.2)
    curve = _curve(person, person.frame)
    check(curve is not None, f"there is no contour on frame {person.frame}")
    return Traced(curve, len(places))


def check_drawn(person, contour: Traced) -> None:
    """Every click became a point, no more; placing has ended, and so has what the panel says about it."""
    points = contour.curve.GetNumberOfDefinedControlPoints()
    check(points == contour.clicks, f"{contour.clicks} clicks gave {points} points")
    check(contour.curve.GetNumberOfControlPoints() == points, "a preview point is left on the contour")
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    wait_until(lambda: interaction.GetCurrentInteractionMode() != interaction.Place, 2, "the mouse still places points")
    known = {node.GetID() for node in _own_lines()}
    lines = slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")
    stray = [line.GetName() for line in lines if line.GetID() not in known]
    check(not stray, f"a stray line was drawn: {', '.join(stray)}")
    hints = [person.control(role) for role in ("measure hint", "status")]
    stale = [hint for hint in hints if hint.isVisible() and "double click" in value(hint, "text").lower()]
    check(not stale, "the panel still tells to end with a double click")


def clicks(phase: str) -> list[list[float]]:
    """Pixels to click along the wall, from annulus over apex to annulus."""
    entries = json.loads(CONTOURS.read_text("utf-8"))["contours"]
    points = next(entry["points"] for entry in entries if entry["phase"] == phase)
    return [*points[:-1:EVERY], points[-1]]


def to_ras(volume, pixel) -> tuple[float, float, float]:
    """Where a pixel of a frame lies, mm."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix.MultiplyPoint((pixel[0], pixel[1], 0.0, 1.0))[:3]


def contours(sequence) -> list:
    """The contours of a loop."""
    role = "EchoKeyframe.Contours"
    return [sequence.GetNthNodeReference(role, i) for i in range(sequence.GetNumberOfNodeReferences(role))]


def _curve(person, frame: int):
    return next((c for c in contours(person.sequence) if c.GetAttribute("EchoKeyframe.Frame") == str(frame)), None)


def _lines() -> int:
    return len(slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode"))


def _own_lines() -> list:
    curves = slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode")
    return [axis for curve in curves if (axis := curve.GetNodeReference("EchoKeyframe.LongAxis")) is not None]
