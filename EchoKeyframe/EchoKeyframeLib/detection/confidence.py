"""A keyframe's confidence as the share of such keyframes that are right.

Right is what lies within ``WITHIN_FRAMES`` frame or ``WITHIN_SECONDS``, whichever is more, of the labelled one. The
weights are logistic regressions over the keyframes that the shipped detectors found in 400 simulated clips with every
part of the simulator; Docs/experiments.md has the tables by tenths, of simulated and of real loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .keyframes import Keyframe

WITHIN_FRAMES, WITHIN_SECONDS = 1.0, 0.040
FARTHEST = 4.0
"""In units of the above: farther apart is no worse."""


@dataclass(frozen=True)
class Reliability:
    """What the height of a detector's keyframes is worth, in log odds.

    base: at height 0. height: for a height of 1, as the decoder gives it. apart: for each ``WITHIN`` that the nearest
    keyframe of the same kind among those of another detector is away. alone: where there is no other to compare with.
    """

    base: float
    height: float
    apart: float = 0.0
    alone: float = 0.0

    def of(self, keyframe: Keyframe, interval: float, others: Sequence[Keyframe] | None) -> float:
        """Confidence in [0, 1]. interval: s between frames. others: of the other detector, none where it
        cannot be compared with, None where it is not asked."""
        odds = self.base + self.height * keyframe.confidence
        if others is not None:
            same = [abs(other.time - keyframe.time) for other in others if other.phase is keyframe.phase]
            unit = max(WITHIN_FRAMES * interval, WITHIN_SECONDS)
            odds += self.apart * min(min(same, default=np.inf) / unit, FARTHEST) if others else self.alone
        return float(1 / (1 + np.exp(-odds)))


NETWORK = Reliability(base=-0.03, height=3.4)
MOTION = Reliability(base=-0.01, height=2.9)
FUSED = Reliability(base=1.32, height=1.6, apart=-0.69, alone=-0.6)


@dataclass(frozen=True, eq=False)
class Worth:
    """How a clip's keyframes are to be rated. others: see ``Reliability.of``."""

    reliability: Reliability
    others: tuple[Keyframe, ...] | None = None


def rated(keyframes: Sequence[Keyframe], worth: Worth | None, times: np.ndarray) -> list[Keyframe]:
    """Keyframes with the decoder's height replaced by a confidence; as they are where nothing is known of it.

    times: float64 ``[T]`` s of the clip.
    """
    if worth is None or len(times) < 2:
        return list(keyframes)
    interval = float(np.median(np.diff(times)))
    return [replace(k, confidence=round(worth.reliability.of(k, interval, worth.others), 4)) for k in keyframes]
