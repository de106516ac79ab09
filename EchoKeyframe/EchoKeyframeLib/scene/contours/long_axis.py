"""The long axis of a contour as a Markups line: found from the contour, its apex adjustable by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from ...measurement.disks import Disks
from ..contract import AXIS_ATTRIBUTE, AXIS_REFERENCE
from ..loop.frame_geometry import to_pixels, to_ras
from .placement import add_markups

_BASE, _APEX = 0, 1  # control points
_COLOR = (1.0, 1.0, 1.0)
_POINT_SIZE = 2.0  # in per cent of the view, as on contours


def find_axis(curve: Any) -> Any | None:
    """The vtkMRMLMarkupsLineNode with a contour's long axis, or None."""
    return curve.GetNodeReference(AXIS_REFERENCE)


def axis_set_by_hand(curve: Any) -> Any | None:
    """The line of a contour whose apex a person moved; None where the apex is to be found from the contour."""
    axis = find_axis(curve)
    if axis is None or axis.GetAttribute(AXIS_ATTRIBUTE) != "manual":
        return None
    return axis if axis.GetNumberOfDefinedControlPoints() >= 2 else None


def apex_set_by_hand(curve: Any, sequence: Any, frame: int) -> tuple[float, float] | None:
    """The apex in pixels (x, y) where a person moved it, or None."""
    axis = axis_set_by_hand(curve)
    if axis is None:
        return None
    apex = np.array(axis.GetNthControlPointPositionWorld(_APEX))
    x, y = to_pixels(sequence, frame, apex, axis.GetName())[0]
    return float(x), float(y)


def draw_axis(curve: Any, sequence: Any, disks: Disks) -> Any:
    """Make the line show the long axis with which was measured; made on first use."""
    axis = find_axis(curve) or _add_axis(curve, sequence)
    ends = to_ras(sequence, disks.contour.frame, np.array([disks.base, disks.apex]))
    if axis.GetNumberOfControlPoints() != 2 or not np.allclose(slicer.util.arrayFromMarkupsControlPoints(axis), ends):
        slicer.util.updateMarkupsControlPointsFromArray(axis, ends)
        axis.SetNthControlPointLocked(_BASE, True)
    axis.SetName(f"{curve.GetName()} long axis")
    return axis


def keep_axis(axis: Any) -> None:
    """A person moved the apex: it stays where it is from now on."""
    axis.SetAttribute(AXIS_ATTRIBUTE, "manual")


def release_axis(curve: Any) -> None:
    """Find the apex from the contour again."""
    axis = find_axis(curve)
    if axis is not None:
        axis.SetAttribute(AXIS_ATTRIBUTE, "auto")


def _add_axis(curve: Any, sequence: Any) -> Any:
    axis = add_markups(sequence, "vtkMRMLMarkupsLineNode", "long axis")
    display = axis.GetDisplayNode()
    display.SetSelectedColor(*_COLOR)
    display.SetColor(*_COLOR)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetGlyphScale(_POINT_SIZE)
    axis.SetAttribute(AXIS_ATTRIBUTE, "auto")
    curve.SetNodeReferenceID(AXIS_REFERENCE, axis.GetID())
    return axis
