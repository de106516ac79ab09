"""A mouse over a slice view: places points as Slicer's displayable manager and Markups widget do, without a view.

On the scene's true interaction, selection and display nodes and Markups logic. A point follows the mouse as a preview
before each click, the node that is active at that moment takes it, and where there is none Slicer makes one.
"""

from __future__ import annotations

import slicer
import vtk

_UPRIGHT = [1.0, 0, 0, 0, 1, 0, 0, 0, 1]


class Mouse:
    """kept: the scene with its logics (``mrml_scene.Scene``). view: the slice node that it is over, if any."""

    def __init__(self, kept, view=None):
        self._scene, self._view = kept.scene, view
        self._logic = next(logic for logic in kept.logics if logic.IsA("vtkSlicerMarkupsLogic"))
        self._interaction = self._scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        self._selection = self._scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        scene = kept.scene  # outlives this mouse, as the observer does
        self._interaction.AddObserver(self._interaction.InteractionModeChangedEvent, lambda *_: _leave(scene))

    @property
    def placing(self):
        return self._interaction.GetCurrentInteractionMode() == self._interaction.Place

    def move(self, ras):
        """The point under the mouse goes along."""
        self._update(ras, slicer.vtkMRMLMarkupsNode.PositionPreview)

    def click(self, ras):
        """Move there and press the button once."""
        self.move(ras)
        if self._update(ras, slicer.vtkMRMLMarkupsNode.PositionDefined) and self._is_complete():
            self._interaction.SetCurrentInteractionMode(self._interaction.ViewTransform)

    def double_click(self, ras):
        """Its first press places a point, its second ends the placing."""
        self.click(ras)
        self.end()

    def end(self):
        """The right button, or the second press of a double click."""
        node = self._scene.GetNodeByID(self._selection.GetActivePlaceNodeID())
        self._interaction.SwitchToViewTransformMode()
        node.Modified()

    def draw(self, positions):
        """Click along positions ``[N, 3]`` mm RAS, the last one twice."""
        *positions, last = positions
        for ras in positions:
            self.click(ras)
        self.double_click(last)

    def _is_complete(self):
        node = self._active_node()
        return 0 < node.GetRequiredNumberOfControlPoints() <= node.GetNumberOfControlPoints()

    def _active_node(self):
        """vtkMRMLMarkupsDisplayableManager::GetWidgetForPlacement"""
        class_name = self._selection.GetActivePlaceNodeClassName()
        node = self._scene.GetNodeByID(self._selection.GetActivePlaceNodeID() or "")
        if node is None or node.GetClassName() != class_name:
            node = self._logic.AddNewMarkupsNode(class_name)
        return node

    def _update(self, ras, status):
        """vtkSlicerMarkupsWidget::UpdatePreviewPoint; True if the mouse placed or moved a point here."""
        if not self.placing:
            return False
        node = self._active_node()
        if self._view is not None and not node.GetDisplayNode().IsDisplayableInView(self._view.GetID()):
            return False
        event = slicer.vtkMRMLInteractionEventData()
        event.SetType(vtk.vtkCommand.MouseMoveEvent)
        event.SetWorldPosition(list(map(float, ras)))
        preview = _preview(node)
        index = preview if preview is not None else node.GetControlPointPlacementStartIndex()
        view = self._view.GetID() if self._view is not None else ""
        node.GetDisplayNode().UpdateActiveControlPointWorld(index, event, _UPRIGHT, view, "", status)
        return True


def _leave(scene):
    """What each widget does when the mode changes: the point under the mouse goes."""
    for i in range(scene.GetNumberOfNodesByClass("vtkMRMLMarkupsNode")):
        node = scene.GetNthNodeByClass(i, "vtkMRMLMarkupsNode")
        preview = _preview(node)
        if preview is not None:
            node.RemoveNthControlPoint(preview)


def _preview(node):
    statuses = (node.GetNthControlPointPositionStatus(i) for i in range(node.GetNumberOfControlPoints()))
    return next((i for i, status in enumerate(statuses) if status == node.PositionPreview), None)
