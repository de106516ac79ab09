"""A network and the motion curve, each where the other is weak."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeGuard

import numpy as np

from ..cine.cine import Cine
from ..cine.sector import Sector
from .confidence import FUSED, Worth
from .decode import beat_length
from .detector import Detector, Progress
from .hypothesis import Hypothesis, alike, network_is_likelier
from .keyframes import Curves
from .motion import FRAME_SIZE, MotionDetector
from .network import NetworkDetector

SHORTEST_BEAT = 0.27
"""Seconds: 222 beats per minute. A shorter beat speaks against the file's frame rate, not for such a heart. There is no
longest one: the network bears a rate that is too low (in 44 simulated clips, a quarter of the true rate cost no
keyframe more than the true one), while the rhythm of atrial fibrillation may look several times slower than it is."""

USUAL_BEAT = 0.9
"""Seconds that a beat is taken to last where the frame rate cannot be believed."""

LEAST_ALIKE = 0.6
"""Share of keyframes in common from which the mean of both curves is taken. On 400 simulated clips, seen by three
networks, nothing from never to 0.5 loses less than this."""

CONTRADICTION = "network and motion contradict each other on this loop; check its keyframes"

MOTION_SHARE = 0.15
"""Part of the progress that the motion detector takes."""


class FusedDetector:
    """Mean of the curves of a network and of the motion detector, taken before decoding, or one of the two.

    The motion detector never looks at frame times. Where the beat that it sees would be implausibly short at the
    file's frame rate, the network, which chooses its stride by that rate, is given one at which the beat is usual.
    Where the motion detector sees no rhythm at all, the network decides alone. Where the two tell different beats, a
    warning says so and the likelier sequence is taken whole (``hypothesis``): a mean would be a rhythm that neither
    saw.
    """

    def __init__(self, motion: Detector, network: Detector) -> None:
        self.motion, self.network = motion, network
        self.name = f"{network.name} + {motion.name}"
        self.device = network.device
        self.runtime = getattr(network, "runtime", None)

    def curves(self, cine: Cine, sector: Sector, progress: Progress | None = None) -> Curves:
        """ED and ES probability of every frame. Raises what either detector raises."""
        first, rest = _part(progress, 0.0, MOTION_SHARE), _part(progress, MOTION_SHARE, 1.0)
        if isinstance(self.motion, MotionDetector) and _sees_the_same(self.network):
            seen = self.network.look(cine, sector, first)
            motion = self.motion.curves_of(seen.motion, cine)
            network = self.network.curves_of(seen, at_plausible_rate(cine, motion), rest)
        else:
            motion = self.motion.curves(cine, sector, first)
            network = self.network.curves(at_plausible_rate(cine, motion), sector, rest)
        if not motion.probability.any():
            return replace(network, times=cine.times, detector=self.name, worth=Worth(FUSED, others=()))
        seen_by_network = Hypothesis(replace(network, times=cine.times))
        chosen, contradicted = _fused(Hypothesis(motion), seen_by_network)
        warnings = (CONTRADICTION,) if contradicted else ()
        worth = Worth(FUSED, others=tuple(seen_by_network.keyframes))
        return replace(chosen, detector=self.name, warnings=warnings, quality=None, worth=worth)


def _fused(motion: Hypothesis, network: Hypothesis) -> tuple[Curves, bool]:
    """The mean of the curves, or those of the likelier sequence where the two contradict each other, and whether they
    do."""
    mean = (motion.curves.probability + network.curves.probability) / 2
    both = Curves(np.asarray(mean, np.float32), motion.curves.times, motion.curves.detector)
    if alike(motion, network) >= LEAST_ALIKE:
        return both, False
    chosen = network if network_is_likelier(network, motion) else motion
    return chosen.curves, bool(motion.keyframes and network.keyframes)


def _sees_the_same(network: Detector) -> TypeGuard[NetworkDetector]:
    """Whether it looks at the prepared frames of the motion detector, so that their optical flow is computed once."""
    return isinstance(network, NetworkDetector) and network.runner.uses_motion and network.config.size == FRAME_SIZE


def at_plausible_rate(cine: Cine, motion: Curves) -> Cine:
    """The cine as it is, or at a rate at which the motion detector's beat is usual, if it was too short to be true."""
    if cine.fps is None or len(cine) < 3 or not motion.probability.any():
        return cine
    beat = beat_length(motion)
    if beat >= SHORTEST_BEAT:
        return cine
    return cine.with_fps(cine.fps * beat / USUAL_BEAT)


def _part(progress: Progress | None, start: float, end: float) -> Progress | None:
    """Progress of one detector as part of the whole."""
    if progress is None:
        return None
    return lambda fraction: progress(start + (end - start) * fraction)
