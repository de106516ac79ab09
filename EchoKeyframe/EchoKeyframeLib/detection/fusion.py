"""A network and the motion curve, each where the other is weak."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeGuard

import numpy as np

from ..cine.cine import Cine
from ..cine.sector import Sector
from .decode import beat_length
from .detector import Detector, Progress
from .keyframes import Curves
from .motion import FRAME_SIZE, MotionDetector
from .network import NetworkDetector

SHORTEST_BEAT = 0.27
"""Seconds: 222 beats per minute. A shorter beat speaks against the file's frame rate, not for such a heart. There is no
longest one: the network bears a rate that is too low (in 44 simulated clips, a quarter of the true rate cost no
keyframe more than the true one), while the rhythm of atrial fibrillation may look several times slower than it is."""

USUAL_BEAT = 0.9
"""Seconds that a beat is taken to last where the frame rate cannot be believed."""

LEAST_AGREEMENT = 0.2
"""Correlation of the two detectors' ED minus ES, below which they contradict each other: one of them takes ED for ES,
or sees another rhythm. Usual is 0.8 to 0.95."""

SURE_PEAK = 0.83
"""Height of a network's usual peaks from which it is followed where motion contradicts it. On loops such as it learned
from it was right then (5 of 5 in 200 simulated clips, peaks from 0.86); on loops upside down it was mostly the worse of
the two, but never so sure (29 contradictions in 60 simulated clips, peaks up to 0.80)."""

CONTRADICTION = "network and motion contradict each other on this loop; check its keyframes"

MOTION_SHARE = 0.15
"""Part of the progress that the motion detector takes."""


class FusedDetector:
    """Mean of the curves of a network and of the motion detector, taken before decoding.

    The motion detector never looks at frame times. Where the beat that it sees would be implausibly short at the
    file's frame rate, the network, which chooses its stride by that rate, is given one at which the beat is usual.
    Where the motion detector sees no rhythm at all, the network decides alone. Where the two contradict each other, a
    warning says so, and the network decides alone if it is as sure as it usually is.
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
            return replace(network, times=cine.times, detector=self.name)
        contradicted = agreement(motion, network) < LEAST_AGREEMENT
        warnings = (CONTRADICTION,) if contradicted else ()
        if contradicted and usual_peak(network) >= SURE_PEAK:
            return replace(network, times=cine.times, detector=self.name, warnings=warnings)
        probability = (motion.probability + network.probability) / 2
        return Curves(np.asarray(probability, np.float32), cine.times, self.name, warnings)


def _sees_the_same(network: Detector) -> TypeGuard[NetworkDetector]:
    """Whether it looks at the prepared frames of the motion detector, so that their optical flow is computed once."""
    return isinstance(network, NetworkDetector) and network.runner.uses_motion and network.config.size == FRAME_SIZE


def agreement(one: Curves, other: Curves) -> float:
    """Correlation over frames of ED minus ES in the curves of two detectors, in [-1, 1]; 0 where one never moves."""
    signals = [curves.ed.astype(np.float64) - curves.es for curves in (one, other)]
    if min(np.ptp(signal) for signal in signals) < 1e-6:
        return 0.0
    return float(np.corrcoef(*signals)[0, 1])


def usual_peak(curves: Curves) -> float:
    """Height in [0, 1] that both curves reach at their keyframes, single higher frames left out."""
    return float(np.quantile(curves.probability, 0.97, axis=0).min())


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
