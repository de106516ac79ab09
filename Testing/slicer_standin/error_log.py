"""``slicer.app.errorLogModel()``: what a painted chart tells VTK's log, in the rows and columns of CTK's."""

from __future__ import annotations

import numpy as np
import slicer
from PySide6 import QtCore
from vtk.util.numpy_support import vtk_to_numpy

_PAINTED_EVERY = 10  # ms
_LEVEL, _ORIGIN = 2, 3
_TOO_SHORT = "Attempted to paint a line with <2 points."


class ErrorLogModel:
    """Charts that plot views have are painted while the application's loop runs, and whenever the log is asked."""

    def __init__(self):
        self._painted: dict[str, int] = {}
        self._entries: list[str] = []
        self._timer = QtCore.QTimer()
        self._timer.timeout.connect(self._paint_charts)
        self._timer.start(_PAINTED_EVERY)

    def _paint_charts(self):
        for view in slicer.util.getNodesByClass("vtkMRMLPlotViewNode"):
            chart = slicer.mrmlScene.GetNodeByID(view.GetPlotChartNodeID() or "")
            for index in range(chart.GetNumberOfPlotSeriesNodes() if chart is not None else 0):
                self._paint(chart.GetNthPlotSeriesNode(index))

    def logEntryCount(self):
        self._paint_charts()
        return len(self._entries)

    def logEntryDescription(self, row):
        return self._entries[row]

    def index(self, row, column):
        return row, column

    def data(self, index):
        return {_LEVEL: "Error", _ORIGIN: "VTK"}[index[1]]

    def _paint(self, series):
        """vtkPlotLine: a line through fewer than two points is an error, one with gaps in it never is."""
        table = series.GetTableNode() if series is not None else None
        if table is None or self._painted.get(series.GetID()) == table.GetTable().GetMTime():
            return
        self._painted[series.GetID()] = table.GetTable().GetMTime()
        names = series.GetXColumnName(), series.GetYColumnName()
        columns = [table.GetTable().GetColumnByName(name) for name in names]
        if any(column is None or not column.IsA("vtkDataArray") for column in columns):
            return
        points = np.stack([vtk_to_numpy(column) for column in columns])
        if points.shape[1] < 2 and np.isfinite(points).all():
            self._entries.append(_TOO_SHORT)
