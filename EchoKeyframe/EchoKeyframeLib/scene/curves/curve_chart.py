"""The ED and ES curves of a sequence as a chart over time, with its keyframes as markers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...detection.keyframes import Curves, Keyframe, Phase
from ..contract import (
    CHART_REFERENCE,
    CHART_VIEW,
    CURVES_REFERENCE,
    DETECTOR_ATTRIBUTE,
    MARKERS_REFERENCE,
    PLOT_COLORS,
    SEQUENCE_REFERENCE,
)
from ..loop.added_node import add_node
from ..loop.frame_times import frame_times
from ..scene_error import SceneError, require_in_scene, require_sequence
from .table_columns import read_columns, write_columns

_TIME = "Time"
_LINE_WIDTH, _MARKER_SIZE = 3, 13
AXIS_BOTTOM, AXIS_TOP = -0.05, 1.08
"""Ends of the probability axis: markers at 0 and 1 must not be cut in half."""
_MARGIN = 0.025
"""Of the loop's duration, left free before its first and behind its last frame, for the same reason."""


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
    table = _curve_table(sequence, curves.detector)
    if table is None:
        table = _add_curve_table(sequence, chart, curves.detector)
        frame_chart(sequence)
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
        frame_chart(sequence)
    write_columns(markers, {_TIME: times, **_marker_heights(sequence, keyframes, len(times))})


def show_chart(chart: Any) -> None:
    """Make the plot view of the chart layout show this chart, without it the first plot view; others keep theirs.

    Raises SceneError if the chart is gone.
    """
    scene = require_in_scene(chart, "chart")
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    if selection is not None:
        selection.SetActivePlotChartID(chart.GetID())
    views = [
        scene.GetNthNodeByClass(i, "vtkMRMLPlotViewNode")
        for i in range(scene.GetNumberOfNodesByClass("vtkMRMLPlotViewNode"))
    ]
    ours = [view for view in views if view.GetLayoutName() == CHART_VIEW]
    for view in (ours or views)[:1]:
        view.SetPlotChartNodeID(chart.GetID())


def frame_chart(sequence: Any) -> None:
    """Let the axes of a sequence's chart, if it has one, show every marker whole, and its title say what is what."""
    chart = find_chart(sequence)
    if chart is None:
        return
    chart.SetTitle(_title(sequence))
    chart.SetLegendVisibility(False)  # Slicer draws it over the last keyframes
    chart.SetXAxisRange(*axis_range(frame_times(sequence), _MARGIN))
    chart.SetYAxisRange(AXIS_BOTTOM, AXIS_TOP)


def axis_range(values: np.ndarray, margin: float) -> tuple[float, float]:
    """An axis from the smallest to the largest value with a margin on both sides, as a share of what lies between."""
    first, last = float(np.min(values)), float(np.max(values))
    room = margin * max(last - first, 1e-3)
    return first - room, last + room


def frame_of_point(series: Any, row: int) -> int | None:
    """The frame that a clicked point stands for: rows of curves and markers are frames. None for the cursor line."""
    table = series.GetTableNode() if series is not None else None
    if table is None or table.GetNodeReferenceID(SEQUENCE_REFERENCE) is None:
        return None
    return row if 0 <= row < table.GetNumberOfRows() else None


def _add_chart(sequence: Any) -> Any:
    scene, name = sequence.GetScene(), sequence.GetName()
    chart = add_node(scene, "vtkMRMLPlotChartNode", f"{name} chart", loop=sequence)
    chart.SetXAxisTitle("Time (s)")
    chart.SetYAxisTitle("Probability")
    chart.SetXAxisRangeAuto(False)
    chart.SetYAxisRangeAuto(False)
    markers = add_node(scene, "vtkMRMLTableNode", f"{name} keyframe markers", hidden=True)
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
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    return chart


def _add_curve_table(sequence: Any, chart: Any, detector: str) -> Any:
    scene = sequence.GetScene()
    first = not _curve_tables(sequence)
    table = add_node(scene, "vtkMRMLTableNode", f"{sequence.GetName()} curves ({detector})", loop=sequence)
    table.SetAttribute(DETECTOR_ATTRIBUTE, detector)
    table.SetNodeReferenceID(SEQUENCE_REFERENCE, sequence.GetID())
    sequence.AddNodeReferenceID(CURVES_REFERENCE, table.GetID())
    for phase in Phase:
        series = _add_series(chart, table, phase, f"{phase.value} {detector}")
        series.SetPlotType(series.PlotTypeScatter)
        series.SetMarkerStyle(series.MarkerStyleNone)
        series.SetLineStyle(series.LineStyleSolid if first else series.LineStyleDash)
        series.SetLineWidth(_LINE_WIDTH)
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    return table


def _add_series(chart: Any, table: Any, phase: Phase, name: str) -> Any:
    series = add_node(chart.GetScene(), "vtkMRMLPlotSeriesNode", name, hidden=True)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName(_TIME)
    series.SetYColumnName(phase.value)
    series.SetColor(*PLOT_COLORS[phase])
    return series


def _title(sequence: Any) -> str:
    detectors = [table.GetAttribute(DETECTOR_ATTRIBUTE) for table in _curve_tables(sequence)]
    several = len(detectors) > 1
    lines = f" (solid: {detectors[0]}; dashed: {', '.join(detectors[1:])})" if several else ""
    return f"{sequence.GetName()}: ED blue, ES orange{lines}"


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
