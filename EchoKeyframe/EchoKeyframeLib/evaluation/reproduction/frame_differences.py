"""Distances between labelled and detected keyframes, by phase, by pairing and by unit of analysis."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from ...detection.keyframes import Phase
from ..clip_score import ClipResult, Event
from ..metrics import by_patient
from .system_runs import ClipRun


class Pairing(StrEnum):
    """Which detection a labelled keyframe is compared with.

    NEAREST: the nearest of its phase, however far (the paper's eq. 4, whose sum runs over every true keyframe).
    MATCHED: its partner in a one-to-one matching within min(0.25 s, half the beat); missed ones have none.
    """

    NEAREST = "nearest"
    MATCHED = "matched"


class Unit(StrEnum):
    """What counts as one observation: each keyframe, or the mean of each clip, whose keyframes err together."""

    KEYFRAME = "keyframe"
    CLIP = "clip"


def differences(clips: Sequence[ClipRun], phase: Phase, pairing: Pairing, unit: Unit) -> np.ndarray:
    """\\|detected - true\\| in frames, float64 ``[n]``: one value a keyframe, or a clip that has any."""
    by_clip = [_of_clip(clip.result, phase, pairing) for clip in clips]
    if unit is Unit.CLIP:
        return np.array([values.mean() for values in by_clip if len(values)])
    return np.concatenate([np.empty(0), *by_clip])


def mean_differences(clips: Sequence[ClipRun], phase: Phase, pairing: Pairing) -> dict[str, float]:
    """The mean of ``differences`` in frames by patient, or by clip where the patient is not known."""
    means = {}
    for group in by_patient([clip.result for clip in clips]):
        values = np.concatenate([_of_clip(result, phase, pairing) for result in group])
        if len(values):
            means[f"patient {group[0].patient}" if group[0].patient else f"clip {group[0].name}"] = float(values.mean())
    return means


def _of_clip(result: ClipResult, phase: Phase, pairing: Pairing) -> np.ndarray:
    values = [_difference(event, pairing) for event in result.events if event.phase is phase]
    return np.array([value for value in values if value is not None], float)


def _difference(event: Event, pairing: Pairing) -> float | None:
    if pairing is Pairing.NEAREST:
        return event.nearest_frames
    return None if event.error_frames is None else abs(event.error_frames)
