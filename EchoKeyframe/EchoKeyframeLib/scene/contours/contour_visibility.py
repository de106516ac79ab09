"""Contours where they belong: drawn over their own frame, in the views that show it, and nowhere else."""

from __future__ import annotations

from typing import Any

import vtk

from ..contract import CONTOURS_REFERENCE, SEQUENCE_REFERENCE
from ..keyframes.keyframe_volumes import frame_of_volume
from ..loop.navigation import current_frame, find_browser
from ..loop.slice_views import names_on_show
from .disk_model import find_disks
from .long_axis import find_axis
from .lv_contours import contour_place, find_contours
from .placement import is_being_drawn

_WATCHED = "vtkMRMLSliceCompositeNode", "vtkMRMLSequenceBrowserNode"
_NO_VIEW = "vtkMRMLSliceNodeOfNoView"
"""Keeps clicks out of a contour that is drawn while no view shows its frame: without a name, any view would do."""


class ContourViews:
    """Shows the contours of a scene's loops, with long axes and disks, in those slice views that show their frames.

    Slicer shows a curve in every view; frames of a loop, and loops, all lie in one plane. All loops of the scene are
    followed: a contour must not stay behind in a view that now shows another loop. Goes on until ``stop``.
    """

    def __init__(self, scene: Any, disks: bool = True) -> None:
        self._scene, self._disks = scene, disks
        self._observed: dict[str, tuple[Any, int]] = {}
        # Views and browsers that come later.
        self._observed["added"] = scene, scene.AddObserver(scene.NodeAddedEvent, self._on_added)
        self._observed["imported"] = scene, scene.AddObserver(scene.EndImportEvent, self.update)
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
        if self._scene.IsImporting() or self._scene.IsClosing():
            return
        for sequence in _traced_loops(self._scene):
            shown = _shown_frames(sequence)
            for curve in find_contours(sequence):
                frame = contour_place(curve)[1]
                views = sorted(view for view, shows in shown.items() if shows == frame)
                _show(curve, views or [_NO_VIEW] * is_being_drawn(curve))
                _show(find_axis(curve), views)
                _show(find_disks(curve), views if self._disks else [])
        for class_name in _WATCHED:
            for node in _nodes(self._scene, class_name):
                self._follow(node)

    def _on_added(self, *_: Any) -> None:
        if any(node.GetID() not in self._observed for name in _WATCHED for node in _nodes(self._scene, name)):
            self.update()

    def _follow(self, node: Any) -> None:
        if node.GetID() not in self._observed:
            tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self.update)
            self._observed[node.GetID()] = node, tag


def is_shown(sequence: Any, frame: int) -> bool:
    """Whether a slice view that is on show has this frame in it."""
    scene = sequence.GetScene()
    on_show = {n.GetID() for n in _nodes(scene, "vtkMRMLSliceNode") if n.GetLayoutName() in names_on_show(scene)}
    return any(shows == frame and view in on_show for view, shows in _shown_frames(sequence).items())


def _traced_loops(scene: Any) -> list[Any]:
    loops = _nodes(scene, "vtkMRMLSequenceNode")
    return [s for s in loops if s.GetNumberOfDataNodes() and s.GetNumberOfNodeReferences(CONTOURS_REFERENCE)]


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
    display.SetVisibility(bool(views) and views != [_NO_VIEW])  # without a view named, it would be shown in all
    display.EndModify(was_modifying)


def _nodes(scene: Any | None, class_name: str) -> list[Any]:
    if scene is None:
        return []
    count = scene.GetNumberOfNodesByClass(class_name)
    return [scene.GetNthNodeByClass(i, class_name) for i in range(count)]
