"""From a sequence to what the worker is asked, and from its answer to a detection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...cine.orientation import AUTO, Orientation
from ...detection.keyframes import Curves, Detection, Keyframe
from ...scene import SceneError, frame_times, read_frame
from ...scene.loop.sequence_frames import loop_heart_rate, loop_scaling, loop_spacing, loop_timing, loop_view
from ...scene.scene_error import require_sequence
from ...worker.submission import DetectionRequest, TracingRequest

if TYPE_CHECKING:
    from ...report.keyframes_file import KeyframesFile

FEWEST_FRAMES = 3
"""As ``detection.detect``: fewer frames cannot hold a turning point."""


def detection_request(
    sequence: Any, model: str, device: str = "auto", orientation: str = AUTO
) -> tuple[DetectionRequest, tuple[str, ...]]:
    """What to submit to the worker to detect in a sequence, and warnings about it. Raises SceneError as ``_of_loop``.
    """
    known, warnings = _of_loop(sequence)
    return DetectionRequest(**known, model=model, device=device, orientation=orientation), warnings


def tracing_request(
    sequence: Any, wanted: Mapping[int, tuple[Keyframe, ...]], device: str = "auto", orientation: str = AUTO
) -> TracingRequest:
    """What to submit to the worker to find contours: of beats, by their number, on these keyframes. Raises SceneError
    as ``_of_loop``."""
    return TracingRequest(**_of_loop(sequence)[0], wanted=wanted, device=device, orientation=orientation)


def _of_loop(sequence: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a request tells of its sequence, and warnings. Frames are read later, one by one.

    Raises SceneError, before anything is started, if the sequence is gone or too short, or its first frame is no 2D
    gray or RGB image.
    """
    require_sequence(sequence)
    name, count = sequence.GetName(), sequence.GetNumberOfDataNodes()
    if count < FEWEST_FRAMES:
        raise SceneError(f"{name}: has {count} frame(s), a cine loop with at least {FEWEST_FRAMES} is needed")
    read_frame(sequence, 0)
    timing, warnings = loop_timing(sequence)
    times = frame_times(sequence)
    known = {
        "name": name,
        "frame": _frame_getter(sequence),
        "times": times - times[0],
        "spacing": loop_spacing(sequence),
        "heart_rate": loop_heart_rate(sequence),
        "timing": timing,
        "view": loop_view(sequence),
    }
    return known, warnings


def detection_from(result: KeyframesFile, curves: Curves, warnings: tuple[str, ...] = ()) -> Detection:
    """The worker's answer as a detection; ``warnings`` are those of ``detection_request``."""
    return Detection(
        curves,
        result.keyframes,
        result.beats,
        result.heart_rate,
        result.model,
        result.decoder,
        (*warnings, *result.warnings),
        result.findings,
        result.runtime,
        result.device,
        result.orientation or Orientation.UNKNOWN,
        result.orientation_given,
        result.pieces,
        result.view_found,
        result.view_confidence,
    )


def _frame_getter(sequence: Any) -> Callable[[int], np.ndarray]:
    scaling: list[Callable[[np.ndarray], np.ndarray]] = []

    def frame(index: int) -> np.ndarray:
        if not scaling:
            scaling.append(loop_scaling(sequence))
        return scaling[0](read_frame(sequence, index))

    return frame
