"""Target curves: what a network should answer for each frame, from the frames at which ED and ES were labelled."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from ...datasets.clip_labels import ClipLabels
from ...datasets.decided import typical_beat
from ...detection.keyframes import Phase

PAPER_SIGMA = 10.0
"""Width of the paper's Gaussians, frames (eq. 1)."""

BEAT_FRACTION = 0.1
"""Width of the beat-relative Gaussians, as a part of the interval between two keyframes of one kind."""


class TargetForm(StrEnum):
    """How wide a target curve's peaks are."""

    PAPER = "paper"
    BEAT = "beat"


def complete_keyframes(ed: Sequence[float], es: Sequence[float], n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Add virtual keyframes just outside the clip, so that the curves are right at both of its ends.

    ed, es: labelled positions in frames, ascending; those already outside ``[0, n_frames - 1]`` are kept as they are.
    The beat repeats at its nearest labelled length; where one phase has a single keyframe, at the other's; where both
    have, at 2.5 times systole or 5/3 of diastole. Raises ValueError where either phase has no keyframe at all, since
    nothing then says where it would lie.
    """
    ed, es = np.asarray(ed, float), np.asarray(es, float)
    if not len(ed) or not len(es):
        raise ValueError("target curves need at least one ED and one ES, inside the clip or just outside it")
    typical = typical_beat(float(es[0] - ed[0]))
    return (
        _extend(ed, _beat_lengths(ed, es, typical), n_frames),
        _extend(es, _beat_lengths(es, ed, typical), n_frames),
    )


def decided_stretches(labels: ClipLabels, n_frames: int) -> list[tuple[slice, np.ndarray, np.ndarray]]:
    """The stretches of a clip in which its target curves are known, each with ED and ES completed for it alone.

    Where all beats are labelled that is the whole clip. A stretch without a keyframe of either phase says nothing about
    the beat's length and is left out. Raises ValueError as ``complete_keyframes`` where all beats are labelled.
    """
    if labels.decided is None:
        return [(slice(0, n_frames), *complete_keyframes(labels.ed, labels.es, n_frames))]
    found = []
    for first, last in labels.decided:
        part, length = labels.within((first, last)), min(last, n_frames - 1) - first + 1
        if part.ed and part.es and length > 0:
            # A stretch is a clip of its own: beyond it the beat repeats, whatever is labelled further off.
            ed, es = complete_keyframes(part.of(Phase.ED) - first, part.of(Phase.ES) - first, length)
            found.append((slice(first, first + length), ed + first, es + first))
    return found


def _beat_lengths(own: np.ndarray, other: np.ndarray, typical: float) -> tuple[float, float]:
    """Length of the first and of the last beat in frames, from keyframes of the same phase or else of the other."""
    for events in (own, other):
        if len(events) > 1:
            gaps = np.diff(events)
            return float(gaps[0]), float(gaps[-1])
    return typical, typical


def _extend(events: np.ndarray, lengths: tuple[float, float], n_frames: int) -> np.ndarray:
    before, after = events[0] - lengths[0], events[-1] + lengths[1]
    first = [before] if events[0] >= 0 else []
    last = [after] if events[-1] <= n_frames - 1 else []
    return np.concatenate([first, events, last])


def paper_curve(positions: np.ndarray, events: np.ndarray, sigma: float = PAPER_SIGMA) -> np.ndarray:
    """Eq. 1: a Gaussian of peak 1 at each keyframe, up to halfway to the next keyframe of the same kind.

    positions: float ``[n]``, where the curve is wanted. events: ascending keyframes, virtual ones included.
    Both, and ``sigma``, in frames (or all in seconds). Returns float32 ``[n]`` in ``(0, 1]``.
    """
    distance = np.abs(np.asarray(positions, float)[:, None] - np.asarray(events, float)[None, :]).min(1)
    return np.exp(-0.5 * (distance / sigma) ** 2).astype(np.float32)


def beat_curve(positions: np.ndarray, events: np.ndarray, fraction: float = BEAT_FRACTION) -> np.ndarray:
    """Like ``paper_curve``, but on each side as wide as ``fraction`` of the interval to the next keyframe there.

    Before the first and beyond the last keyframe the nearest interval counts. Needs two keyframes (ValueError).
    The curve does not change with heart rate or frame rate, and reaches nearly zero (4e-6) between two keyframes.
    """
    positions, events = np.asarray(positions, float), np.asarray(events, float)
    if len(events) < 2:
        raise ValueError("a beat-relative curve needs two keyframes of a kind; add virtual ones first")
    left = np.clip(np.searchsorted(events, positions, side="right") - 1, 0, len(events) - 2)
    start, end = events[left], events[left + 1]
    distance = np.minimum(np.abs(positions - start), np.abs(end - positions))
    return np.exp(-0.5 * (distance / (fraction * (end - start))) ** 2).astype(np.float32)


def target_curves(positions: np.ndarray, ed: np.ndarray, es: np.ndarray, form: TargetForm) -> np.ndarray:
    """Both curves, float32 ``[n, 2]`` (ED, ES), at ``positions``; all in frames of the clip, keyframes completed.

    A window taken with a stride samples the clip's own curve, so ``PAPER_SIGMA`` always counts frames of the clip.
    """
    curve = paper_curve if form is TargetForm.PAPER else beat_curve
    return np.stack([curve(positions, ed), curve(positions, es)], axis=-1)
