"""What goes wrong with nodes, and the checks that find it before anything is changed."""

from __future__ import annotations

from typing import Any

from ..cine.cine import CineError
from .contract import LOADING_ATTRIBUTE


class SceneError(CineError):
    """A node cannot be used. The message is one line: which node, what is wrong, what to do."""


def require_in_scene(node: Any, what: str) -> Any:
    """The scene of a node. Raises SceneError if there is no node or it has left its scene (deleted, scene closed)."""
    if node is None:
        raise SceneError(f"no {what} is chosen")
    scene = node.GetScene()
    if scene is None:
        raise SceneError(f"{node.GetName()}: this {what} is no longer in the scene")
    return scene


def require_sequence(sequence: Any) -> Any:
    """The scene of a vtkMRMLSequenceNode. Raises SceneError if it is of another kind, gone, empty or still loading."""
    scene = require_in_scene(sequence, "sequence")
    if not sequence.IsA("vtkMRMLSequenceNode"):
        raise SceneError(f"{sequence.GetName()}: is a {sequence.GetClassName()}, a sequence is needed")
    if sequence.GetNumberOfDataNodes() == 0:
        raise SceneError(f"{sequence.GetName()}: the sequence is empty; load or record frames first")
    if is_loading(sequence):
        raise SceneError(f"{sequence.GetName()}: is still loading; wait until it is complete")
    return scene


def is_loading(sequence: Any) -> bool:
    """Whether frames of a sequence are still being added."""
    return sequence.GetAttribute(LOADING_ATTRIBUTE) is not None


def require_frame(sequence: Any, frame: int) -> None:
    """Raises SceneError unless ``frame`` is a 0-based item number of the sequence."""
    count = sequence.GetNumberOfDataNodes()
    if not 0 <= frame < count:
        raise SceneError(f"{sequence.GetName()}: has no frame {frame}, its frames are 0 to {count - 1}")
