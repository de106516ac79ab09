"""Whether an adapted network is kept: it must do no worse on cines held back and on simulated clips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn
from tqdm import tqdm

from ...detection.decode import beat_length, decode_beats
from ...detection.keyframes import Keyframe, Phase
from ...detection.network import NetworkDetector
from ..stores.clip_store import ClipStore, StoredClip
from .observed_cine import ObservedCine, agreements, network_curves, share_agreed
from .pseudo_labels import TOLERANCE, pair

LESS_AGREEMENT, LESS_FOUND, FARTHER = 0.02, 0.01, 0.05
"""What passes as chance: part of the keyframes, part of the keyframes, frames."""


@dataclass(frozen=True)
class Check:
    """How a network does.

    agreement: with motion on cines held back, part of the keyframes that either names. found: F1 of the keyframes of
    simulated clips. frames_off: mean distance in frames of those that were found.
    """

    agreement: float
    found: float
    frames_off: float

    def worse_than(self, before: Check) -> list[str]:
        """What became worse by more than chance, each in a few words; empty where nothing did."""
        worse = []
        if self.agreement < before.agreement - LESS_AGREEMENT:
            worse.append(f"agreement on held-back cines {before.agreement:.2f} -> {self.agreement:.2f}")
        if self.found < before.found - LESS_FOUND:
            worse.append(f"F1 on simulated clips {before.found:.3f} -> {self.found:.3f}")
        if not self.frames_off <= before.frames_off + FARTHER:
            worse.append(f"frames off on simulated clips {before.frames_off:.2f} -> {self.frames_off:.2f}")
        return worse


def check(
    network: nn.Module, held_back: Sequence[ObservedCine], simulated: ClipStore, device: str, progress: bool
) -> Check:
    """Measure a network on cines held back and on labelled, simulated clips that it does not learn from."""
    agreement = share_agreed(agreements(network, held_back, device, progress))
    detector = NetworkDetector.in_torch(network, "network", device)
    distances: list[float] = []
    named = 0
    bar = tqdm(range(len(simulated)), desc="check", unit="clip", disable=None if progress else True, leave=False)
    for number in bar:
        clip = simulated[number]
        curves = network_curves(detector, clip)
        found, true = decode_beats(curves), _labelled(clip)
        distances += [
            abs(a.frame - b.time * clip.fps) for a, b in pair(found, true, TOLERANCE * beat_length(curves))
        ]
        named += len(found) + len(true)
    return Check(agreement, 2 * len(distances) / max(1, named), float(np.mean(distances)) if distances else math.nan)


def _labelled(clip: StoredClip) -> list[Keyframe]:
    """The keyframes of a labelled clip that lie inside it."""
    last = len(clip.frames) - 1
    return [
        Keyframe(phase, round(frame), frame / clip.fps)
        for phase in Phase
        for frame in clip.labels.of(phase).tolist()
        if 0 <= frame <= last
    ]
