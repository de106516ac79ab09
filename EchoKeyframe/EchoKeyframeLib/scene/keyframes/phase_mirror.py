"""The keyframes as attributes of the sequence's data nodes, where every tool and a bare .seq.nrrd keep them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...detection.keyframes import Keyframe, Phase
from ..contract import (
    CONFIDENCE_ATTRIBUTE,
    DEGRADED_IMAGE,
    IMAGE_ATTRIBUTE,
    KEYFRAME_SOURCE_ATTRIBUTE,
    PHASE_ATTRIBUTE,
    PHASE_VALUES,
    TURN_ATTRIBUTE,
    UNSEEN_TURN,
)

_PHASES = {value: phase for phase, value in PHASE_VALUES.items()}
_ATTRIBUTES = PHASE_ATTRIBUTE, CONFIDENCE_ATTRIBUTE, KEYFRAME_SOURCE_ATTRIBUTE, IMAGE_ATTRIBUTE, TURN_ATTRIBUTE


def write_mirror(sequence: Any, keyframes: Iterable[Keyframe]) -> bool:
    """Mark exactly these frames as end-diastole and end-systole; True if a frame's marks changed.

    Other values of ``CardiacCyclePhase`` (mid-systole, say, by another tool) stay unless a keyframe lies there.
    """
    at = {keyframe.frame: keyframe for keyframe in keyframes}
    changed = False
    for i in range(sequence.GetNumberOfDataNodes()):
        volume = sequence.GetNthDataNode(i)
        if i in at:
            changed |= _set(volume, PHASE_ATTRIBUTE, PHASE_VALUES[at[i].phase])
            changed |= _set(volume, CONFIDENCE_ATTRIBUTE, f"{at[i].confidence:.4g}")
            changed |= _set(volume, KEYFRAME_SOURCE_ATTRIBUTE, at[i].source)
            changed |= _set(volume, IMAGE_ATTRIBUTE, DEGRADED_IMAGE if at[i].degraded else None)
            changed |= _set(volume, TURN_ATTRIBUTE, UNSEEN_TURN if at[i].at_edge else None)
        elif volume.GetAttribute(PHASE_ATTRIBUTE) in _PHASES:
            for attribute in _ATTRIBUTES:
                volume.RemoveAttribute(attribute)
            changed = True
    if changed:
        # Attributes alone neither mark the sequence as unsaved nor reach the proxy of the frame on show.
        sequence.StorableModified()
        sequence.Modified()
    return changed


def read_mirror(sequence: Any, times: np.ndarray) -> tuple[Keyframe, ...]:
    """The keyframes that the data nodes are marked with. Marks without a source count as a person's.

    times: float64 ``[T]`` s of the sequence's items.
    """
    keyframes = []
    for i in range(sequence.GetNumberOfDataNodes()):
        volume = sequence.GetNthDataNode(i)
        phase = _PHASES.get(volume.GetAttribute(PHASE_ATTRIBUTE))
        if phase is not None:
            keyframes.append(_keyframe(volume, phase, i, times))
    return tuple(keyframes)


def _keyframe(volume: Any, phase: Phase, frame: int, times: np.ndarray) -> Keyframe:
    source = "auto" if volume.GetAttribute(KEYFRAME_SOURCE_ATTRIBUTE) == "auto" else "manual"
    try:
        confidence = min(1.0, max(0.0, float(volume.GetAttribute(CONFIDENCE_ATTRIBUTE) or 1.0)))
    except ValueError:
        confidence = 1.0
    degraded = source == "auto" and volume.GetAttribute(IMAGE_ATTRIBUTE) == DEGRADED_IMAGE
    at_edge = source == "auto" and volume.GetAttribute(TURN_ATTRIBUTE) == UNSEEN_TURN
    return Keyframe(phase, frame, float(times[frame]), confidence, source, at_edge, degraded=degraded)


def _set(volume: Any, attribute: str, value: str | None) -> bool:
    """True if that changed the attribute; None removes it."""
    if volume.GetAttribute(attribute) == value:
        return False
    if value is None:
        volume.RemoveAttribute(attribute)
    else:
        volume.SetAttribute(attribute, value)
    return True
