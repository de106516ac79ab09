"""Keyframes of unlabelled cines, from what two independent detectors agree on.

The motion detector knows nothing of looks and was never trained; a network knows nothing of the motion detector. Where
both name the same keyframes in a row they are rarely wrong together, and the mean of their frames is nearer to the
truth than either. Everything else stays undecided: training asks nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...datasets.clip_labels import ClipLabels
from ...datasets.decided import spans_between
from ...detection.decode import beat_length, decode_beats
from ...detection.keyframes import Curves, Keyframe, Phase

TOLERANCE = 0.1
"""Largest distance, in beats, between two detections of one keyframe: sigma of the target curves."""

LEAST_CONFIDENCE = 0.3
"""Of either detection: two that agree need less than one alone that is measured on."""

FEWEST_IN_A_ROW = 3
"""Agreed keyframes that follow one another: a whole beat. Two alone agree too often by chance."""


@dataclass(frozen=True)
class Agreement:
    """What two detectors agree on in one cine.

    labels: the agreed keyframes (mean of both, in frames), and the spans of frames that they decide; no span where the
    detectors never agree for a whole beat. beats: whole beats among them. found: keyframes that either named; common:
    those that both did.
    """

    labels: ClipLabels
    beats: int
    found: int
    common: int


def agree(motion: Curves, network: Curves, name: str, fps: float) -> Agreement:
    """Compare the curves of two detectors for one cine of ``fps`` frames per second; ``name`` goes into the labels."""
    interval = float(np.median(np.diff(motion.times)))
    first, second = decode_beats(motion), decode_beats(network)
    # Less than one frame apart is always the same keyframe, however slow the frame rate.
    pairs = pair(first, second, max(TOLERANCE * beat_length(motion), 1.01 * interval))
    sure = [p for p in pairs if all(k.confidence >= LEAST_CONFIDENCE and not k.at_edge for k in p)]
    rows = [row for row in _rows(sure, [*first, *second]) if len(row) >= FEWEST_IN_A_ROW]
    events = [((a.frame + b.frame) / 2, a.phase) for row in rows for a, b in row]
    gaps = {0, *np.cumsum([len(row) for row in rows]).tolist()}
    by_phase = {phase: tuple(frame for frame, of in events if of is phase) for phase in Phase}
    frames = len(motion.times)
    labels = ClipLabels(
        name, by_phase[Phase.ED], by_phase[Phase.ES], frames, fps, None, spans_between(events, gaps, frames)
    )
    beats = sum((len(row) - 1) // 2 for row in rows)
    return Agreement(labels, beats, len(first) + len(second) - len(pairs), len(pairs))


def pair(
    first: list[Keyframe], second: list[Keyframe], tolerance: float
) -> list[tuple[Keyframe, Keyframe]]:
    """Keyframes of one phase that are each other's nearest and at most ``tolerance`` s apart, in time order."""
    pairs = []
    for phase in Phase:
        ours, theirs = ([k for k in keyframes if k.phase is phase] for keyframes in (first, second))
        if not ours or not theirs:
            continue
        distance = np.abs(np.subtract.outer([k.time for k in ours], [k.time for k in theirs]))
        for i, j in enumerate(distance.argmin(1)):
            if distance[i, j] <= tolerance and distance[:, j].argmin() == i:
                pairs.append((ours[i], theirs[j]))
    return sorted(pairs, key=lambda p: p[0].time + p[1].time)


def _rows(pairs: list[tuple[Keyframe, Keyframe]], named: list[Keyframe]) -> list[list[tuple[Keyframe, Keyframe]]]:
    """Pairs that alternate between ED and ES, parted where either detector names another keyframe between two."""
    taken = {(k.phase, k.frame) for p in pairs for k in p}
    doubtful = [k.time for k in named if (k.phase, k.frame) not in taken]
    rows: list[list[tuple[Keyframe, Keyframe]]] = []
    for this in pairs:
        before = rows[-1][-1] if rows else None
        start = None if before is None else max(k.time for k in before)
        end = min(k.time for k in this)
        follows = before is not None and before[0].phase is not this[0].phase and start < end
        if follows and not any(start <= time <= end for time in doubtful):
            rows[-1].append(this)
        else:
            rows.append([this])
    return rows
