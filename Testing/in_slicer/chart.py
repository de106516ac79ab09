"""The plot view: whether its curves can be seen, and a click on a point."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import slicer
import vtk
from event_loop import let_work
from hands import click
from outcome import Failed, check, need
from pictures import pixels

FAINTEST = 3.0
"""Contrast of a curve with its background, as WCAG counts it for graphics."""
FEWEST_PIXELS = 60


def plot_view(person):
    """The view that shows the loop's chart; Skipped where the application has none."""
    manager = slicer.app.layoutManager()
    need(manager, "plotWidget", what="this application has no plot views")
    for i in range(manager.plotViewCount):
        view = manager.plotWidget(i).plotView()
        if view.isVisible() if hasattr(view, "isVisible") else True:
            return view
    raise Failed("no plot view is shown")


def shown_series() -> list:
    """The series of the chart on show that are lines."""
    views = slicer.util.getNodesByClass("vtkMRMLPlotViewNode")
    chart = next((slicer.mrmlScene.GetNodeByID(v.GetPlotChartNodeID()) for v in views if v.GetPlotChartNodeID()), None)
    check(chart is not None, "the plot view shows no chart")
    series = [chart.GetNthPlotSeriesNode(i) for i in range(chart.GetNumberOfPlotSeriesNodes())]
    return [one for one in series if one.GetLineStyle() != one.LineStyleNone]


def check_curves_stand_out(view, folder: Path) -> str:
    """Failed unless each curve has pixels of its colour, and enough contrast with the background."""
    need(view, "chart", what="the plot view draws nothing here")
    let_work(0.3)
    counts = Counter(map(tuple, pixels(view, folder / "chart.png").reshape(-1, 3).tolist()))
    background = counts.most_common(1)[0][0]
    told = []
    for series in shown_series()[:2]:
        color = tuple(round(255 * channel) for channel in series.GetColor())
        near = sum(n for c, n in counts.items() if max(abs(a - b) for a, b in zip(c, color, strict=True)) < 45)
        contrast = _contrast(color, background)
        check(near >= FEWEST_PIXELS, f"{series.GetName()}: {near} pixels of the curve are drawn")
        check(contrast >= FAINTEST, f"{series.GetName()}: contrast {contrast:.2f}:1 with the background")
        told.append(f"{series.GetName()} {near} pixels, contrast {contrast:.1f}:1")
    return ", ".join(told)


def click_a_point(view, person) -> int:
    """Click the highest point of the first curve in the middle of the loop; its frame."""
    series = shown_series()[0]
    table = series.GetTableNode().GetTable()
    x, y = (table.GetColumnByName(name) for name in (series.GetXColumnName(), series.GetYColumnName()))
    count = x.GetNumberOfTuples()
    frame = max(range(count // 5, count - count // 5), key=y.GetTuple1)
    if hasattr(view, "chart"):
        chart = view.chart()
        across = _pixel(chart.GetAxis(vtk.vtkAxis.BOTTOM), x.GetTuple1(frame), 0)
        up = _pixel(chart.GetAxis(vtk.vtkAxis.LEFT), y.GetTuple1(frame), 1)
        click(view, round(across), round(view.height - up))
    else:
        view.click(series, frame)  # the stand-in's plot view has no pixels
    let_work(0.1)
    return frame


def _pixel(axis, value: float, coordinate: int) -> float:
    first, last = axis.GetPoint1()[coordinate], axis.GetPoint2()[coordinate]
    low, high = axis.GetMinimum(), axis.GetMaximum()
    return first + (value - low) / (high - low) * (last - first)


def _contrast(one, other) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color) -> float:
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
