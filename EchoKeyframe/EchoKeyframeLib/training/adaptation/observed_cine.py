"""Unlabelled cines as two detectors see them: what adaptation learns from and is checked on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import nn
from tqdm import tqdm

from ...cine.sector import whole_frame
from ...detection.fusion import at_plausible_rate
from ...detection.keyframes import Curves
from ...detection.motion import MotionDetector
from ...detection.network import NetworkDetector
from ..stores.clip_store import StoredClip
from .pseudo_labels import Agreement, agree


@dataclass(frozen=True, eq=False)
class ObservedCine:
    """A cine in which the motion detector sees a heart beat: the clip at a plausible rate, and motion's curves."""

    clip: StoredClip
    motion: Curves


def observe(clip: StoredClip) -> ObservedCine | None:
    """Look for motion; None where nothing beats."""
    cine = clip.cine()
    motion = MotionDetector().curves(cine, whole_frame(cine))
    if not motion.probability.any():
        return None
    cine = at_plausible_rate(cine, motion)
    return ObservedCine(replace(clip, fps=cine.fps), replace(motion, times=cine.times))


def network_curves(detector: NetworkDetector, clip: StoredClip) -> Curves:
    """What the network says of a stored clip, whose frames are prepared already."""
    cine = clip.cine()
    return detector.curves(cine, whole_frame(cine))


def agreements(network: nn.Module, cines: Sequence[ObservedCine], device: str, progress: bool) -> list[Agreement]:
    """What the network and motion agree on in each cine."""
    detector = NetworkDetector.in_torch(network, "network", device)
    bar = tqdm(cines, desc="label", unit="cine", disable=None if progress else True, leave=False)
    return [agree(c.motion, network_curves(detector, c.clip), c.clip.labels.file, c.clip.fps) for c in bar]


def share_agreed(found: Sequence[Agreement]) -> float:
    """Part of the keyframes that either detector names which both do, over all cines."""
    return sum(a.common for a in found) / max(1, sum(a.found for a in found))
