"""A line in a chart that follows the frame on show."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk

from ..contract import PLOT_GRAY, SEQUENCE_REFERENCE
from ..loop.added_node import add_node
from ..loop.frame_times import frame_times
from ..loop.navigation import require_browser
from ..scene_error import SceneError, require_in_scene
from .curve_chart import AXIS_BOTTOM, AXIS_TOP

_NAME = "Current frame"


class FrameCursor:
    """A vertical line in a sequence's chart at the frame that its browser shows, until ``stop``.

    Its series and two-row table are not saved with the scene. It stops by itself when browser, chart or one of its own
    nodes leaves the scene.

    Raises SceneError if the chart is gone or belongs to no sequence, or no browser plays the sequence.
    """

    def __init__(self, chart: Any) -> None:
        scene = require_in_scene(chart, "chart")
        self._sequence = chart.GetNodeReference(SEQUENCE_REFERENCE)
        if self._sequence is None:
            raise SceneError(f"{chart.GetName()}: leads to no sequence; it was deleted, or this is no keyframe chart")
        self._browser = require_browser(self._sequence)
        self._chart = chart
        self._times = frame_times(self._sequence)
        self._index_values = self._index_signature()
        self._line = vtk.vtkDoubleArray()
        self._table = _add_line_table(scene, self._line)
        self._series = _add_line_series(scene, self._table)
        chart.AddAndObservePlotSeriesNodeID(self._series.GetID())
        self._tag: int | None = self._browser.AddObserver(vtk.vtkCommand.ModifiedEvent, self._follow)
        self._follow()

    @property
    def time(self) -> float:
        """Seconds at which the line stands."""
        return self._line.GetValue(0)

    def stop(self) -> None:
        """Stop following and take the line away. May be called more than once."""
        if self._tag is None:
            return
        self._browser.RemoveObserver(self._tag)
        self._tag = None
        if self._chart.GetScene() is not None:
            self._chart.RemovePlotSeriesNodeID(self._series.GetID())
        for node in (self._series, self._table):
            if node.GetScene() is not None:
                node.GetScene().RemoveNode(node)

    def _follow(self, *_: Any) -> None:
        nodes = (self._browser, self._chart, self._sequence, self._table, self._series)
        if any(node.GetScene() is None for node in nodes):
            self.stop()
            return
        if self._index_values != self._index_signature():
            try:
                self._times = frame_times(self._sequence)
            except SceneError:
                return
            self._index_values = self._index_signature()
        time = float(self._times[self._frame()])
        if self._line.GetNumberOfValues() and self._line.GetValue(0) == time:
            return
        self._line.SetValue(0, time)
        self._line.SetValue(1, time)
        self._line.Modified()
        self._table.GetTable().Modified()

    def _frame(self) -> int:
        master = self._browser.GetMasterSequenceNode()
        frame = self._browser.GetSelectedItemNumber()
        if master is not self._sequence and master is not None:
            frame = self._sequence.GetItemNumberFromIndexValue(master.GetNthIndexValue(frame), False)
        return int(np.clip(frame, 0, len(self._times) - 1))

    def _index_signature(self) -> tuple[int, str | None, float]:
        """What changes when frames are added, or times repaired; asked at every step, so it must be cheap."""
        count = self._sequence.GetNumberOfDataNodes()
        last = self._sequence.GetNthIndexValue(count - 1) if count else None
        return count, last, self._browser.GetPlaybackRateFps()


def _add_line_table(scene: Any, line: vtk.vtkDoubleArray) -> Any:
    table = add_node(scene, "vtkMRMLTableNode", _NAME, hidden=True, saved=False)
    heights = vtk.vtkDoubleArray()
    for column, name, values in ((line, "Time", (0.0, 0.0)), (heights, "Height", (AXIS_BOTTOM, AXIS_TOP))):
        column.SetName(name)
        for value in values:
            column.InsertNextValue(value)
        table.GetTable().AddColumn(column)
    line.SetValue(0, np.nan)
    return table


def _add_line_series(scene: Any, table: Any) -> Any:
    series = add_node(scene, "vtkMRMLPlotSeriesNode", _NAME, hidden=True, saved=False)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName("Time")
    series.SetYColumnName("Height")
    series.SetPlotType(series.PlotTypeScatter)
    series.SetMarkerStyle(series.MarkerStyleNone)
    series.SetLineWidth(2)
    series.SetColor(*PLOT_GRAY)
    return series

