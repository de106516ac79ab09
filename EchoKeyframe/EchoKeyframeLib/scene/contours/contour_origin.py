"""Who made a contour: a person, or the network that found it, as long as nobody has moved a point."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ...measurement.contour import AUTO, MANUAL, Contour
from ..contract import ACCEPTED_ATTRIBUTE, CONFIDENCE_ATTRIBUTE, DOUBTS_ATTRIBUTE, FOUND_ATTRIBUTE
from ..loop.frame_geometry import to_pixels
from .long_axis import axis_set_by_hand

_MOVED = 0.05
"""Pixels beyond which a point counts as moved: what is saved and read again is rounded."""


def mark_origin(curve: Any, sequence: Any, contour: Contour) -> None:
    """Write down of a contour that was just put into the scene how it came about."""
    was_modifying = curve.StartModify()
    for name in (FOUND_ATTRIBUTE, CONFIDENCE_ATTRIBUTE, DOUBTS_ATTRIBUTE, ACCEPTED_ATTRIBUTE):
        curve.RemoveAttribute(name)
    if contour.source == AUTO:
        points = _control_points(curve, sequence, contour.frame)
        curve.SetAttribute(FOUND_ATTRIBUTE, " ".join(f"{x:.2f},{y:.2f}" for x, y in points))
        curve.SetAttribute(CONFIDENCE_ATTRIBUTE, f"{contour.confidence:.4f}")
        if contour.doubts:
            curve.SetAttribute(DOUBTS_ATTRIBUTE, json.dumps(contour.doubts))
        if contour.accepted:
            curve.SetAttribute(ACCEPTED_ATTRIBUTE, "yes")
    curve.EndModify(was_modifying)


def is_found(curve: Any, sequence: Any, frame: int) -> bool:
    """Whether a contour is as it was found: no point was moved, added or removed, no apex set by hand."""
    found = _points_from(curve.GetAttribute(FOUND_ATTRIBUTE) or "")
    if not len(found) or axis_set_by_hand(curve) is not None:
        return False
    points = _control_points(curve, sequence, frame)
    return points.shape == found.shape and bool(np.abs(points - found).max() <= _MOVED)


def origin(curve: Any, sequence: Any, frame: int) -> dict[str, Any]:
    """source, confidence, doubts and accepted of the ``Contour`` that a curve stands for."""
    if not is_found(curve, sequence, frame):
        return {"source": MANUAL}
    try:
        confidence = float(np.clip(float(curve.GetAttribute(CONFIDENCE_ATTRIBUTE) or "nan"), 0, 1))
        doubts = tuple(str(word) for word in json.loads(curve.GetAttribute(DOUBTS_ATTRIBUTE) or "[]"))
    except (ValueError, TypeError):
        confidence, doubts = 0.0, ()
    return {"source": AUTO, "confidence": confidence if np.isfinite(confidence) else 0.0, "doubts": doubts,
            "accepted": curve.GetAttribute(ACCEPTED_ATTRIBUTE) == "yes"}  # fmt: skip


def accept(curve: Any) -> None:
    """A person has looked at a contour that was found and lets it stand."""
    curve.SetAttribute(ACCEPTED_ATTRIBUTE, "yes")


def _control_points(curve: Any, sequence: Any, frame: int) -> np.ndarray:
    placed = [i for i in range(curve.GetNumberOfControlPoints())
              if curve.GetNthControlPointPositionStatus(i) == curve.PositionDefined]  # fmt: skip
    ras = np.array([curve.GetNthControlPointPositionWorld(i) for i in placed], np.float64).reshape(-1, 3)
    return to_pixels(sequence, frame, ras, curve.GetName()) if len(ras) else np.zeros((0, 2))


def _points_from(text: str) -> np.ndarray:
    try:
        return np.array([[float(value) for value in pair.split(",")] for pair in text.split()]).reshape(-1, 2)
    except ValueError:
        return np.zeros((0, 2))
