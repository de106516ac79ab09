"""The module's two arrangements of views: ED beside ES, and the loop above its chart.

Slicer saves only an arrangement's number with a scene, and shows nothing at all for a number that it does not know, as
where this module is missing. So each arrangement is shown under the number of one of Slicer's own, which others see
instead, and whose description is put back when the person goes on to another arrangement.

Known from the application's start on: names and colours of ``scene.contract`` are repeated, for what Slicer imports
when it starts imports no NumPy.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slicer
import vtk

SIDE_BY_SIDE, CHART = 35170, 35171
"""Numbers in vtkMRMLLayoutNode, above the range that Slicer uses itself; in menus, and in scenes of version 0.1.0."""

PHASE_VIEWS = {"ED": ("KeyframeED", "#00ffff"), "ES": ("KeyframeES", "#ffff00")}
"""Layout name and colour of the two slice views that stand side by side, by phase."""
CHART_VIEW = "PlotView1"
"""Layout name of the plot view below the loop, Slicer's first."""

_LENT = {SIDE_BY_SIDE: slicer.vtkMRMLLayoutNode.SlicerLayoutSideBySideView,
         CHART: slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotView}  # fmt: skip
_LOOP = slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
_LAYOUT_ATTRIBUTE = "EchoKeyframe.Layout"
"""On the layout node: number of the arrangement that is shown; absent where it is none of the module's."""


def register_layouts(layout: Any) -> None:
    """Make both arrangements known to a vtkMRMLLayoutNode. One that waits for it, known by number only, is shown."""
    with _silent(layout):
        for number in _LENT:
            layout.AddLayoutDescription(number, layout_description(number))
    settle_layout(layout)


def settle_layout(layout: Any) -> None:
    """Show an arrangement that a menu or an opened scene asks for; give back the number of one that was left."""
    asked = layout.GetViewArrangement()
    if asked in _LENT:
        _show(layout, asked)
    elif (marked := current_layout(layout)) is not None and asked == _LENT[marked]:
        _show(layout, marked)
    else:
        _give_back(layout, None)


def current_layout(layout: Any) -> int | None:
    """``SIDE_BY_SIDE`` or ``CHART`` where a layout node is marked with it, as saved scenes are; else None."""
    text = layout.GetAttribute(_LAYOUT_ATTRIBUTE) or ""
    return int(text) if text.isdecimal() and int(text) in _LENT else None


def use_side_by_side_layout(layout: Any) -> None:
    """Switch a vtkMRMLLayoutNode to the two views; its views come to be with the application's layout manager."""
    _show(layout, SIDE_BY_SIDE)


def use_chart_layout(layout: Any) -> None:
    """Switch a vtkMRMLLayoutNode to the red slice view above a plot view."""
    _show(layout, CHART)


def use_loop_layout(layout: Any) -> None:
    """Switch a vtkMRMLLayoutNode to the red slice view alone, in which a loop is seen as large as can be."""
    layout.SetViewArrangement(_LOOP)
    settle_layout(layout)


def leave_layouts(layout: Any) -> None:
    """Show the red slice view alone in place of one of the module's arrangements, which are about a single loop."""
    if layout.GetViewArrangement() in _LENT or current_layout(layout) is not None:
        use_loop_layout(layout)


def layout_description(number: int) -> str:
    """XML of ``SIDE_BY_SIDE`` or ``CHART``, as vtkMRMLLayoutNode takes it. Slice views are axial: frames stand upright
    in them."""
    if number == SIDE_BY_SIDE:
        views = (_slice_view(name, phase, color) for phase, (name, color) in PHASE_VIEWS.items())
        return f'<layout type="horizontal" split="true">{"".join(f"<item>{view}</item>" for view in views)}</layout>'
    return (
        '<layout type="vertical" split="true">'
        f'<item splitSize="650">{_slice_view("Red", "R", "#F34A33")}</item>'
        '<item splitSize="350"><view class="vtkMRMLPlotViewNode" singletontag="' + CHART_VIEW + '">'
        '<property name="viewlabel" action="default">P</property></view></item></layout>'
    )


def _show(layout: Any, number: int) -> None:
    lent = _LENT[number]
    was_modifying = layout.StartModify()  # who follows the node must not see its number without its mark
    layout.SetAttribute(_LAYOUT_ATTRIBUTE, str(number))
    if not layout.AddLayoutDescription(lent, layout_description(number)):
        layout.SetLayoutDescription(lent, layout_description(number))
    layout.SetViewArrangement(lent)
    _give_back(layout, number)
    layout.EndModify(was_modifying)


def _give_back(layout: Any, shown: int | None) -> None:
    """Put Slicer's own descriptions back where an arrangement of the module was and is not ``shown``."""
    with _silent(layout):
        for number, lent in _LENT.items():
            known = layout.IsLayoutDescription(lent)
            if number != shown and known and layout.GetLayoutDescription(lent) == layout_description(number):
                layout.SetLayoutDescription(lent, _slicers_own(lent))
        if shown is None and layout.GetAttribute(_LAYOUT_ATTRIBUTE) is not None:
            layout.RemoveAttribute(_LAYOUT_ATTRIBUTE)


@contextmanager
def _silent(layout: Any) -> Iterator[None]:
    """For changes that no view shows: Slicer builds all views anew whenever it hears of one."""
    before = layout.GetDisableModifiedEvent()
    layout.DisableModifiedEventOn()
    try:
        yield
    finally:
        layout.SetDisableModifiedEvent(before)


@functools.cache
def _slicers_own(number: int) -> str:
    scene, logic = slicer.vtkMRMLScene(), slicer.vtkMRMLLayoutLogic()
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)  # which the logic's views ask for
    logic.SetMRMLScene(scene)
    return logic.GetLayoutNode().GetLayoutDescription(number)


def _slice_view(name: str, label: str, color: str) -> str:
    return (
        f'<view class="vtkMRMLSliceNode" singletontag="{name}">'
        '<property name="orientation" action="default">Axial</property>'
        f'<property name="viewlabel" action="default">{label}</property>'
        f'<property name="viewcolor" action="default">{color}</property></view>'
    )


class LayoutKeeper:
    """Shows the module's arrangements where a menu or an opened scene asks for them, until ``stop``."""

    def __init__(self, layout: Any) -> None:
        self._layout, self._busy = layout, False
        scene = layout.GetScene()
        self._tags = [
            (layout, layout.AddObserver(vtk.vtkCommand.ModifiedEvent, self._settle)),
            (scene, scene.AddObserver(scene.EndImportEvent, self._settle)),
        ]
        register_layouts(layout)

    def stop(self) -> None:
        """Leave the arrangement as it is. May be called more than once."""
        for node, tag in self._tags:
            node.RemoveObserver(tag)
        self._tags.clear()

    def _settle(self, *_: Any) -> None:
        scene = self._layout.GetScene()
        if self._busy or scene is None or scene.IsImporting() or scene.IsClosing():
            return
        self._busy = True
        try:
            settle_layout(self._layout)
        finally:
            self._busy = False
