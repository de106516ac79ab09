"""A person at Slicer's own slice view: real mouse events through its interactor style and displayable managers.

``python Testing/drawn_by_hand.py`` traces ED and ES of a beat with the mouse and prints what came of it as JSON. A
process of its own: VTK ends it where it lacks OpenGL.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import slicer
from EchoKeyframeLib import scene as layer
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.scene.loop.frame_geometry import to_ras
from mrml_scene import new_scene
from slice_view import slice_window
from traced_loop import ED, ES, add_loop, half_ellipse
from vtk import vtkInteractorStyleUser, vtkMatrix4x4

CLICKS = 11


class ViewMouse:
    """Moves and clicks in a slice view at positions in mm RAS."""

    def __init__(self, node, interactor):
        self._node, self._interactor = node, interactor

    def move(self, ras):
        to_view = vtkMatrix4x4()
        vtkMatrix4x4.Invert(self._node.GetXYToRAS(), to_view)
        x, y, *_ = to_view.MultiplyPoint((*map(float, ras), 1.0))
        self._interactor.SetEventInformation(round(x), round(y))
        self._interactor.InvokeEvent("MouseMoveEvent")

    def press(self, repeat=0):
        self._interactor.SetRepeatCount(repeat)
        self._interactor.InvokeEvent("LeftButtonPressEvent")
        if repeat:
            self._interactor.InvokeEvent("LeftButtonDoubleClickEvent")
        self._interactor.InvokeEvent("LeftButtonReleaseEvent")

    def draw(self, positions):
        for ras in positions:
            self.move(ras)
            self.press()
        self.press(repeat=1)


def trace(folder):
    kept = new_scene(folder)
    scene = kept.scene
    loop = add_loop(kept)
    window, alive = slice_window(kept, layer.find_browser(loop).GetProxyNode(loop))
    logic, _, interactor, group = alive
    interactor.SetInteractorStyle(vtkInteractorStyleUser())
    style = slicer.vtkMRMLSliceViewInteractorStyle()
    style.SetSliceLogic(logic)
    style.SetDisplayableManagers(group)
    style.SetInteractor(interactor)
    window.Render()
    interactor.Initialize()
    interactor.Enable()
    said = []
    views = layer.ContourViews(scene)

    def changed(measurement, problem):
        said.append(measurement)
        views.update()

    live = layer.LiveMeasurement(loop, None, changed)
    mouse = ViewMouse(scene.GetFirstNodeByClass("vtkMRMLSliceNode"), interactor)
    points, told = {}, {}
    for phase, frame in ((Phase.ED, ED), (Phase.ES, ES)):
        layer.show_frame(loop, frame)
        keyframe = next(k for k in layer.read_keyframes(layer.find_keyframe_table(loop)) if k.frame == frame)
        curve = layer.add_contour(loop, keyframe)
        layer.start_drawing(curve)
        views.update()
        before = len(said)
        mouse.draw(to_ras(loop, frame, half_ellipse(phase, points=CLICKS)))
        points[phase.value], told[phase.value] = curve.GetNumberOfControlPoints(), len(said) - before
    classes = [scene.GetNthNodeByClass(i, "vtkMRMLMarkupsNode").GetClassName()
               for i in range(scene.GetNumberOfNodesByClass("vtkMRMLMarkupsNode"))]  # fmt: skip
    result = {"points": points, "told": told, "markups": sorted(classes),
              "ef": said[-1].mean("ejection_fraction") if said[-1] else None,
              "placing": layer.is_being_drawn(curve)}  # fmt: skip
    return result, (kept, live, views, alive)


if __name__ == "__main__":
    result, _alive = trace(Path(tempfile.mkdtemp()))
    print(json.dumps(result))
    sys.stdout.flush()
    os._exit(0)  # what the view holds is not meant to be taken apart by Python
