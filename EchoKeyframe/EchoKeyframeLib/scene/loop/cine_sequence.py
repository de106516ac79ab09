"""From a cine to a sequence of 2D volumes with a browser that plays it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from ...cine.cine import Cine
from ..contract import (
    FRAME_NUMBER_ATTRIBUTE,
    HEART_RATE_ATTRIBUTE,
    INSTANCE_UIDS_ATTRIBUTE,
    LOADING_ATTRIBUTE,
    NOTES_ATTRIBUTE,
    REGION_ATTRIBUTE,
    SOURCE_NAME_ATTRIBUTE,
    SPACING_ATTRIBUTE,
    TIMING_ATTRIBUTE,
    VIEW_ATTRIBUTE,
)
from ..scene_error import SceneError

_STILL_RATE = 10.0  # playback rate of a single frame, for which it means nothing
_GUESSED_RATE = 30.0  # frames per second of a cine whose times are not known yet
_USUAL_TOLERANCE, _FINEST_TOLERANCE = 0.001, 1e-7  # of an index value: MRML's own, and less than its text tells


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
    _require_distinct_times(cine)
    growing = GrowingSequence(scene, name or stem(cine.source.name))
    try:
        for i, frame in enumerate(cine.frames):
            growing.add(frame, cine.times[i])
            if progress is not None:
                progress((i + 1) / len(cine))
        for _ in growing.complete(cine):
            pass
    except BaseException:
        growing.discard()
        raise
    return growing.sequence, growing.browser


def stem(file_name: str) -> str:
    """What a sequence is called that comes from a file of this name."""
    return file_name.rsplit(".", 1)[0]


class GrowingSequence:
    """A sequence with its browser that takes the frames of a cine as they are read, and shows the first one at once.

    Until ``complete`` it is marked as loading (``LOADING_ATTRIBUTE``), which ``require_sequence`` refuses, and nothing
    of it is saved with the scene. ``discard`` leaves no node behind.
    """

    def __init__(self, scene: Any, name: str) -> None:
        self.sequence: Any | None = None
        self.browser: Any | None = None
        self._scene, self._name = scene, scene.GenerateUniqueName(name)
        self._nodes: list[Any] = []
        self._template: Any | None = None
        self._image = vtk.vtkImageData()
        self._pixels: np.ndarray | None = None

    def __len__(self) -> int:
        return self.sequence.GetNumberOfDataNodes() if self.sequence is not None else 0

    def add(self, frame: np.ndarray, seconds: float | None = None) -> None:
        """Add a frame, uint8 ``[H, W]`` or ``[H, W, 3]``, like those before it. It is copied.

        seconds: its time, later than those before by a microsecond at least; None where it is not known before
        ``complete``. Raises SceneError if the sequence was removed.
        """
        if self._template is None:
            self._begin(frame)
        sequence, index = self._require(), len(self)
        value = index_text(index / _GUESSED_RATE if seconds is None else seconds)
        sequence.SetDataNodeAtValue(self._shown(frame, index), value)
        if self.browser is None:
            self._add_browser()

    def replace(self, index: int, frame: np.ndarray) -> None:
        """Put another image of the same size in the place of one. Raises SceneError if the sequence was removed."""
        sequence = self._require()
        sequence.SetDataNodeAtValue(self._shown(frame, index), sequence.GetNthIndexValue(index))

    def complete(self, cine: Cine) -> Iterator[float]:
        """Take over what is known of the cine whose frames these are, a little at a time: yields the fraction done.

        Raises SceneError if the sequence was removed or its times are too close.
        """
        sequence = self._require()
        _require_distinct_times(cine)
        yield from self._set_times(cine)
        spacing = cine.spacing or (1.0, 1.0)
        numbers = cine.source.frame_numbers
        volumes = [sequence.GetNthDataNode(i) for i in range(len(cine))]
        for i, volume in enumerate([*volumes, self._proxy]):
            volume.SetSpacing(spacing[1], spacing[0], 1.0)
            if cine.source.sop_instance_uid:
                volume.SetAttribute(INSTANCE_UIDS_ATTRIBUTE, cine.source.sop_instance_uid)
            if numbers is not None and i < len(numbers):
                volume.SetAttribute(FRAME_NUMBER_ATTRIBUTE, str(numbers[i]))
            yield 1.0
            self._require()
        self._end(cine)

    def discard(self) -> None:
        """Remove every node that was added."""
        # The browser goes before its proxy, which would be made anew.
        for node in [*reversed(self._nodes), *self._proxy_nodes()]:
            if node.GetScene() is self._scene:
                self._scene.RemoveNode(node)
        self._nodes.clear()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is added within is told to views and other observers once."""
        if self.sequence is None:
            yield
            return
        modified = self.sequence.StartModify()
        try:
            yield
        finally:
            self.sequence.EndModify(modified)

    @property
    def _proxy(self) -> Any:
        assert self.browser is not None  # it comes with the first frame
        return self.browser.GetProxyNode(self.sequence)

    def _proxy_nodes(self) -> list[Any]:
        proxy = self._proxy if self.browser is not None else None
        parts = (proxy, proxy.GetDisplayNode(), proxy.GetStorageNode()) if proxy is not None else ()
        return [node for node in parts if node is not None]

    def _require(self) -> Any:
        """The sequence. Raises SceneError if it was removed."""
        assert self.sequence is not None  # it comes with the first frame
        if self.sequence.GetScene() is None:
            raise SceneError(self._name, "was removed while it was loading")
        return self.sequence

    def _begin(self, frame: np.ndarray) -> None:
        self._template = slicer.vtkMRMLVectorVolumeNode() if frame.ndim == 3 else slicer.vtkMRMLScalarVolumeNode()
        directions = vtk.vtkMatrix4x4()
        directions.SetElement(0, 0, -1.0)
        directions.SetElement(1, 1, -1.0)
        self._template.SetIJKToRASDirectionMatrix(directions)
        self._image.SetDimensions(frame.shape[1], frame.shape[0], 1)
        self.sequence = self._add_unsaved("vtkMRMLSequenceNode", self._name)
        self.sequence.SetIndexName("time")
        self.sequence.SetIndexUnit("s")
        self.sequence.SetIndexType(self.sequence.NumericIndex)
        # Items closer than the tolerance replace each other without a word.
        self.sequence.SetNumericIndexValueTolerance(_FINEST_TOLERANCE)

    def _add_unsaved(self, class_name: str, name: str) -> Any:
        node = self._scene.CreateNodeByClass(class_name)
        node.UnRegister(None)
        node.SetName(name)
        node.SetSaveWithScene(False)
        if class_name == "vtkMRMLSequenceNode":
            node.SetAttribute(LOADING_ATTRIBUTE, "yes")
        self._scene.AddNode(node)
        self._nodes.append(node)
        return node

    def _shown(self, frame: np.ndarray, index: int) -> Any:
        """The template, which shows a frame under its name: without a copy, the sequence makes its own."""
        assert self._template is not None  # it comes with the first frame
        self._pixels = np.ascontiguousarray(frame)
        flat = self._pixels.reshape(-1, 3) if frame.ndim == 3 else self._pixels.ravel()
        self._image.GetPointData().SetScalars(numpy_to_vtk(flat))
        self._template.SetAndObserveImageData(self._image)
        self._template.SetName(f"{self._name} {index}")
        return self._template

    def _add_browser(self) -> None:
        self.browser = self._add_unsaved("vtkMRMLSequenceBrowserNode", f"{self._name} browser")
        self.browser.SetPlaybackRateFps(_STILL_RATE)
        self.browser.AddSynchronizedSequenceNode(self.sequence)
        show_full_range(self._proxy)
        for node in self._proxy_nodes():
            node.SetSaveWithScene(False)

    def _set_times(self, cine: Cine) -> Iterator[float]:
        """Give the items their true times. By way of values beyond all of them: none may be taken twice on the way."""
        sequence, wanted = self._require(), [index_text(time) for time in cine.times]
        if [sequence.GetNthIndexValue(i) for i in range(len(wanted))] == wanted:
            return
        beyond = max(cine.times[-1], len(cine) / _GUESSED_RATE) + 1.0
        for i in range(len(cine)):
            sequence.UpdateIndexValue(sequence.GetNthIndexValue(0), index_text(beyond + i))
            yield 1.0
            self._require()
        for i, value in enumerate(wanted):
            sequence.UpdateIndexValue(sequence.GetNthIndexValue(i), value)
            yield 1.0
            self._require()

    def _end(self, cine: Cine) -> None:
        sequence = self._require()
        storage = self._add_unsaved("vtkMRMLVolumeSequenceStorageNode", f"{self._name} storage")
        sequence.SetAndObserveStorageNodeID(storage.GetID())
        _describe(sequence, cine)
        assert self.browser is not None  # as in _proxy
        self.browser.SetPlaybackRateFps(cine.fps or _STILL_RATE)
        for node in (*self._nodes, *self._proxy_nodes()):
            node.SetSaveWithScene(True)
        sequence.RemoveAttribute(LOADING_ATTRIBUTE)


def show_full_range(proxy: Any) -> None:
    """Show gray levels 0 to 255 as they are; the automatic window would brighten each loop differently."""
    proxy.CreateDefaultDisplayNodes()
    display = proxy.GetDisplayNode()
    if display.GetColorNodeID() is None:
        display.SetDefaultColorMap()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0, 255)


def _require_distinct_times(cine: Cine) -> None:
    kept = len({index_text(time) for time in cine.times})
    if kept != len(cine):
        raise SceneError(
            cine.source.name,
            f"the sequence keeps {kept} of {len(cine)} frames because their times are too close; check the frame times",
        )


def _describe(sequence: Any, cine: Cine) -> None:
    closest = float(np.diff(cine.times).min()) / 2 if len(cine) > 1 else _USUAL_TOLERANCE
    sequence.SetNumericIndexValueTolerance(min(_USUAL_TOLERANCE, closest))
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


def index_text(seconds: float) -> str:
    """A time as an index value, to the microsecond."""
    return f"{seconds:.6f}"
