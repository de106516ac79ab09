"""From a cine to a sequence of 2D volumes with a browser that plays it."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from ..cine.cine import Cine
from .contract import (
    FRAME_NUMBER_ATTRIBUTE,
    HEART_RATE_ATTRIBUTE,
    INSTANCE_UIDS_ATTRIBUTE,
    NOTES_ATTRIBUTE,
    REGION_ATTRIBUTE,
    SOURCE_NAME_ATTRIBUTE,
    SPACING_ATTRIBUTE,
    TIMING_ATTRIBUTE,
    VIEW_ATTRIBUTE,
)
from .scene_error import SceneError

_STILL_RATE = 10.0  # playback rate of a single frame, for which it means nothing


def add_cine_sequence(
    scene: Any, cine: Cine, name: str | None = None, progress: Callable[[float], None] | None = None
) -> tuple[Any, Any]:
    """Put a cine into the scene: a vtkMRMLSequenceNode and the vtkMRMLSequenceBrowserNode that plays it.

    Each frame becomes a vtkMRMLScalarVolumeNode (gray) or vtkMRMLVectorVolumeNode (RGB) with the geometry of Slicer's
    own DICOM importer: columns run to the patient's right-to-left, rows to posterior, so that an axial view shows the
    frame upright. Index ``time`` in s. Pixels measure 1 mm where the file does not say, and the sequence's attribute
    ``SPACING_ATTRIBUTE`` is then ``unknown``. The source's file name and SOP Instance UID, its heart rate
    and view are kept, nothing of who the patient is.

    name: of the sequence, by default the source's without its extension. progress: called with the fraction done in
    [0, 1] after each frame; it may process events, and may raise, which leaves no node behind.

    Raises SceneError if the sequence would not hold every frame.
    """
    steps = add_cine_stepwise(scene, cine, name)
    try:
        while True:
            fraction = next(steps)
            if progress is not None:
                progress(fraction)
    except StopIteration as finished:
        return finished.value
    finally:
        steps.close()


def add_cine_stepwise(
    scene: Any, cine: Cine, name: str | None = None
) -> Generator[float, None, tuple[Any, Any]]:
    """``add_cine_sequence`` a frame at a time, for a timer to drive: yields the fraction done, returns both nodes.

    Closed before its end, or on an error, it leaves no node behind. Raises SceneError as ``add_cine_sequence``, and if
    the sequence is removed meanwhile.
    """
    name = scene.GenerateUniqueName(name or cine.source.name.rsplit(".", 1)[0])
    nodes: list[Any] = []
    try:
        sequence = _add(scene, nodes, "vtkMRMLSequenceNode", name)
        _describe(sequence, cine)
        yield from _fill(sequence, cine)
        storage = _add(scene, nodes, "vtkMRMLVolumeSequenceStorageNode", f"{name} storage")
        sequence.SetAndObserveStorageNodeID(storage.GetID())
        browser = _add(scene, nodes, "vtkMRMLSequenceBrowserNode", f"{name} browser")
        browser.SetPlaybackRateFps(cine.fps or _STILL_RATE)
        browser.AddSynchronizedSequenceNode(sequence)
        show_full_range(browser.GetProxyNode(sequence))
    except BaseException:
        for node in reversed(nodes):
            scene.RemoveNode(node)
        raise
    return sequence, browser


def show_full_range(proxy: Any) -> None:
    """Show gray levels 0 to 255 as they are; the automatic window would brighten each loop differently."""
    proxy.CreateDefaultDisplayNodes()
    display = proxy.GetDisplayNode()
    if display.GetColorNodeID() is None:
        display.SetDefaultColorMap()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0, 255)


def _add(scene: Any, nodes: list[Any], class_name: str, name: str) -> Any:
    node = scene.AddNewNodeByClass(class_name, name)
    nodes.append(node)
    return node


def _describe(sequence: Any, cine: Cine) -> None:
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    sequence.SetIndexType(sequence.NumericIndex)
    if len(cine) > 1:
        # Items closer than the tolerance replace each other without a word.
        tolerance = sequence.GetNumericIndexValueTolerance()
        sequence.SetNumericIndexValueTolerance(min(tolerance, float(np.diff(cine.times).min()) / 2))
    sequence.SetAttribute(SOURCE_NAME_ATTRIBUTE, cine.source.name)
    sequence.SetAttribute(TIMING_ATTRIBUTE, cine.timing or "unknown")
    sequence.SetAttribute(SPACING_ATTRIBUTE, "calibrated" if cine.spacing else "unknown")
    if cine.heart_rate is not None:
        sequence.SetAttribute(HEART_RATE_ATTRIBUTE, f"{cine.heart_rate:g}")
    if cine.view is not None:
        sequence.SetAttribute(VIEW_ATTRIBUTE, cine.view)
    if cine.warnings:
        sequence.SetAttribute(NOTES_ATTRIBUTE, json.dumps(cine.warnings))
    if cine.region is not None:
        box = cine.region
        sequence.SetAttribute(REGION_ATTRIBUTE, f"{box.x0} {box.y0} {box.x1} {box.y1}")


def _fill(sequence: Any, cine: Cine) -> Iterator[float]:
    """Copy the frames into the sequence: one template volume takes each frame in turn, the sequence copies it."""
    template = slicer.vtkMRMLVectorVolumeNode() if cine.is_color else slicer.vtkMRMLScalarVolumeNode()
    directions = vtk.vtkMatrix4x4()
    directions.SetElement(0, 0, -1.0)
    directions.SetElement(1, 1, -1.0)
    template.SetIJKToRASDirectionMatrix(directions)
    row_spacing, column_spacing = cine.spacing or (1.0, 1.0)
    template.SetSpacing(column_spacing, row_spacing, 1.0)
    if cine.source.sop_instance_uid:
        template.SetAttribute(INSTANCE_UIDS_ATTRIBUTE, cine.source.sop_instance_uid)
    image = vtk.vtkImageData()
    height, width = cine.size
    image.SetDimensions(width, height, 1)
    for i, frame in enumerate(cine.frames):
        pixels = np.ascontiguousarray(frame).reshape(-1, 3) if cine.is_color else np.ascontiguousarray(frame).ravel()
        image.GetPointData().SetScalars(numpy_to_vtk(pixels))
        template.SetAndObserveImageData(image)
        template.SetName(f"{sequence.GetName()} {i}")
        if cine.source.frame_numbers is not None:
            template.SetAttribute(FRAME_NUMBER_ATTRIBUTE, str(cine.source.frame_numbers[i]))
        sequence.SetDataNodeAtValue(template, index_text(cine.times[i]))
        yield (i + 1) / len(cine)
        if sequence.GetScene() is None:
            raise SceneError(f"{sequence.GetName()}: was removed while it was loading")
    if sequence.GetNumberOfDataNodes() != len(cine):
        raise SceneError(
            f"{cine.source.name}: the sequence keeps {sequence.GetNumberOfDataNodes()} of {len(cine)} frames because "
            "their times are too close; check the frame times"
        )


def index_text(seconds: float) -> str:
    """A time as an index value, to the microsecond."""
    return f"{seconds:.6f}"
