"""What Slicer's own slice view draws over frames of a measured loop, without the application.

``python Testing/slice_view.py FOLDER FRAME...`` writes ``FRAME.png`` for each frame of the loop in pydicom's wheel,
with the contours of Resources/measure-a4c.contours.json. A process of its own: VTK ends it where it lacks OpenGL.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import slicer
import vtk
from EchoKeyframeLib import scene as layer
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.measurement.contours_file import read_contours
from mrml_scene import new_scene
from pydicom.examples import get_path

SIZE = 640, 480
CONTOURS = Path(__file__).resolve().parent.parent / "Resources" / "measure-a4c.contours.json"
MANAGERS = "vtkMRMLModelSliceDisplayableManager", "vtkMRMLMarkupsDisplayableManager"


def measured_loop(scene):
    """The loop with its contours, measured."""
    cine = read_cine(get_path("ybr_color"), view="A4C")
    contours = read_contours(CONTOURS, cine)
    sequence, _ = layer.add_cine_sequence(scene, cine)
    layer.set_keyframes(layer.keyframe_table(sequence), {c.phase: [c.frame] for c in contours})
    for contour in contours:
        layer.put_contour(sequence, contour)
    return sequence


def slice_window(kept, volume):
    """An axial slice view of a volume with the application's display code for models and Markups."""
    scene, application = kept.scene, kept.logics[0]
    markups = next(logic for logic in kept.logics if logic.IsA("vtkSlicerMarkupsLogic"))
    application.SetModuleLogic("Markups", markups)
    node = scene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    node.SetLayoutName("Red")
    node.SetOrientationToAxial()
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(application)
    logic.SetMRMLScene(scene)
    logic.SetSliceNode(node)
    logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    node.SetDimensions(*SIZE, 1)
    logic.FitSliceToAll(*SIZE)
    renderer, window, interactor = vtk.vtkRenderer(), vtk.vtkRenderWindow(), vtk.vtkRenderWindowInteractor()
    window.SetOffScreenRendering(1)
    window.SetSize(*SIZE)
    window.AddRenderer(renderer)
    interactor.SetRenderWindow(window)
    factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
    factory.SetMRMLApplicationLogic(application)
    for manager in MANAGERS:
        factory.RegisterDisplayableManager(manager)
    group = factory.InstantiateDisplayableManagers(renderer)
    group.SetMRMLDisplayableNode(node)
    image, actor = vtk.vtkImageMapper(), vtk.vtkActor2D()
    image.SetInputConnection(logic.GetImageDataConnection())
    image.SetColorWindow(255)
    image.SetColorLevel(127.5)
    actor.SetMapper(image)
    actor.GetProperty().SetDisplayLocationToBackground()
    renderer.AddViewProp(actor)
    return window, (logic, renderer, interactor, group)


def save(window, path: Path) -> None:
    window.Render()
    picture, writer = vtk.vtkWindowToImageFilter(), vtk.vtkPNGWriter()
    picture.SetInput(window)
    picture.Update()
    writer.SetFileName(str(path))
    writer.SetInputConnection(picture.GetOutputPort())
    writer.Write()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    kept = new_scene(folder)
    sequence = measured_loop(kept.scene)
    window, _alive = slice_window(kept, layer.find_browser(sequence).GetProxyNode(sequence))
    live = layer.LiveMeasurement(sequence, None, lambda *_: None)
    views = layer.ContourViews(kept.scene)
    for frame in map(int, sys.argv[2:]):
        layer.show_frame(sequence, frame)
        save(window, folder / f"{frame}.png")
    sys.stdout.flush()
    os._exit(0)  # what the view holds is not meant to be taken apart by Python
