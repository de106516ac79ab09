"""Taking a volume out of the scene with all that belongs to it alone."""

from __future__ import annotations

from typing import Any


def remove_volume(volume: Any) -> None:
    """Remove a volume with its display and storage nodes, which the scene would keep."""
    scene = volume.GetScene()
    parts = [volume.GetNthDisplayNode(i) for i in range(volume.GetNumberOfDisplayNodes())]
    parts += [volume.GetNthStorageNode(i) for i in range(volume.GetNumberOfStorageNodes())]
    for node in (volume, *parts):
        if node is not None:
            scene.RemoveNode(node)
