"""The loop above its chart: the layout in which curves are read."""

from __future__ import annotations

from typing import Any

LAYOUT_ID = 35171
"""Number for the layout in vtkMRMLLayoutNode, above the range that Slicer uses itself."""

_LAYOUT = (
    '<layout type="vertical" split="true">'
    '<item splitSize="650"><view class="vtkMRMLSliceNode" singletontag="Red">'
    '<property name="orientation" action="default">Axial</property>'
    '<property name="viewlabel" action="default">R</property>'
    '<property name="viewcolor" action="default">#F34A33</property></view></item>'
    '<item splitSize="350"><view class="vtkMRMLPlotViewNode" singletontag="PlotView1">'
    '<property name="viewlabel" action="default">P</property></view></item>'
    "</layout>"
)


def use_chart_layout(layout: Any) -> None:
    """Switch a vtkMRMLLayoutNode to the red slice view above a plot view."""
    if not layout.IsLayoutDescription(LAYOUT_ID):
        layout.AddLayoutDescription(LAYOUT_ID, _LAYOUT)
    layout.SetViewArrangement(LAYOUT_ID)
