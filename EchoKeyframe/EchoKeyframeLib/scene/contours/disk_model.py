"""The disks of a measurement as lines over the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk

from ...measurement.disks import Disks
from ..contract import DISKS_REFERENCE, PHASE_COLORS
from ..loop.added_node import add_node
from ..loop.frame_geometry import to_ras

_OPACITY = 0.6


def find_disks(curve: Any) -> Any | None:
    """The vtkMRMLModelNode with a contour's disks, or None."""
    return curve.GetNodeReference(DISKS_REFERENCE)


def draw_disks(curve: Any, sequence: Any, disks: Disks) -> Any:
    """Make a model show one line for each disk, from wall to wall; made on first use."""
    model = find_disks(curve) or _add_model(curve, sequence, disks)
    ends = to_ras(sequence, disks.contour.frame, disks.chords.reshape(-1, 2))
    model.SetAndObserveMesh(_lines(ends))
    model.SetName(f"{curve.GetName()} disks")
    return model


def clear_disks(curve: Any) -> None:
    """Draw nothing: what is drawn must not outlive the measurement that it shows."""
    model = find_disks(curve)
    if model is not None:
        model.SetAndObserveMesh(vtk.vtkPolyData())


def _lines(ends: np.ndarray) -> Any:
    points, cells = vtk.vtkPoints(), vtk.vtkCellArray()
    for end in ends:
        points.InsertNextPoint(*end)
    for first in range(0, len(ends), 2):
        cells.InsertNextCell(2)
        cells.InsertCellPoint(first)
        cells.InsertCellPoint(first + 1)
    lines = vtk.vtkPolyData()
    lines.SetPoints(points)
    lines.SetLines(cells)
    return lines


def _add_model(curve: Any, sequence: Any, disks: Disks) -> Any:
    model = add_node(curve.GetScene(), "vtkMRMLModelNode", "disks", sequence)
    model.CreateDefaultDisplayNodes()
    display = model.GetDisplayNode()
    display.SetColor(*PHASE_COLORS[disks.contour.phase])
    display.SetSliceIntersectionOpacity(_OPACITY)
    display.SetVisibility2D(True)
    # The lines lie in the slice: an intersection with it would be empty.
    display.SetSliceDisplayModeToProjection()
    curve.SetNodeReferenceID(DISKS_REFERENCE, model.GetID())
    return model
