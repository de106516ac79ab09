"""Taking a node out of the scene with all that belongs to it alone."""

from __future__ import annotations

from typing import Any


def remove_with_parts(node: Any) -> None:
    """Remove a node that can be shown with its display and storage nodes.

    A bare scene would keep these; the application takes some of them out itself, together with the node.
    """
    scene = node.GetScene()
    parts = [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())]
    parts += [node.GetNthStorageNode(i) for i in range(node.GetNumberOfStorageNodes())]
    for part in (node, *parts):
        if part is not None and part.GetScene() is scene:
            scene.RemoveNode(part)
