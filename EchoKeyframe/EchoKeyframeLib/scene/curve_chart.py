"""The ED and ES curves of a sequence as a chart over time, with its keyframes as markers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..detection.keyframes import Curves, Keyframe, Phase
from .contract import (
    CHART_REFERENCE,
    CURVES_REFERENCE,
    DETECTOR_ATTRIBUTE,
    MARKERS_REFERENCE,
    PHASE_COLORS,
    SEQUENCE_REFERENCE,
)
from .frame_times import frame_times
from .scene_error import SceneError, require_in_scene, require_sequence
from .table_columns import read_columns, write_columns

_TIME = "Time"
_LINE_WIDTH, _MARKER_SIZE = 3, 13
AXIS_TOP = 1.08
"""Upper end of the probability axis: the marker of a peak at 1 must not be cut in half."""


def find_chart(sequence: Any) -> Any | None:
    """The vtkMRMLPlotChartNode of a sequence, or None. Raises SceneError if the sequence is gone."""
    require_in_scene(sequence, "sequence")
    return sequence.GetNodeReference(CHART_REFERENCE)


def add_curves(sequence: Any, curves: Curves, keyframes: Iterable[Keyframe] = ()) -> Any:
    """Draw a detector's curves in the sequence's chart, which is made on first use and returned.

    Each detector has one table (columns Time, ED, ES; row = frame) and two series in the colours of the phases: solid
    for the first detector, dashed for the second. The same detector's older curves are replaced. ``keyframes`` stand as
    markers on the higher curve of their phase.

    Raises SceneError if the sequence is gone, empty, or has another number of frames than the curves.
    """
    require_sequence(sequence)
    if len(curves.times) != sequence.GetNumberOfDataNodes():
        raise SceneError(
            f"{sequence.GetName()}: has {sequence.GetNumberOfDataNodes()} frames, the curves {len(curves.times)}; "
            "the sequence has changed meanwhile, detect again"
        )
    chart = find_chart(sequence) or _add_chart(sequence)
    table = _curve_table(sequence, curves.detector) or _add_curve_table(sequence, chart, curves.detector)
    write_columns(table, {_TIME: frame_times(sequence), **{phase.value: curves.of(phase) for phase in Phase}})
    refresh_chart(sequence, keyframes)
    return chart


def refresh_chart(sequence: Any, keyframes: Iterable[Keyframe]) -> None:
    """Bring markers and times of a sequence's chart up to date; nothing happens if it has no chart."""
    chart = find_chart(sequence)
    if chart is None:
        return
    times = frame_times(sequence)
    for table in _curve_tables(sequence):
        columns = read_columns(table)
        if len(columns.get(_TIME, ())) == len(times) and not np.array_equal(columns[_TIME], times):
            write_columns(table, {**columns, _TIME: times})
    markers = chart.GetNodeReference(MARKERS_REFERENCE)
    if markers is None:
        return
    # Only then: a person may have zoomed in.
    if not np.array_equal(read_columns(markers).get(_TIME, ()), times):
        chart.SetXAxisRange(float(times[0]), float(max(times[-1], times[0] + 1e-3)))
    write_columns(markers, {_TIME: times, **_marker_heights(sequence, keyframes, len(times))})


def show_chart(chart: Any) -> None:
    """Make every plot view show this chart. Raises SceneError if it is gone."""
    scene = require_in_scene(chart, "chart")
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    if selection is not None:
        selection.SetActivePlotChartID(chart.GetID())
    for i in range(scene.GetNumberOfNodesByClass("vtkMRMLPlotViewNode")):
        scene.GetNthNodeByClass(i, "vtkMRMLPlotViewNode").SetPlotChartNodeID(chart.GetID())


def frame_of_point(series: Any, row: int) -> int | None:
    """The frame that a clicked point stands for: rows of curves and markers are frames. None for the cursor line."""
    table = series.GetTableNode() if series is not None else None
    if table is None or table.GetNodeReferenceID(SEQUENCE_REFERENCE) is None:
        return None
    return row if 0 <= row < table.GetNumberOfRows() else None


def _add_chart(sequence: Any) -> Any:
    scene, name = sequence.GetScene(), sequence.GetName()
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", f"{name} chart")
    chart.SetTitle(name)
    chart.SetXAxisTitle("Time (s)")
    chart.SetYAxisTitle("Probability")
    chart.SetXAxisRangeAuto(False)
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0.0, AXIS_TOP)
    markers = scene.AddNewNodeByClass("vtkMRMLTableNode", f"{name} keyframe markers")
    for node in (chart, markers):
        node.SetNodeReferenceID(SEQUENCE_REFERENCE, sequence.GetID())
    chart.SetNodeReferenceID(MARKERS_REFERENCE, markers.GetID())
    sequence.SetNodeReferenceID(CHART_REFERENCE, chart.GetID())
    for phase in Phase:
        series = _add_series(chart, markers, phase, f"{phase.value} keyframes")
        series.SetPlotType(series.PlotTypeScatter)
        series.SetLineStyle(series.LineStyleNone)
        series.SetMarkerStyle(series.MarkerStyleCircle)
        series.SetMarkerSize(_MARKER_SIZE)
    return chart


def _add_curve_table(sequence: Any, chart: Any, detector: str) -> Any:
    scene = sequence.GetScene()
    first = not _curve_tables(sequence)
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", f"{sequence.GetName()} curves ({detector})")
    table.SetAttribute(DETECTOR_ATTRIBUTE, detector)
    table.SetNodeReferenceID(SEQUENCE_REFERENCE, sequence.GetID())
    sequence.AddNodeReferenceID(CURVES_REFERENCE, table.GetID())
    for phase in Phase:
        series = _add_series(chart, table, phase, f"{phase.value} {detector}")
        series.SetPlotType(series.PlotTypeScatter)
        series.SetMarkerStyle(series.MarkerStyleNone)
        series.SetLineStyle(series.LineStyleSolid if first else series.LineStyleDash)
        series.SetLineWidth(_LINE_WIDTH)
    return table


def _add_series(chart: Any, table: Any, phase: Phase, name: str) -> Any:
    series = chart.GetScene().AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName(_TIME)
    series.SetYColumnName(phase.value)
    series.SetColor(*PHASE_COLORS[phase])
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
    return series


def _curve_tables(sequence: Any) -> list[Any]:
    count = sequence.GetNumberOfNodeReferences(CURVES_REFERENCE)
    tables = [sequence.GetNthNodeReference(CURVES_REFERENCE, i) for i in range(count)]
    return [table for table in tables if table is not None]


def _curve_table(sequence: Any, detector: str) -> Any | None:
    return next((t for t in _curve_tables(sequence) if t.GetAttribute(DETECTOR_ATTRIBUTE) == detector), None)


def _marker_heights(sequence: Any, keyframes: Iterable[Keyframe], count: int) -> dict[str, np.ndarray]:
    """Height of each phase's marker per frame, on the higher curve; NaN, which is not drawn, elsewhere."""
    tables = [read_columns(table) for table in _curve_tables(sequence)]
    heights = {phase.value: np.full(count, np.nan) for phase in Phase}
    for keyframe in keyframes:
        if keyframe.frame < count:
            curves = [columns.get(keyframe.phase.value, ()) for columns in tables]
            on_curves = [curve[keyframe.frame] for curve in curves if len(curve) == count]
            heights[keyframe.phase.value][keyframe.frame] = max(on_curves, default=1.0)
    return heights
