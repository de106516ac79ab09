"""Contours where they belong: drawn over their own frame, in the views that show it, and nowhere else."""

from __future__ import annotations

from typing import Any

import vtk

from .contract import SEQUENCE_REFERENCE
from .disk_model import find_disks
from .keyframe_volumes import frame_of_volume
from .long_axis import find_axis
from .lv_contours import contour_place, find_contours
from .navigation import current_frame, find_browser


class ContourViews:
    """Shows the contours of some sequences, with long axes and disks, in those slice views that show their frames.

    Slicer shows a curve in every view; frames of a loop, and loops, all lie in one plane. Goes on until ``stop``.
    """

    def __init__(self, sequences: tuple[Any, ...], disks: bool = True) -> None:
        self._sequences, self._disks = sequences, disks
        self._observed: dict[str, tuple[Any, int]] = {}
        self.update()

    def stop(self) -> None:
        """Leave everything as it is now. May be called more than once."""
        for node, tag in self._observed.values():
            node.RemoveObserver(tag)
        self._observed.clear()

    def show_disks(self, on: bool) -> None:
        """Show or hide the disks."""
        self._disks = on
        self.update()

    def update(self, *_: Any) -> None:
        """Look again at which view shows what."""
        for sequence in self._sequences:
            if sequence.GetScene() is None:
                self.stop()
                return
        for sequence in self._sequences:
            shown = _shown_frames(sequence)
            for curve in find_contours(sequence):
                frame = contour_place(curve)[1]
                views = sorted(view for view, shows in shown.items() if shows == frame)
                _show(curve, views)
                _show(find_axis(curve), views)
                _show(find_disks(curve), views if self._disks else [])
            browser = find_browser(sequence)
            if browser is not None:
                self._follow(browser)
        scene = self._sequences[0].GetScene() if self._sequences else None
        for composite in _nodes(scene, "vtkMRMLSliceCompositeNode"):
            self._follow(composite)

    def _follow(self, node: Any) -> None:
        if node.GetID() not in self._observed:
            tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self.update)
            self._observed[node.GetID()] = node, tag


def is_shown(sequence: Any, frame: int) -> bool:
    """Whether a slice view shows this frame."""
    return frame in _shown_frames(sequence).values()


def start_drawing(curve: Any) -> None:
    """Let the person's next clicks in a view be points of this curve, until a double click or the right button."""
    scene = curve.GetScene()
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    selection.SetReferenceActivePlaceNodeClassName(curve.GetClassName())
    selection.SetActivePlaceNodeID(curve.GetID())
    interaction.SetPlaceModePersistence(0)
    interaction.SetCurrentInteractionMode(interaction.Place)


def _shown_frames(sequence: Any) -> dict[str, int]:
    """The frame of a sequence that each slice view has in its background, by the view's node ID."""
    scene, shown = sequence.GetScene(), {}
    views = {node.GetLayoutName(): node.GetID() for node in _nodes(scene, "vtkMRMLSliceNode")}
    for composite in _nodes(scene, "vtkMRMLSliceCompositeNode"):
        volume = scene.GetNodeByID(composite.GetBackgroundVolumeID() or "")
        frame = _frame_in(volume, sequence) if volume is not None else None
        if frame is not None and composite.GetLayoutName() in views:
            shown[views[composite.GetLayoutName()]] = frame
    return shown


def _frame_in(volume: Any, sequence: Any) -> int | None:
    """The frame of a sequence that a volume holds: an extracted one, or the proxy of a browser."""
    if volume.GetNodeReference(SEQUENCE_REFERENCE) is sequence:
        return frame_of_volume(volume)
    browser = find_browser(sequence)
    if browser is not None and browser.GetProxyNode(sequence) is volume:
        return current_frame(sequence)
    for still in _nodes(sequence.GetScene(), "vtkMRMLSequenceBrowserNode"):
        if still.GetNodeReference(SEQUENCE_REFERENCE) is sequence and still.GetProxyNode(sequence) is volume:
            return still.GetSelectedItemNumber()
    return None


def _show(node: Any | None, views: list[str]) -> None:
    display = node.GetDisplayNode() if node is not None else None
    if display is None:
        return
    was_modifying = display.StartModify()
    if list(display.GetViewNodeIDs()) != views:
        display.RemoveAllViewNodeIDs()
        for view in views:
            display.AddViewNodeID(view)
    display.SetVisibility(bool(views))  # without a view named, it would be shown in all
    display.EndModify(was_modifying)


def _nodes(scene: Any | None, class_name: str) -> list[Any]:
    count = scene.GetNumberOfNodesByClass(class_name) if scene is not None else 0
    return [scene.GetNthNodeByClass(i, class_name) for i in range(count)]
