"""Real MRML scenes without the application, from the package slicer-core."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import vtk
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.detection.beats import form_beats
from EchoKeyframeLib.detection.keyframes import Curves, Detection, Keyframe, Phase

slicer = pytest.importorskip("slicer", reason="needs slicer-core")
if not hasattr(slicer, "vtkMRMLScene"):
    pytest.skip("the package named slicer is not slicer-core", allow_module_level=True)


@dataclass
class Scene:
    """A scene with the logics that an application would have; keep it as long as its nodes are used."""

    scene: object
    logics: tuple


def new_scene(cache: Path) -> Scene:
    """A scene that plays sequences and reads .mrb files; ``cache`` is a folder for what it unpacks."""
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkMRMLApplicationLogic()
    application.SetMRMLScene(scene)
    # Colour tables, and the orientations that an application's slice views know.
    colors = slicer.vtkMRMLColorLogic()
    colors.SetMRMLScene(scene)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    sequences = slicer.vtkSlicerSequencesLogic()
    sequences.SetMRMLApplicationLogic(application)
    sequences.SetMRMLScene(scene)
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.GetCacheManager().SetRemoteCacheDirectory(str(cache))
    remote.SetMRMLScene(scene)
    io = slicer.vtkDataIOManagerLogic()
    io.SetMRMLApplicationLogic(application)
    io.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    # Register what Markups and segmentations are made of, and how they are stored.
    markups, segmentations = slicer.vtkSlicerMarkupsLogic(), slicer.vtkSlicerSegmentationsModuleLogic()
    for logic in (markups, segmentations):
        logic.SetMRMLApplicationLogic(application)
        logic.SetMRMLScene(scene)
    return Scene(scene, (application, colors, sequences, remote, io, markups, segmentations))


class DataTree:
    """The subject hierarchy as Slicer's plugin logic, which needs its Qt application, keeps it: an item for each data
    node that comes and is not hidden then, and nothing left of a node that goes, its display nodes included."""

    def __init__(self, scene):
        self.hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        self._tags = scene.AddObserver(scene.NodeAddedEvent, self._added), scene.AddObserver(
            scene.NodeAboutToBeRemovedEvent, self._goes
        )

    def at_root(self):
        """Names of the data nodes at the root of the tree."""
        items = vtk.vtkIdList()
        self.hierarchy.GetItemChildren(self.hierarchy.GetSceneItemID(), items)
        nodes = [self.hierarchy.GetItemDataNode(items.GetId(i)) for i in range(items.GetNumberOfIds())]
        return [node.GetName() for node in nodes if node is not None]

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _added(self, scene, _event, node):
        listed = any(node.IsA(kind) for kind in self._LISTED)
        if listed and not scene.IsImporting() and not node.GetHideFromEditors():
            self.hierarchy.CreateItem(self.hierarchy.GetSceneItemID(), node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _goes(self, scene, _event, node):
        if scene is None or scene.IsClosing():  # None: the scene itself goes
            return
        item = self.hierarchy.GetItemByDataNode(node)
        if item:
            self.hierarchy.RemoveItem(item, False, False)
        for i in reversed(range(node.GetNumberOfDisplayNodes() if node.IsA("vtkMRMLDisplayableNode") else 0)):
            scene.RemoveNode(node.GetNthDisplayNode(i))

    _LISTED = ("vtkMRMLVolumeNode", "vtkMRMLMarkupsNode", "vtkMRMLModelNode", "vtkMRMLTableNode",
               "vtkMRMLPlotSeriesNode", "vtkMRMLPlotChartNode", "vtkMRMLSegmentationNode")  # fmt: skip


def reload_mrb(scene, folder: Path) -> Scene:
    """Save as .mrb, read into a new scene."""
    path = folder / "saved scène.mrb"
    assert scene.WriteToMRB(str(path))
    again = new_scene(folder)
    assert again.scene.ReadFromMRB(str(path))
    gc.collect()
    return again


def reload_mrml(scene, folder: Path) -> Scene:
    """Save as .mrml with each node's data beside it, as Slicer's Save dialog does; read into a new scene."""
    folder.mkdir()
    for i in range(scene.GetNumberOfNodesByClass("vtkMRMLStorableNode")):
        node = scene.GetNthNodeByClass(i, "vtkMRMLStorableNode")
        if not node.GetSaveWithScene() or not node.AddDefaultStorageNode():
            continue
        storage = node.GetStorageNode()
        if storage is None:
            continue
        storage.SetFileName(str(folder / f"{node.GetID()}.{storage.GetDefaultWriteFileExtension()}"))
        assert storage.WriteData(node)
    scene.SetRootDirectory(str(folder))
    path = folder / "scene.mrml"
    scene.SetURL(str(path))
    assert scene.Commit(str(path))
    again = new_scene(folder)
    again.scene.SetURL(str(path))
    assert again.scene.Connect()
    return again


def first_node(scene, class_name: str, name_part: str = ""):
    """The first node of a class whose name contains a text."""
    for i in range(scene.GetNumberOfNodesByClass(class_name)):
        node = scene.GetNthNodeByClass(i, class_name)
        if name_part in node.GetName():
            return node
    return None


def random_cine(count: int = 24, height: int = 30, width: int = 40, color: bool = True, **fields) -> Cine:
    """A cine of noise whose frames all differ, at about 50 frames/s with uneven steps."""
    rng = np.random.default_rng(count)
    frames = rng.integers(0, 256, (count, height, width) + ((3,) if color else ()), np.uint8)
    times = np.arange(count) * 0.02 + rng.uniform(0, 0.004, count)
    fields = {
        "source": Source("loop.dcm", sop_instance_uid="1.2.3.4"),
        "spacing": (0.5, 0.25),
        "timing": "FrameTimeVector",
        **fields,
    }
    return Cine(frames, fields.pop("times", times - times[0]), **fields)


def detection_of(
    times: np.ndarray, *events: tuple[str, int], model: str = "simulated 1", degraded: tuple[int, ...] = (),
    unseen: tuple[int, ...] = (),
) -> Detection:  # fmt: skip
    """A detection with these (phase, frame) keyframes and curves that peak there; degraded, unseen: frames of some of
    them, with such an image, or beside which the clip ends before the turn is seen."""
    probability = np.zeros((len(times), 2), np.float32)
    frames = np.arange(len(times))
    for phase, frame in events:
        column = list(Phase).index(Phase(phase))
        probability[:, column] = np.maximum(probability[:, column], 0.9 * np.exp(-((frames - frame) ** 2) / 8))
    found = [
        Keyframe(Phase(p), f, float(times[f]), 0.8, at_edge=f in (0, len(times) - 1, *unseen), degraded=f in degraded)
        for p, f in events
    ]
    keyframes, beats = form_beats(found)
    return Detection(Curves(probability, times, model.split()[0]), keyframes, beats, None, model, "beats")
