"""A node that is put into the scene as it is to be: what sees it come sees its flags."""

from __future__ import annotations

from typing import Any

import slicer

from ..contract import SEQUENCE_REFERENCE
from .navigation import find_browser


def add_node(
    scene: Any, class_name: str, name: str, loop: Any | None = None, hidden: bool = False, saved: bool = True
) -> Any:
    """A new node of a class.

    loop: the vtkMRMLSequenceNode to whose volume it belongs in the Data tree. hidden: neither the Data tree nor node
    selectors list it; Slicer looks at that only while the node is added. saved: with the scene.
    """
    node = scene.CreateNodeByClass(class_name)
    node.UnRegister(None)  # VTK's Python holds it
    node.SetName(name)
    node.SetHideFromEditors(hidden)
    node.SetSaveWithScene(saved)
    node = scene.AddNode(node)
    if loop is not None and not hidden:
        stand_below(node, loop)
    return node


def add_table(sequence: Any, name: str, reference: str) -> Any:
    """A new vtkMRMLTableNode of a sequence, NAME behind the sequence's own; each refers to the other, by ``reference``
    and by ``SEQUENCE_REFERENCE``."""
    table = add_node(sequence.GetScene(), "vtkMRMLTableNode", f"{sequence.GetName()} {name}", loop=sequence)
    # Otherwise the Tables module shows the column names as row 1, and our row numbers would be one off.
    table.SetUseColumnTitleAsColumnHeader(True)
    table.SetNodeReferenceID(SEQUENCE_REFERENCE, sequence.GetID())
    sequence.SetNodeReferenceID(reference, table.GetID())
    return table


def stand_below(node: Any, loop: Any) -> None:
    """Move a node below the volume of its loop in the Data tree, where it stands at the root of the tree now."""
    browser = find_browser(loop)
    volume = browser.GetProxyNode(loop) if browser is not None else None
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    if volume is None or hierarchy is None:
        return
    item, parent = hierarchy.GetItemByDataNode(node), hierarchy.GetItemByDataNode(volume)
    if item and parent and hierarchy.GetItemParent(item) == hierarchy.GetSceneItemID():
        hierarchy.SetItemParent(item, parent)
