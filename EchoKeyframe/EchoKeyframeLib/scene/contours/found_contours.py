"""Contours that were found on a sequence, and what is still to be found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ...detection.keyframes import Beat, Keyframe
from ...measurement.automatic.found_contours import FoundContours, wanted_keyframes
from ...measurement.traced_view import check_view
from ..contract import ACCEPTED_ATTRIBUTE, SEQUENCE_REFERENCE, TRACER_ATTRIBUTE, TRACING_NOTES_ATTRIBUTE
from ..loop.sequence_frames import loop_view
from ..scene_error import require_sequence
from .contour_origin import accept, is_found
from .lv_contours import contour_place, find_contour, find_contours, is_drawn, put_contour, read_contour


def wanted_contours(sequence: Any, beats: Iterable[Beat]) -> dict[int, tuple[Keyframe, ...]]:
    """Of each of these beats the keyframes whose contours are to be found: all but those that a person has drawn,
    corrected or accepted. Raises SceneError if the sequence is gone or a contour lies off its frame's plane, WrongView
    where its view is known and not to be measured."""
    require_sequence(sequence)
    check_view(sequence.GetName(), loop_view(sequence))
    drawn = [read_contour(curve) for curve in find_contours(sequence) if is_drawn(curve) and not _is_open(curve)]
    return wanted_keyframes(beats, drawn)


def put_found(sequence: Any, found: FoundContours, algorithm: str) -> list[Any]:
    """Draw the contours that were found; returns the curves. What a person has drawn meanwhile stays."""
    require_sequence(sequence)
    curves = []
    for contour in found.contours:
        there = find_contour(sequence, contour.phase, contour.frame)
        if there is None or not is_drawn(there) or _is_open(there):
            curves.append(put_contour(sequence, contour))
    notes = [*found.notes, *(f"beat {one.beat} has no contours: {one.reason}" for one in found.refused)]
    was_modifying = sequence.StartModify()
    sequence.SetAttribute(TRACER_ATTRIBUTE, algorithm)
    sequence.SetAttribute(TRACING_NOTES_ATTRIBUTE, json.dumps(notes))
    sequence.EndModify(was_modifying)
    return curves


def accept_found(sequence: Any) -> int:
    """A person lets all contours stand that were found on a sequence; returns how many."""
    open_ones = [curve for curve in find_contours(sequence) if is_drawn(curve) and _is_open(curve)]
    for curve in open_ones:
        accept(curve)
    return len(open_ones)


def tracing_notes(sequence: Any) -> Sequence[str]:
    """What was doubted or refused when contours were found."""
    try:
        notes = json.loads(sequence.GetAttribute(TRACING_NOTES_ATTRIBUTE) or "[]")
    except ValueError:
        return ()
    return tuple(map(str, notes)) if isinstance(notes, list) else ()


def _is_open(curve: Any) -> bool:
    """Whether a contour was found, and neither corrected nor accepted since."""
    sequence = curve.GetNodeReference(SEQUENCE_REFERENCE)
    found = sequence is not None and is_found(curve, sequence, contour_place(curve)[1])
    return found and curve.GetAttribute(ACCEPTED_ATTRIBUTE) != "yes"
