"""Endocardial contours as Markups curves: from one end of the mitral annulus over the apex to the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from ...detection.keyframes import Keyframe, Phase
from ...measurement.contour import Contour, evenly_spaced
from ..contract import (
    AXIS_REFERENCE,
    CONTOURS_REFERENCE,
    DISKS_REFERENCE,
    FRAME_ATTRIBUTE,
    PHASE_ATTRIBUTE,
    PHASE_COLORS,
    PHASE_VALUES,
    SEQUENCE_REFERENCE,
)
from ..loop.frame_geometry import to_pixels, to_ras
from ..loop.sequence_frames import loop_view
from ..node_removal import remove_with_parts
from ..scene_error import SceneError, require_frame, require_in_scene, require_sequence
from .contour_origin import mark_origin, origin
from .long_axis import apex_set_by_hand
from .placement import add_markups, is_being_drawn, node_being_drawn, stop_drawing

_FEWEST_CLICKS = 5
"""Control points that make a contour; with fewer it is still being drawn."""
_CONTROL_POINTS = 21
"""Control points of a contour that was computed: few enough to correct by hand, within 0.5 % of its area."""

_POINT_SIZE = 2.0
"""Of a control point, in per cent of the view: large enough to grab, small enough to see the wall."""
_MEASURED_POINTS = 100
"""Points along the spline that are measured: more cost time with each move of the mouse and change nothing."""


def find_contours(sequence: Any) -> list[Any]:
    """The vtkMRMLMarkupsCurveNodes drawn on frames of a sequence. Raises SceneError if the sequence is gone."""
    require_sequence(sequence)
    count = sequence.GetNumberOfNodeReferences(CONTOURS_REFERENCE)
    curves = [sequence.GetNthNodeReference(CONTOURS_REFERENCE, i) for i in range(count)]
    return [curve for curve in curves if curve is not None and _marks(curve) is not None]


def find_contour(sequence: Any, phase: Phase, frame: int) -> Any | None:
    """The contour of a phase on a frame, or None."""
    same = (c for c in find_contours(sequence) if contour_place(c) == (phase, frame))
    return next(same, None)


def contour_place(curve: Any) -> tuple[Phase, int]:
    """Phase and frame of a contour. Raises SceneError for a curve that is none of ours."""
    marks = _marks(curve)
    if marks is None:
        raise SceneError(f"{curve.GetName()}: does not say on which ED or ES frame it lies; trace it with this module")
    return marks


def add_contour(sequence: Any, keyframe: Keyframe) -> Any:
    """The contour of a keyframe, an empty one to be drawn if there is none. Raises SceneError if the sequence is gone
    or the frame does not exist."""
    require_sequence(sequence)
    require_frame(sequence, keyframe.frame)
    curve = find_contour(sequence, keyframe.phase, keyframe.frame)
    if curve is None:
        curve = add_markups(sequence, "vtkMRMLMarkupsCurveNode", "contour")
        curve.SetNodeReferenceID(SEQUENCE_REFERENCE, sequence.GetID())
        _dress(curve, keyframe.phase)
        place_contour(curve, keyframe)
        # Last: who follows the sequence looks at its contours at once.
        sequence.AddNodeReferenceID(CONTOURS_REFERENCE, curve.GetID())
    return curve


def place_contour(curve: Any, keyframe: Keyframe) -> None:
    """Say that a contour belongs to this keyframe: a new one, or one whose keyframe was moved."""
    sequence = sequence_of_contour(curve)
    was_modifying = curve.StartModify()
    curve.SetAttribute(PHASE_ATTRIBUTE, PHASE_VALUES[keyframe.phase])
    curve.SetAttribute(FRAME_ATTRIBUTE, str(keyframe.frame))
    curve.SetName(f"{loop_view(sequence) or sequence.GetName()} {keyframe.phase.value} frame {keyframe.frame} contour")
    curve.EndModify(was_modifying)


def put_contour(sequence: Any, contour: Contour) -> Any:
    """Draw a computed contour as the curve of its keyframe, in place of what was drawn there."""
    curve = add_contour(sequence, Keyframe(contour.phase, contour.frame, 0.0))
    stop_drawing(curve)  # the next click would be a point behind its last
    points = to_ras(sequence, contour.frame, evenly_spaced(contour.points, _CONTROL_POINTS))
    was_modifying = curve.StartModify()
    slicer.util.updateMarkupsControlPointsFromArray(curve, points)
    curve.EndModify(was_modifying)
    mark_origin(curve, sequence, contour)
    return curve


def is_drawn(curve: Any) -> bool:
    """Whether a contour has enough points to be measured, and the person is not adding to them."""
    return curve.GetNumberOfDefinedControlPoints() >= _FEWEST_CLICKS and not is_being_drawn(curve)


def contour_being_drawn(scene: Any) -> Any | None:
    """The contour that a person is drawing now, on whichever loop; None while none is."""
    node = node_being_drawn(scene)
    return node if node is not None and _marks(node) is not None else None


def read_contour(curve: Any) -> Contour:
    """A drawn contour in pixels of its frame, as the view shows it: the spline through the control points.

    Raises SceneError where it lies off its frame's plane or belongs to no sequence, MeasurementError where it is no
    contour (closed, crossing itself).
    """
    sequence = sequence_of_contour(curve)
    phase, frame = contour_place(curve)
    ras = vtk_to_numpy(_placed(curve).GetCurvePointsWorld().GetData()).astype(np.float64)
    points = evenly_spaced(to_pixels(sequence, frame, ras, curve.GetName()), _MEASURED_POINTS)
    return Contour(phase, frame, points, apex_set_by_hand(curve, sequence, frame), loop_view(sequence),
                   **origin(curve, sequence, frame))  # fmt: skip


def contour_state(curve: Any) -> tuple:
    """What of a contour counts when it is measured, to be compared with a later state."""
    points = [tuple(curve.GetNthControlPointPositionWorld(i)) for i in _placed_points(curve)]
    return _marks(curve), curve.GetName(), curve.GetCurveClosed(), curve.GetCurveType(), tuple(points)


def sequence_of_contour(curve: Any) -> Any:
    """The sequence on which a contour was drawn. Raises SceneError if either is gone."""
    require_in_scene(curve, "contour")
    sequence = curve.GetNodeReference(SEQUENCE_REFERENCE)
    if sequence is None:
        raise SceneError(f"{curve.GetName()}: leads to no sequence; it was deleted, or this is no contour of ours")
    return sequence


def remove_contour(curve: Any) -> None:
    """Take a contour out of the scene with its long axis and disks."""
    stop_drawing(curve)  # Slicer would make a new curve for the next click
    for role in (AXIS_REFERENCE, DISKS_REFERENCE):
        part = curve.GetNodeReference(role)
        if part is not None:
            remove_with_parts(part)
    remove_with_parts(curve)


def _placed(curve: Any) -> Any:
    """The curve through the points that the person has placed: Slicer's has one more under the mouse while placing."""
    points = _placed_points(curve)
    if len(points) == curve.GetNumberOfControlPoints():
        return curve
    placed = slicer.vtkMRMLMarkupsCurveNode()
    placed.SetCurveType(curve.GetCurveType())
    for i in points:
        placed.AddControlPointWorld(*curve.GetNthControlPointPositionWorld(i))
    return placed


def _placed_points(curve: Any) -> list[int]:
    count = curve.GetNumberOfControlPoints()
    return [i for i in range(count) if curve.GetNthControlPointPositionStatus(i) == curve.PositionDefined]


def _marks(curve: Any) -> tuple[Phase, int] | None:
    phases = {value: phase for phase, value in PHASE_VALUES.items()}
    phase, frame = phases.get(curve.GetAttribute(PHASE_ATTRIBUTE)), curve.GetAttribute(FRAME_ATTRIBUTE) or ""
    return (phase, int(frame)) if phase is not None and frame.isdecimal() else None


def _dress(curve: Any, phase: Phase) -> None:
    display = curve.GetDisplayNode()
    display.SetSelectedColor(*PHASE_COLORS[phase])
    display.SetColor(*PHASE_COLORS[phase])
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetGlyphScale(_POINT_SIZE)
