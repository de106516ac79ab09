"""The chart in the application's layout: shown with a cursor, and a click on a point jumps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from ...scene import FrameCursor, find_chart, frame_of_point, show_chart
from ...scene.contract import SIDE_BY_SIDE_REFERENCE
from ..layouts.arrangements import layout_node
from ..layouts.view_layouts import CHART, current_layout, leave_layouts, use_chart_layout

_SIGNAL = "dataSelected(vtkStringArray*, vtkCollection*)"


class ChartView:
    """Shows a sequence's chart. jump: called with the frame of a point that was clicked."""

    def __init__(self, jump: Callable[[int], None]) -> None:
        self._jump = jump
        self._cursor: FrameCursor | None = None
        self._views: list[Any] = []
        self._followed: Any | None = None

    def follow(self, sequence: Any | None) -> None:
        """Another loop is chosen. A chart on show gives way to its chart; an arrangement of views that would show it
        without its chart, or below the titles ED and ES, is left."""
        before, self._followed = self._followed, sequence
        self.stop()
        node = layout_node()
        shown = current_layout(node) if node is not None else None
        if sequence is None or shown is None:
            return
        if shown == CHART and find_chart(sequence) is not None:
            self.show(sequence)
        elif shown == CHART or before not in (None, sequence) or not _has_pair(sequence):
            leave_layouts(node)

    def show(self, sequence: Any) -> None:
        """Show the chart with a cursor at the frame on show. Raises SceneError; nothing happens without a chart."""
        chart = find_chart(sequence)
        if chart is None:
            return
        self.stop()
        layout = slicer.app.layoutManager()
        if layout is not None:
            use_chart_layout(layout_node())
        show_chart(chart)
        self._cursor = FrameCursor(chart)
        for i in range(layout.plotViewCount if layout is not None else 0):
            view = layout.plotWidget(i).plotView()
            view.connect(_SIGNAL, self._on_selected)
            self._views.append(view)

    def stop(self) -> None:
        """Take the cursor away and stop listening to clicks."""
        if self._cursor is not None:
            self._cursor.stop()
            self._cursor = None
        for view in self._views:
            view.disconnect(_SIGNAL, self._on_selected)
        self._views.clear()

    def _on_selected(self, series_ids: Any, selections: Any) -> None:
        for i in range(series_ids.GetNumberOfValues()):
            series = slicer.mrmlScene.GetNodeByID(series_ids.GetValue(i))
            points = selections.GetItemAsObject(i)
            if points is None or points.GetNumberOfValues() == 0:
                continue
            frame = frame_of_point(series, points.GetValue(0))
            if frame is not None:
                self._jump(frame)
                return


def _has_pair(sequence: Any) -> bool:
    return all(sequence.GetNodeReference(role) is not None for role in SIDE_BY_SIDE_REFERENCE.values())
