"""A network and the motion curve, each where the other is weak."""

from __future__ import annotations

import numpy as np

from ..cine.cine import Cine
from ..cine.sector import Sector
from .decode import beat_length
from .detector import Detector, Progress
from .keyframes import Curves

PLAUSIBLE_BEAT = (0.27, 1.9)
"""Seconds: 222 to 32 beats per minute. A beat outside it speaks against the file's frame rate, not for such a heart."""

USUAL_BEAT = 0.9
"""Seconds that a beat is taken to last where the frame rate cannot be believed."""

MOTION_SHARE = 0.15
"""Part of the progress that the motion detector takes."""


class FusedDetector:
    """Mean of the curves of a network and of the motion detector, taken before decoding.

    The motion detector never looks at frame times. Where the beat that it sees would be implausible at the file's
    frame rate (a replay at half speed, say), the network, which chooses its stride by that rate, is given one at which
    the beat is usual. Where the motion detector sees no rhythm at all, the network decides alone.
    """

    def __init__(self, motion: Detector, network: Detector) -> None:
        self.motion, self.network = motion, network
        self.name = f"{network.name} + {motion.name}"
        self.device = network.device

    def curves(self, cine: Cine, sector: Sector, progress: Progress | None = None) -> Curves:
        """ED and ES probability of every frame. Raises what either detector raises."""
        motion = self.motion.curves(cine, sector, _part(progress, 0.0, MOTION_SHARE))
        network = self.network.curves(at_plausible_rate(cine, motion), sector, _part(progress, MOTION_SHARE, 1.0))
        if not motion.probability.any():
            probability = network.probability
        else:
            probability = (motion.probability + network.probability) / 2
        return Curves(np.asarray(probability, np.float32), cine.times, self.name)


def at_plausible_rate(cine: Cine, motion: Curves) -> Cine:
    """The cine as it is, or at a rate at which the beat of the motion detector's curves is usual, if it was not."""
    if len(cine) < 3 or not motion.probability.any():
        return cine
    beat = beat_length(motion)
    if PLAUSIBLE_BEAT[0] <= beat <= PLAUSIBLE_BEAT[1]:
        return cine
    return cine.with_fps(cine.fps * beat / USUAL_BEAT)


def _part(progress: Progress | None, start: float, end: float) -> Progress | None:
    """Progress of one detector as part of the whole."""
    if progress is None:
        return None
    return lambda fraction: progress(start + (end - start) * fraction)
