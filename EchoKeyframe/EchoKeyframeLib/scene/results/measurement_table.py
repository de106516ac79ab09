"""A measurement as a table node and a chart of volumes over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...detection.keyframes import Phase
from ...measurement.measurement import BeatMeasurement, Measurement
from ...measurement.summary import CITATION, QUANTITIES
from ..contract import (
    MEASUREMENT_REFERENCE,
    METHOD_ATTRIBUTE,
    PLOT_COLORS,
    PLOT_GRAY,
    SEQUENCE_REFERENCE,
    VOLUME_CHART_REFERENCE,
)
from ..curves.curve_chart import axis_range
from ..curves.table_columns import read_columns, write_columns
from ..loop.added_node import add_node, add_table
from ..loop.frame_times import frame_times
from ..scene_error import require_in_scene, require_sequence
from .volume_curve import TIME, VOLUME, find_volume_curve

MEAN = "mean"
"""In the column Beat: the row with the means over beats."""
_TIME, _VOLUME, _EVERY_FRAME = TIME, VOLUME, "Every frame"
_LINE_WIDTH, _MARKER_SIZE = 2, 13
_NOTHING = np.full(2, np.nan)
"""What lines without points are drawn through: VTK logs an error for each that has fewer than two rows."""
_MARGIN, _HEADROOM = 0.1, 0.15  # of what the points span, so that markers at the ends are not cut


def find_measurement(sequence: Any) -> Any | None:
    """The vtkMRMLTableNode with a sequence's results, or None. Raises SceneError if the sequence is gone."""
    require_in_scene(sequence, "sequence")
    return sequence.GetNodeReference(MEASUREMENT_REFERENCE)


def write_measurement(sequence: Any, measurement: Measurement) -> Any:
    """Put a measurement into the sequence's table, which is made on first use and returned, and into its chart.

    One row for each beat and, of several beats, one for their mean. Columns: Beat, the ED and ES frame of each view,
    then ``measurement.summary.QUANTITIES`` with their units; empty where a value is not known; Source (``auto``,
    ``manual`` or ``mixed``), the ends of the 90 % interval of the ejection fraction, and Doubts.
    """
    require_sequence(sequence)
    table = find_measurement(sequence)
    if table is None:
        table = add_table(sequence, "LV volumes", MEASUREMENT_REFERENCE)
    several = len(measurement.beats) > 1
    columns: dict[str, Any] = {"Beat": [*(str(b.beat) for b in measurement.beats), *([MEAN] if several else [])]}
    for phase in Phase:
        shown = ["/".join(map(str, beat.of(phase).frames)) for beat in measurement.beats]
        columns[f"{phase.value} frame"] = [*shown, *([""] if several else [])]
    for quantity in QUANTITIES:
        values = [getattr(beat, quantity.attribute) for beat in measurement.beats]
        values += [measurement.mean(quantity.attribute)] if several else []
        columns[quantity.label] = np.array([np.nan if value is None else value for value in values], float)
    intervals = [beat.ejection_fraction_interval or (np.nan, np.nan) for beat in measurement.beats]
    blank = [""] if several else []
    columns["Source"] = [*(beat.source for beat in measurement.beats), *blank]
    for place, end in enumerate(("EF low", "EF high")):
        columns[end] = np.array([*(interval[place] for interval in intervals), *([np.nan] if several else [])])
    columns["Doubts"] = [*(", ".join(beat.unfit) for beat in measurement.beats), *blank]
    write_columns(table, columns)
    for quantity in QUANTITIES:
        table.SetColumnUnitLabel(quantity.label, quantity.unit)
    table.SetAttribute(METHOD_ATTRIBUTE, str(measurement.method))
    table.SetDescription("\n".join([*measurement.warnings, CITATION]))
    view = measurement.sources.index(sequence.GetName()) if sequence.GetName() in measurement.sources else 0
    _fill_chart(sequence, measurement.beats, view)
    return table


def clear_measurement(sequence: Any) -> None:
    """Leave no number behind that the contours do not give any more. Nothing happens if there is no table."""
    table = find_measurement(sequence)
    if table is not None and table.GetNumberOfRows():
        write_columns(table, {"Beat": np.array([], str)})
        table.SetDescription("")
        _fill_chart(sequence, ())


def find_volume_chart(sequence: Any) -> Any | None:
    """The vtkMRMLPlotChartNode with a sequence's volumes, or None."""
    require_in_scene(sequence, "sequence")
    return sequence.GetNodeReference(VOLUME_CHART_REFERENCE)


def _fill_chart(sequence: Any, beats: tuple[BeatMeasurement, ...], view: int = 0) -> None:
    """Volume at each keyframe over time, ED and ES in their colours, joined by a line. view: place of the sequence
    among those that were measured."""
    chart = find_volume_chart(sequence) or _add_chart(sequence)
    _show_curve(chart, sequence)
    times = frame_times(sequence)
    scale, unit = _scale(beats)
    points = sorted((float(times[beat.of(p).frames[view]]), p, scale * beat.of(p).relative_volume)
                    for beat in beats for p in Phase)  # fmt: skip
    chart.SetYAxisTitle(f"Volume ({unit})")
    columns = {_TIME: np.array([time for time, *_ in points]), _VOLUME: np.array([volume for *_, volume in points])}
    for phase in Phase:
        columns[phase.value] = np.array([volume if p is phase else np.nan for _, p, volume in points])
    if not points:
        columns = dict.fromkeys(columns, _NOTHING)
    table = chart.GetNthPlotSeriesNode(0).GetTableNode()
    before = read_columns(table)
    write_columns(table, columns)
    if len(points):
        _fit_axes(chart, before, columns)


def _scale(beats: tuple[BeatMeasurement, ...]) -> tuple[float, str]:
    """By what volumes are shown, and their unit: mL or, where the size of a pixel is not known, % of the largest."""
    if not beats or beats[0].edv is not None:
        return 1.0, "mL"
    return 100 / max(beat.ed.relative_volume for beat in beats), "% of the largest"


def _show_curve(chart: Any, sequence: Any) -> None:
    """The volume of every frame as a line behind the keyframes, where it was found."""
    table = find_volume_curve(sequence)
    if table is None:
        return
    count = chart.GetNumberOfPlotSeriesNodes()
    shown = (chart.GetNthPlotSeriesNode(i) for i in range(count))
    if not any(series is not None and series.GetTableNode() is table for series in shown):
        _add_series(chart, table, VOLUME)
        chart.GetNthPlotSeriesNode(chart.GetNumberOfPlotSeriesNodes() - 1).SetName(_EVERY_FRAME)


def _fit_axes(chart: Any, before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> None:
    """Show all points with room for their markers; a person's zoom stays as long as the points are the same."""
    if not np.array_equal(before.get(_TIME, ()), after[_TIME]):
        _frame(chart, after)
    elif before[_VOLUME].max() <= chart.GetYAxisRange()[1] < after[_VOLUME].max():
        chart.SetYAxisRange(chart.GetYAxisRange()[0], (1 + _HEADROOM) * float(after[_VOLUME].max()))


def frame_volume_chart(sequence: Any) -> None:
    """Let the axes of a sequence's volume chart show every marker whole, and its title say what is what.

    Nothing happens if it has no chart.
    """
    chart = find_volume_chart(sequence)
    if chart is None:
        return
    series = chart.GetNthPlotSeriesNode(0)
    table = series.GetTableNode() if series is not None else None
    columns = read_columns(table) if table is not None else {}
    chart.SetTitle(_title(sequence))
    chart.SetLegendVisibility(False)  # Slicer draws it over the last keyframes
    if np.isfinite(columns.get(_TIME, ())).any() and np.isfinite(columns.get(_VOLUME, ())).any():
        _frame(chart, columns)


def _frame(chart: Any, columns: dict[str, np.ndarray]) -> None:
    chart.SetXAxisRangeAuto(False)
    chart.SetYAxisRangeAuto(False)
    chart.SetXAxisRange(*axis_range(columns[_TIME], _MARGIN))
    chart.SetYAxisRange(0.0, (1 + _HEADROOM) * float(columns[_VOLUME].max()))


def _title(sequence: Any) -> str:
    return f"{sequence.GetName()}: LV volume, ED blue, ES orange"


def _add_chart(sequence: Any) -> Any:
    scene, name = sequence.GetScene(), sequence.GetName()
    chart = add_node(scene, "vtkMRMLPlotChartNode", f"{name} LV volume", loop=sequence)
    chart.SetTitle(_title(sequence))
    chart.SetLegendVisibility(False)
    chart.SetXAxisTitle("Time (s)")
    chart.SetYAxisTitle("Volume (mL)")
    table = add_node(scene, "vtkMRMLTableNode", f"{name} LV volume per keyframe", hidden=True)
    chart.SetNodeReferenceID(SEQUENCE_REFERENCE, sequence.GetID())
    sequence.SetNodeReferenceID(VOLUME_CHART_REFERENCE, chart.GetID())
    for column in (_VOLUME, *(phase.value for phase in Phase)):
        _add_series(chart, table, column)
    return chart


def _add_series(chart: Any, table: Any, column: str) -> None:
    series = add_node(chart.GetScene(), "vtkMRMLPlotSeriesNode", column, hidden=True)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName(_TIME)
    series.SetYColumnName(column)
    series.SetPlotType(series.PlotTypeScatter)
    if column == _VOLUME:
        series.SetMarkerStyle(series.MarkerStyleNone)
        series.SetLineWidth(_LINE_WIDTH)
        series.SetColor(*PLOT_GRAY)
    else:
        series.SetLineStyle(series.LineStyleNone)
        series.SetMarkerStyle(series.MarkerStyleCircle)
        series.SetMarkerSize(_MARKER_SIZE)
        series.SetColor(*PLOT_COLORS[Phase(column)])
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
