"""A loop that was played into another film: frames repeated, blended or frozen, and compressed once more.

Time goes on as it did: a frame shows the heart at most half a frame of the original's rate before or after its own
time, but for the few in which the picture is frozen, so the times of ED and ES stay what they are. A frame's own volume
and valve states are those of what it shows.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .draws import Draws
from .overlays import compress
from .variants import Variants

RATES = (0.5, 0.6, 2 / 3, 0.8, 5 / 6)
"""Common rates of the original over the film's: 30 in 60, 15 in 25, 20 in 30, 24 in 30, 25 in 30 frames/s."""


class Transcoding:
    """What each of the T frames of B clips shows: ``1 - share`` of frame ``one`` and ``share`` of frame ``other``."""

    def __init__(self, draws: Draws, variants: Variants, frames: int) -> None:
        present = variants["transcoding"]
        self.coarse = draws.log_uniform(0.2, 1.2) * present
        plans = [_plan(g, frames) for g in draws.generators]
        chosen, still = present.flatten().tolist(), np.arange(frames)
        one, other = (
            np.stack([plan[k] if c else still for plan, c in zip(plans, chosen, strict=True)]) for k in (0, 1)
        )
        self.one, self.other = torch.from_numpy(one).to(draws.device), torch.from_numpy(other).to(draws.device)
        self.share = draws.tensor(np.stack([share for *_, share in plans])) * present

    def shown(self, values: Tensor) -> Tensor:
        """Frame by frame ``[B, T, ...]`` what is shown of these values; of masks, that of the nearer frame."""
        one, other = (
            torch.stack([clip[frame] for clip, frame in zip(values, frames, strict=True)])
            for frames in (self.one, self.other)
        )
        if values.dtype == torch.bool:
            return torch.where(self.share > 0.5, other, one)
        return torch.lerp(one, other, self.share.expand_as(one))

    def frames(self, frames: Tensor) -> Tensor:
        """``[B, T, S, S]`` in [0, 255] as the film shows it."""
        # Moved, so that the blocks are other ones than the first compression's.
        return compress(self.shown(frames).roll((3, 5), (-2, -1)), self.coarse).roll((-3, -5), (-2, -1))


def _plan(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``one``, ``other`` (int ``[T]``) and ``share`` (``[T]``) of one film."""
    rate, phase = float(rng.choice([*RATES, rng.uniform(0.4, 0.95)])), rng.random()
    original = np.arange(frames) * rate + phase
    blended, frozen = rng.random() < 0.4, rng.random() < 0.3
    before = np.floor(original) if blended else np.round(original)
    share = original - before if blended else np.zeros(frames)
    one, other = (_nearest((number - phase) / rate, frames) for number in (before, before + 1))
    start, length = int(rng.integers(frames)), int(rng.integers(2, 6))
    if frozen:
        one[start : start + length], share[start : start + length] = one[start], 0
    return one, other, share


def _nearest(times: np.ndarray, frames: int) -> np.ndarray:
    return np.clip(np.round(times), 0, frames - 1).astype(int)
