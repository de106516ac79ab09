"""Folders in the subject hierarchy: one for a loop's extracted frames, in it one for each beat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import slicer
import vtk

from ..contract import BEAT_ATTRIBUTE, LOOP_FOLDER_ATTRIBUTE


def place_in_beat_folder(volume: Any, loop: str, beat: int, others: Iterable[Any]) -> None:
    """Move a volume into its beat's folder, which is made on first use.

    loop: name for the loop's folder if it has to be made. others: volumes of the same loop, which lead to it. A volume
    that a person moved elsewhere stays there.
    """
    hierarchy = _hierarchy(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), volume)
    parent = hierarchy.GetItemParent(item)
    if parent != hierarchy.GetSceneItemID() and _beat_of(hierarchy, parent) is None:
        return
    loop_folder = _loop_folder(hierarchy, [volume, *others]) or _add_folder(
        hierarchy, hierarchy.GetSceneItemID(), f"{loop} keyframes", LOOP_FOLDER_ATTRIBUTE, "1"
    )
    beat_folder = next((i for i in _children(hierarchy, loop_folder) if _beat_of(hierarchy, i) == str(beat)), None)
    if beat_folder is None:
        beat_folder = _add_folder(hierarchy, loop_folder, f"Beat {beat}", BEAT_ATTRIBUTE, str(beat))
    hierarchy.SetItemParent(item, beat_folder)


def remove_empty_beat_folders(scene: Any, volumes: Iterable[Any]) -> None:
    """Remove the beat folders without content of the loop that these volumes come from."""
    hierarchy = _hierarchy(scene)
    loop_folder = _loop_folder(hierarchy, volumes)
    if loop_folder is None:
        return
    for item in _children(hierarchy, loop_folder):
        if _beat_of(hierarchy, item) is not None and not _children(hierarchy, item):
            hierarchy.RemoveItem(item)


def _hierarchy(scene: Any) -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def _beat_of(hierarchy: Any, item: int) -> str | None:
    """Number of the beat that a folder is for."""
    return hierarchy.GetItemAttribute(item, BEAT_ATTRIBUTE) or None


def _children(hierarchy: Any, item: int) -> list[int]:
    ids = vtk.vtkIdList()
    hierarchy.GetItemChildren(item, ids)
    return [ids.GetId(i) for i in range(ids.GetNumberOfIds())]


def _loop_folder(hierarchy: Any, volumes: Iterable[Any]) -> int | None:
    for volume in volumes:
        item = hierarchy.GetItemByDataNode(volume)
        grandparent = hierarchy.GetItemParent(hierarchy.GetItemParent(item)) if item else 0
        if grandparent and hierarchy.GetItemAttribute(grandparent, LOOP_FOLDER_ATTRIBUTE):
            return grandparent
    return None


def _add_folder(hierarchy: Any, parent: int, name: str, attribute: str, value: str) -> int:
    folder = hierarchy.CreateFolderItem(parent, name)
    hierarchy.SetItemAttribute(folder, attribute, value)
    hierarchy.SetItemExpanded(folder, True)
    return folder
