"""What scenes of earlier versions hold otherwise, put right where they are opened."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from .contract import (
    CHART_REFERENCE,
    PHASE_COLORS,
    PLOT_COLORS,
    PLOT_GRAY,
    SIDE_BY_SIDE_REFERENCE,
    VOLUME_CHART_REFERENCE,
)
from .curves.curve_chart import frame_chart
from .results.measurement_table import frame_volume_chart
from .scene_error import SceneError

_VERSION_0_1_0 = {**{PHASE_COLORS[phase]: color for phase, color in PLOT_COLORS.items()}, (0.6, 0.6, 0.6): PLOT_GRAY}
"""Colours of plot series, which could not be seen on Slicer's plots, and those that took their place."""


def bring_up_to_date(scene: Any) -> None:
    """Renew what version 0.1.0 saved: colours and axes of charts that could not be read, still browsers that the
    sequence toolbar took for the loop's. A colour that a person chose stays."""
    for i in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceNode")):
        sequence = scene.GetNthNodeByClass(i, "vtkMRMLSequenceNode")
        for role, frame in ((CHART_REFERENCE, frame_chart), (VOLUME_CHART_REFERENCE, frame_volume_chart)):
            chart = sequence.GetNodeReference(role)
            if chart is not None and _renew_colors(chart):
                # Axes stay as they are where frame times cannot be understood or a table was deleted.
                with suppress(SceneError):
                    frame(sequence)
        for role in SIDE_BY_SIDE_REFERENCE.values():
            browser = sequence.GetNodeReference(role)
            if browser is not None and not browser.GetHideFromEditors():
                browser.SetHideFromEditors(True)


def _renew_colors(chart: Any) -> bool:
    """True if a series had a colour of version 0.1.0."""
    renewed = False
    for i in range(chart.GetNumberOfPlotSeriesNodes()):
        series = chart.GetNthPlotSeriesNode(i)
        for old, new in _VERSION_0_1_0.items():
            if series is not None and np.allclose(series.GetColor(), old, atol=1e-3):
                series.SetColor(*new)
                series.SetHideFromEditors(True)
                renewed = True
    return renewed
