"""What a person places with the mouse now, and how to leave it alone.

Slicer's Markups logic makes each Markups node that is added the one in which the next click places a point: a node
that is added while a person draws takes the drawing over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..loop.added_node import add_node

_SELECTION, _INTERACTION = "vtkMRMLSelectionNodeSingleton", "vtkMRMLInteractionNodeSingleton"


def start_drawing(curve: Any) -> None:
    """Let the person's next clicks in a view be points of this curve, until a double click or the right button."""
    scene = curve.GetScene()
    selection, interaction = scene.GetNodeByID(_SELECTION), scene.GetNodeByID(_INTERACTION)
    selection.SetReferenceActivePlaceNodeClassName(curve.GetClassName())
    selection.SetReferenceActivePlaceNodeID(curve.GetID())
    interaction.SetPlaceModePersistence(0)
    interaction.SetCurrentInteractionMode(interaction.Place)


def stop_drawing(curve: Any) -> None:
    """End the placing of points in this curve; another node's goes on."""
    if is_being_drawn(curve):
        interaction = curve.GetScene().GetNodeByID(_INTERACTION)
        interaction.SetCurrentInteractionMode(interaction.ViewTransform)


def is_being_drawn(curve: Any) -> bool:
    """Whether the person's next click would be a point of this curve."""
    return curve.GetScene() is not None and node_being_drawn(curve.GetScene()) is curve


def node_being_drawn(scene: Any) -> Any | None:
    """The node in which the person's next click would be a point; None while nothing is placed."""
    selection, interaction = scene.GetNodeByID(_SELECTION), scene.GetNodeByID(_INTERACTION)
    if selection is None or interaction is None or interaction.GetCurrentInteractionMode() != interaction.Place:
        return None
    return scene.GetNodeByID(selection.GetActivePlaceNodeID() or "")


def observe_drawing(scene: Any, changed: Callable[..., None]) -> list[tuple[Any, int]]:
    """Call ``changed`` whenever another node, or none, is being drawn; returns nodes with their observers' tags."""
    selection, interaction = scene.GetNodeByID(_SELECTION), scene.GetNodeByID(_INTERACTION)
    if selection is None or interaction is None:
        return []
    return [
        (selection, selection.AddObserver(selection.ActivePlaceNodeIDChangedEvent, changed)),
        (interaction, interaction.AddObserver(interaction.InteractionModeChangedEvent, changed)),
    ]


def add_markups(loop: Any, class_name: str, name: str) -> Any:
    """A new Markups node of a loop, with display node, in which nothing is placed unless ``start_drawing`` says so."""
    with _leaving_drawing_alone(loop.GetScene()):
        node = add_node(loop.GetScene(), class_name, name, loop)
        node.CreateDefaultDisplayNodes()
    return node


@contextmanager
def _leaving_drawing_alone(scene: Any) -> Iterator[None]:
    selection = scene.GetNodeByID(_SELECTION)
    if selection is None:
        yield
        return
    before = selection.GetActivePlaceNodeClassName(), selection.GetActivePlaceNodeID()
    try:
        yield
    finally:
        selection.SetReferenceActivePlaceNodeClassName(before[0])
        selection.SetReferenceActivePlaceNodeID(before[1])
