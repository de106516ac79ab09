"""From probability curves to keyframes: the paper's local maxima, or one dynamic program that knows the heart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import rhythm
from .keyframes import Curves, Keyframe, Phase
from .smoothing import smooth

LEAST_PROMINENCE = 0.05
"""Ripple on a curve below this is not a candidate for a keyframe (curves swing by almost 1 within a beat)."""

EVENT_COST = 0.35
"""A candidate must stand out by this share of the clip's usual peak to be worth a place in the sequence."""

SKIP_COST = 0.5
"""Two keyframes of one kind in a row, the other between them unseen (a degraded image), cost this much."""

EDGE_SHARE = 0.8
"""A curve that runs into the clip's end counts as a keyframe there from this share of the usual peak. For a bump of
sigma = 0.1 beat, the peak itself then lies at most 0.07 beat outside."""

SEEN_FALL = 0.8
"""A turning point is seen where the curve falls to this share of the peak on both sides inside the clip. For a bump of
sigma = 0.1 beat that is from 0.07 beat off the clip's end: nearer to it, nobody saw the heart move the other way."""

SYSTOLE_SECONDS, DIASTOLE_SECONDS = (0.10, 0.75), (0.08, 2.5)
"""Plausible lengths of ED to ES and of ES to ED from 25 to 180 beats per minute, with room for a wrong frame rate."""

SYSTOLE_SHARE, DIASTOLE_SHARE = (0.18, 0.75), (0.22, 1.7)
"""The same as shares of the clip's own beat; the upper one of diastole leaves room for the pause after an ectopic."""


@dataclass(frozen=True)
class _Candidate:
    phase: Phase
    frame: int
    height: float  # on the smoothed curve, as a share of the curve's usual peak
    prominence: float  # likewise
    at_edge: bool  # see Keyframe


def decode_maxima(curves: Curves, prominence: float = LEAST_PROMINENCE) -> list[Keyframe]:
    """Every local maximum of either curve, each for itself (the paper, fig. 6).

    ``prominence`` in [0, 1] keeps out ripple, of which the paper says nothing; likewise the clip's first and last frame
    count only from half the curve's greatest value. The confidence is the curve's value.
    """
    keyframes = []
    for phase in Phase:
        curve = curves.of(phase)
        for frame, _, cut_off in _maxima(curve, prominence):
            if cut_off and curve[frame] < 0.5 * curve.max():
                continue
            at_edge = not _turn_is_seen(curve, frame)
            keyframes.append(
                Keyframe(phase, frame, float(curves.times[frame]), float(curve[frame]), at_edge=at_edge)
            )
    return sorted(keyframes, key=lambda k: (k.frame, k.phase))


def decode_beats(curves: Curves) -> list[Keyframe]:
    """The most plausible sequence of keyframes of the whole clip, in time order.

    Maxima of both curves are candidates. Dynamic programming chooses the sequence with the greatest sum of peak heights
    less the cost of implausible intervals: ED and ES alternate, systole and diastole have lengths that fit a heart and
    this clip's own beat. Limits are wide and soft, so that atrial fibrillation and ectopic beats pass, and relative to
    the beat, so that a wrong frame rate does little harm. An irregular rhythm may hide the beat's length from the
    autocorrelation, so the usual distance between peaks is tried beside it.

    The confidence in [0, 1] is the height of the peak on its curve, times how far it stands out from its surroundings,
    times the plausibility of the intervals on both sides; half of that where the peak may lie outside the clip.
    """
    if len(curves.times) < 3:
        return []
    interval = float(np.median(np.diff(curves.times)))
    beat = beat_length(curves)
    # Capped: an irregular rhythm may be taken for a far longer beat, and bumps are to stay apart.
    candidates = _candidates(curves, smoothing=min(0.02 * beat / interval, 1.5))
    if not candidates:
        return []
    lengths = [beat, *_usual_distance(candidates, curves.times)]
    _, chosen, gaps = max((_best_sequence(candidates, curves.times, b) for b in lengths), key=lambda found: found[0])
    keyframes = []
    for i, candidate in enumerate(chosen):
        plausibility = float(np.exp(-max(gaps[i], gaps[i + 1])))
        value = min(1.0, float(curves.of(candidate.phase)[candidate.frame]))
        confidence = value * min(1.0, candidate.prominence) * plausibility * (0.5 if candidate.at_edge else 1.0)
        time = float(curves.times[candidate.frame])
        keyframes.append(
            Keyframe(candidate.phase, candidate.frame, time, round(confidence, 4), at_edge=candidate.at_edge)
        )
    return keyframes


def beat_length(curves: Curves) -> float:
    """Length of a beat in s at the cine's frame times, from the rhythm of ED minus ES.

    Where the clip is too short or too irregular to tell, the distance between the highest ED and ES decides, and
    failing that 0.9 s.
    """
    signal = curves.ed.astype(np.float64) - curves.es
    if np.ptp(signal) < 1e-3:
        return 0.9
    frames = rhythm.beat_length(signal)
    if frames is not None:
        return frames * float(np.median(np.diff(curves.times)))
    ed, es = int(np.argmax(curves.ed)), int(np.argmax(curves.es))
    half = abs(curves.times[ed] - curves.times[es])
    # Systole takes a third to a half of a beat, diastole the rest.
    return float(np.clip(half / (0.4 if ed < es else 0.6), 0.35, 2.0)) if half > 0 else 0.9


def _maxima(curve: np.ndarray, prominence: float) -> list[tuple[int, float, bool]]:
    """Local maxima as (frame, prominence, cut_off); first and last frame count where the curve falls away from them.

    A flat top counts once, at its middle; it is cut off if it reaches the clip's first or last frame.
    """
    padded = np.concatenate([[-1.0], curve.astype(np.float64), [-1.0]])
    maxima = []
    for first, last in zip(*(indices.tolist() for indices in rhythm.tops(padded)), strict=True):
        frame = (first + last) // 2 - 1
        stands_out = _prominence(curve, frame)
        if stands_out >= prominence:
            maxima.append((frame, stands_out, first == 1 or last == len(curve)))
    return maxima


def _turn_is_seen(curve: np.ndarray, frame: int) -> bool:
    """Whether the curve falls away from a peak on both sides, by enough to tell, before the clip ends."""
    sides = (curve[:frame], curve[frame + 1 :])
    return all(len(side) > 0 and side.min() <= SEEN_FALL * curve[frame] for side in sides)


def _prominence(curve: np.ndarray, frame: int) -> float:
    """Height above the higher of the valleys that part a peak from higher ground; above all else for the highest peak.

    Unlike scipy's, the stretch between a peak and the clip's end does not count as a valley: a keyframe right behind
    the clip's start stands out as much as any other.
    """
    valleys = []
    for side in (curve[:frame][::-1], curve[frame + 1 :]):
        higher = np.flatnonzero(side > curve[frame])
        if len(higher):
            valleys.append(float(side[: higher[0] + 1].min()))
    return float(curve[frame] - (max(valleys) if valleys else curve.min()))


def _candidates(curves: Curves, smoothing: float) -> list[_Candidate]:
    candidates = []
    for phase in Phase:
        curve = smooth(curves.of(phase), max(smoothing, 0.3))
        maxima = _maxima(curve, LEAST_PROMINENCE)
        if not maxima:
            continue
        heights = [curve[frame] for frame, _, cut_off in maxima if not cut_off] or [curve[maxima[0][0]]]
        usual = float(np.median([h for h in heights if h >= 0.6 * max(heights)]))
        for frame, prominence, cut_off in maxima:
            if cut_off and curve[frame] < EDGE_SHARE * usual:
                continue
            at_edge = not _turn_is_seen(curve, frame)
            candidates.append(_Candidate(phase, frame, float(curve[frame]) / usual, prominence / usual, at_edge))
    return sorted(candidates, key=lambda c: (c.frame, c.phase))


def _usual_distance(candidates: list[_Candidate], times: np.ndarray) -> list[float]:
    """Median distance in s between neighbouring tall peaks of one phase; empty where no phase has two."""
    distances: list[float] = []
    for phase in Phase:
        at = [times[c.frame] for c in candidates if c.phase is phase and c.height >= 0.6]
        distances.extend(np.diff(at))
    return [float(np.median(distances))] if distances else []


def _best_sequence(
    candidates: list[_Candidate], times: np.ndarray, beat: float
) -> tuple[float, list[_Candidate], list[float]]:
    """Score, the chosen candidates, the implausibility of the gaps before, between and behind them (0 at the ends)."""
    at = [float(times[c.frame]) for c in candidates]
    worth = [min(c.height, 1.2) * min(1.0, 0.3 + c.prominence) - EVENT_COST for c in candidates]
    best, came_from, gap_cost = list(worth), [-1] * len(candidates), [0.0] * len(candidates)
    oldest = 0
    for j, candidate in enumerate(candidates):
        while at[j] - at[oldest] > 4 * beat:
            oldest += 1
        for i in range(oldest, j):
            gap = at[j] - at[i]
            if gap <= 0:
                continue
            cost = _gap_cost(candidates[i].phase, candidate.phase, gap, beat)
            score = best[i] + worth[j] - cost
            if score > best[j]:
                best[j], came_from[j], gap_cost[j] = score, i, cost
        # A pause so long that nothing before it is in reach: the sequence goes on all the same.
        if came_from[j] < 0 and oldest > 0:
            before = max(range(oldest), key=best.__getitem__)
            if best[before] > 0:
                best[j], came_from[j], gap_cost[j] = best[before] + worth[j], before, 0.0
    j = int(np.argmax(best))
    score = best[j]
    if score <= 0:
        return 0.0, [], [0.0]
    chosen, gaps = [], [0.0]
    while j >= 0:
        chosen.append(candidates[j])
        gaps.append(gap_cost[j] if came_from[j] >= 0 else 0.0)
        j = came_from[j]
    return score, chosen[::-1], gaps[::-1]


def _gap_cost(before: Phase, after: Phase, gap: float, beat: float) -> float:
    """How implausible it is that these two keyframes follow each other ``gap`` s apart; 0 for what is usual."""
    if before is after:
        return SKIP_COST + _beyond(gap, 0.6 * beat, 2.5 * beat)
    if before is Phase.ED:
        seconds, share = SYSTOLE_SECONDS, SYSTOLE_SHARE
    else:
        seconds, share = DIASTOLE_SECONDS, DIASTOLE_SHARE
    # Seconds count half: they depend on a frame rate that the file may have wrong.
    return _beyond(gap, share[0] * beat, share[1] * beat) + 0.5 * _beyond(gap, *seconds)


def _beyond(value: float, low: float, high: float) -> float:
    """0 between the limits; outside, four times the squared logarithm of the ratio to the nearer one."""
    ratio = low / value if value < low else value / high
    return 4.0 * float(np.log(ratio)) ** 2 if ratio > 1 else 0.0
