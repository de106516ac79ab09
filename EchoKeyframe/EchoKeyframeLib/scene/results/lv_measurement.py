"""LV volumes and ejection fraction of sequences, from the contours that were drawn on their keyframes."""

from __future__ import annotations

from typing import Any

from ...detection.keyframes import Phase
from ...measurement.contour import AUTO, Contour
from ...measurement.measure import measure
from ...measurement.measurement import Measurement
from ...measurement.traced_view import TracedView, rate_of_cine
from ..contours.found_contours import tracing_notes
from ..contours.lv_contours import contour_place, find_contours, is_drawn, put_contour, read_contour
from ..contract import SPACING_ATTRIBUTE, TRACER_ATTRIBUTE
from ..keyframes.keyframe_table import find_keyframe_table, read_beats
from ..loop.frame_geometry import frame_size
from ..loop.sequence_frames import (
    cine_from_sequence,
    loop_heart_rate,
    loop_notes,
    loop_region,
    loop_spacing,
    loop_timing,
    loop_view,
)
from ..scene_error import SceneError, require_sequence


def measure_sequences(sequence: Any, other: Any | None = None) -> Measurement:
    """Measure the traced beats of a sequence; with another one, an A4C and an A2C, biplane. The scene is not touched.

    Raises SceneError where a node is missing or gone, MeasurementError, and gives no number, as ``measure``.
    """
    if other is not None and other is sequence:
        raise SceneError(f"{sequence.GetName()}: is chosen for both views; choose another loop for the second")
    return measure(traced_view(sequence), traced_view(other) if other is not None else None)


def traced_view(sequence: Any) -> TracedView:
    """What was traced in a sequence; contours still being drawn are left out, with a note.

    Raises SceneError if the sequence is gone or a contour lies off its frame's plane, MeasurementError as
    ``TracedView`` and ``Contour``.
    """
    require_sequence(sequence)
    table = find_keyframe_table(sequence)
    curves = find_contours(sequence)
    unfinished = [f"{curve.GetName()}: is not finished" for curve in curves if not is_drawn(curve)]
    beats = read_beats(table) if table is not None else ()
    rate, doubts = rate_of_cine(beats, loop_heart_rate(sequence))
    contours = tuple(read_contour(curve) for curve in curves if is_drawn(curve))
    found = any(contour.source == AUTO for contour in contours)
    return TracedView(
        sequence.GetName(),
        frame_size(sequence),
        beats,
        contours,
        loop_spacing(sequence),
        loop_region(sequence),
        loop_view(sequence),
        rate,
        (*loop_notes(sequence), *_given_spacing(sequence), *loop_timing(sequence)[1], *doubts, *unfinished,
         *(tracing_notes(sequence) if found else ())),
        algorithm=sequence.GetAttribute(TRACER_ATTRIBUTE) if found else None,
    )  # fmt: skip


def propose_contour(sequence: Any, phase: Phase, frame: int) -> Any:
    """Draw a start for a keyframe's contour: the nearest contour of the other phase, moved with the wall.

    Returns the curve, to be looked at and corrected. Raises SceneError where no other phase was traced,
    MeasurementError as ``propagate``.
    """
    # OpenCV and SciPy come with the first detection, not with the module.
    from ...measurement.propagation import propagate

    drawn = [curve for curve in find_contours(sequence) if is_drawn(curve)]
    others = [c for c in drawn if contour_place(c)[0] is phase.other]
    if not others:
        raise SceneError(f"{sequence.GetName()}: no {phase.other} contour to start from; trace one first")
    nearest: Contour = read_contour(min(others, key=lambda curve: abs(contour_place(curve)[1] - frame)))
    return put_contour(sequence, propagate(nearest, cine_from_sequence(sequence), frame, phase))


def _given_spacing(sequence: Any) -> tuple[str, ...]:
    spacing = loop_spacing(sequence)
    if spacing is None or sequence.GetAttribute(SPACING_ATTRIBUTE) != "given":
        return ()
    row, column = spacing
    return (f"{sequence.GetName()}: a pixel of {row:.4g} x {column:.4g} mm is a person's word, not the file's",)
