"""Where a displacement curve turns: ED at its tops, ES at its bottoms, also just outside the clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .keyframes import Phase
from .rhythm import beat_length, level
from .smoothing import smooth

SMOOTHING = 0.02
"""Sigma of the smoothing in beats: a fifth of the shortest phase, the isovolumic ones."""

LEAST_SMOOTHING = 0.6
"""The same in frames: rounds off what a single frame adds, and no more."""

LEAST_REVERSAL = 0.4
"""The curve must come back by this share of its swing for a top to be a beat's: the dip between early (E) and atrial
(A) filling stays below, the smallest beats of atrial fibrillation lie above."""

SEEN_REVERSAL = 0.06
"""At the clip's ends a top counts as seen if the curve comes back by this share of its swing."""

PLATEAU = 0.015
"""Still at the top: within this share of the swing that follows. ED and ES are the moments at which the ventricle sets
off, not the middle of a flat stretch (diastasis in atrial fibrillation, isovolumic relaxation)."""

INFERRED = 0.85
"""Certainty of an extremum that lies where the rhythm puts it, at or beyond the clip's end, but is not seen."""

SYSTOLE = 0.4
"""Share of the beat from ED to ES, where a clip shows too little to tell."""


@dataclass(frozen=True)
class TurningPoint:
    """An extremum of the displacement.

    frame: fractional, below 0 or beyond the last frame where the extremum lies outside the clip.
    certainty: in ``[0, 1]``.
    """

    phase: Phase
    frame: float
    certainty: float


def turning_points(displacement: np.ndarray) -> tuple[list[TurningPoint], float]:
    """All ED and ES of a displacement curve ``[T]`` that is high at ED, and the length of a beat in frames.

    Nothing here knows the frame rate: the beat is measured in frames, on the curve itself.
    """
    beat = beat_length(displacement)
    sigma = max(LEAST_SMOOTHING, SMOOTHING * beat) if beat else LEAST_SMOOTHING
    curve = level(smooth(displacement, sigma), beat)
    swing = float(np.percentile(curve, 95) - np.percentile(curve, 5))
    if swing <= 0:
        return [], float(len(curve))
    extrema = _alternating_extrema(curve, LEAST_REVERSAL * swing)
    if not extrema:
        return [], float(len(curve))
    frames = _ends_of_plateaus(curve, extrema)
    phases = [phase for _, phase in extrema]
    beat = beat or _beat_from_extrema(frames, phases, len(curve))
    swings = np.abs(np.diff([curve[i] for i, _ in extrema]))
    points = []
    for j, phase in enumerate(phases):
        if 0 < j < len(extrema) - 1:
            certainty = min(swings[j - 1], swings[j]) / (0.7 * np.median(swings))
            points.append(TurningPoint(phase, float(frames[j]), min(1.0, float(certainty))))
        else:
            points.append(_at_end(curve, swing, [i for i, _ in extrema], frames, phases, j, beat))
    return points, beat


def _alternating_extrema(curve: np.ndarray, reversal: float) -> list[tuple[int, Phase]]:
    """Tops (ED) and bottoms (ES) in turn, each followed by a way back of at least ``reversal``; the last one as far as
    it got. Empty if the curve never moves that far."""
    extrema: list[tuple[int, Phase]] = []
    top = bottom = 0
    falling = rising = False
    for i in range(1, len(curve)):
        if not falling and curve[i] > curve[top]:
            top = i
        if not rising and curve[i] < curve[bottom]:
            bottom = i
        if not falling and curve[i] < curve[top] - reversal:
            extrema.append((top, Phase.ED))
            falling, rising, bottom = True, False, i
        elif not rising and curve[i] > curve[bottom] + reversal:
            extrema.append((bottom, Phase.ES))
            falling, rising, top = False, True, i
    if falling or rising:
        extrema.append((bottom, Phase.ES) if falling else (top, Phase.ED))
    return extrema


def _ends_of_plateaus(curve: np.ndarray, extrema: list[tuple[int, Phase]]) -> list[float]:
    """For each extremum the moment, in fractional frames, at which the curve leaves it."""
    nexts = [i for i, _ in extrema[1:]] + [len(curve) - 1]
    ends = []
    for (i, _), following in zip(extrema, nexts, strict=True):
        away = np.abs(curve[i : following + 1] - curve[i])
        least = PLATEAU * away[-1]
        left = np.flatnonzero(away > least)
        if not len(left):
            ends.append(float(i))
            continue
        before, after = away[left[0] - 1], away[left[0]]
        ends.append(i + float(left[0]) - 1 + float((least - before) / (after - before)))
    return ends


def _beat_from_extrema(frames: list[float], phases: list[Phase], count: int) -> float:
    """Beat in frames where autocorrelation finds none: between two of a kind, else from the length of one phase."""
    if len(frames) >= 3:
        return float(np.median(np.subtract(frames[2:], frames[:-2])))
    if len(frames) == 2 and frames[1] > frames[0]:
        return (frames[1] - frames[0]) / (SYSTOLE if phases[0] is Phase.ED else 1 - SYSTOLE)
    return float(count)


def _at_end(
    curve: np.ndarray,
    swing: float,
    extrema: list[int],
    frames: list[float],
    phases: list[Phase],
    j: int,
    beat: float,
) -> TurningPoint:
    """First or last extremum: seen if the curve turns there, else placed by the rhythm, else judged by its speed."""
    first = j == 0
    beyond = curve[: extrema[j] + 1] if first else curve[extrema[j] :]
    if np.abs(beyond - curve[extrema[j]]).max() > SEEN_REVERSAL * swing:
        return TurningPoint(phases[j], float(frames[j]), 1.0)
    gap = _expected_gap(frames, phases, beat, first)
    if gap is None:
        return TurningPoint(phases[j], float(frames[j]), _standstill(curve, round(frames[j])))
    expected = frames[1] - gap if first else frames[-2] + gap
    outside = expected < 0 or expected > len(curve) - 1
    return TurningPoint(phases[j], float(expected if outside else frames[j]), INFERRED if outside else 1.0)


def _expected_gap(frames: list[float], phases: list[Phase], beat: float, first: bool) -> float | None:
    """Usual frames between the extremum at this end and its neighbour, from the phases that the clip shows in full."""
    gaps = np.diff(frames)
    starts = phases[0] if first else phases[-2] if len(phases) > 1 else None
    same = [gaps[k] for k in range(1, len(gaps) - 1) if phases[k] is starts]
    if same:
        return float(np.median(same))
    if len(gaps) >= 3:
        # The neighbouring phase is seen in full, and the two make a beat.
        return beat - float(gaps[1] if first else gaps[-2])
    return None


def _standstill(curve: np.ndarray, frame: int) -> float:
    """1 where the curve stands still, 0 where it is at its fastest: at a turning point the heart stops."""
    speed = np.abs(np.gradient(curve)) if len(curve) > 1 else np.zeros(1)
    return float(1.0 - speed[frame] / speed.max()) if speed.max() > 0 else 0.0
