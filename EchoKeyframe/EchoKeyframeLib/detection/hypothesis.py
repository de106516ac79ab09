"""What one detector takes a whole clip's beats to be, and what speaks for it.

The weights were fitted, as a logistic regression, on the clips on which network and motion contradict each other among
400 simulated ones with every part of the simulator, each seen by three networks: one that never saw such hearts, one
that saw some and one that saw many (Docs/experiments.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .decode import decode_beats
from .keyframes import Curves, Keyframe, Phase

USUAL_RATE = 75.0
"""Beats per minute; rates are the less likely the farther, in octaves or their parts, they lie from it."""

LIKE = 0.15
"""Share of a beat within which two keyframes of one kind are the same event."""

RATE, RHYTHM, COVERED = -1.4, -2.5, 2.7
PEAK, CONCERT, PRIOR = 4.2, -1.0, -1.9
"""Weights in log odds: of what ``Hypothesis.likelihood`` names, of the network's usual peak and of the motion's
``quality``, and what is left when these are zero."""


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """The sequence of keyframes that a detector's curves decode to."""

    curves: Curves

    @cached_property
    def keyframes(self) -> list[Keyframe]:
        return decode_beats(self.curves)

    @cached_property
    def intervals(self) -> np.ndarray:
        """Seconds between neighbouring keyframes of one kind."""
        return np.concatenate([np.diff([k.time for k in self.keyframes if k.phase is phase]) for phase in Phase])

    @property
    def duration(self) -> float:
        """Of the clip, in s, its last frame included."""
        times = self.curves.times
        return float(times[-1] - times[0] + np.median(np.diff(times)))

    @property
    def beat(self) -> float:
        """Usual length of a beat in s; the whole clip where the sequence shows none."""
        return float(np.median(self.intervals)) if len(self.intervals) else self.duration

    @property
    def likelihood(self) -> float:
        """What speaks for it whichever detector it comes from: a usual rate, a steady rhythm, no stretch without."""
        unusual = abs(float(np.log(60 / self.beat / USUAL_RATE)))
        unsteady = min(1.0, float(np.std(np.log(self.intervals)))) if len(self.intervals) > 1 else 0.0
        covered = min(1.0, len(self.keyframes) * self.beat / 2 / self.duration)
        return RATE * unusual + RHYTHM * unsteady + COVERED * covered


def alike(one: Hypothesis, other: Hypothesis) -> float:
    """Share in [0, 1] of the keyframes of both that the other has as well, within ``LIKE`` of the shorter beat."""
    total = len(one.keyframes) + len(other.keyframes)
    if not total:
        return 1.0
    reach = LIKE * min(one.beat, other.beat)
    shared = sum(
        any(k.phase is o.phase and abs(k.time - o.time) <= reach for o in theirs.keyframes)
        for mine, theirs in ((one, other), (other, one)) for k in mine.keyframes
    )
    return shared / total


def network_is_likelier(network: Hypothesis, motion: Hypothesis) -> bool:
    """Which of two sequences that contradict each other is to be believed."""
    if not network.keyframes or not motion.keyframes:
        return bool(network.keyframes)
    odds = PEAK * usual_peak(network.curves) + CONCERT * (motion.curves.quality or 0.0) + PRIOR
    return odds + network.likelihood - motion.likelihood > 0


def usual_peak(curves: Curves) -> float:
    """Height in [0, 1] that both curves reach at their keyframes, single higher frames left out."""
    return float(np.quantile(curves.probability, 0.97, axis=0).min())
