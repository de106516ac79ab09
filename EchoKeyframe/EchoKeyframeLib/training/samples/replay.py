"""A share of other samples among those that are learned from, so that a network does not forget what it knew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from ...simulator.config import PhantomConfig
from ..stores.clip_store import ClipStore
from ..stores.fill_store import simulate_store

FIRST_SEED = 2_000_000
"""Of the clips that are replayed; those that the shipped network learned from begin at 1,000,000."""

REPLAY_SHARE = 0.5
"""Share of replayed samples: half keeps the old clips as well found as before, see Docs/adaptation.md."""

_RNG_STREAM_REPLAY = 3


class Replayed(Dataset):
    """Sample n of ``samples``, or with probability ``share`` that of ``replay``; which follows from ``(seed, n)``."""

    def __init__(self, samples: Dataset, replay: Dataset, seed: int, share: float = REPLAY_SHARE) -> None:
        self.samples, self.replay, self.seed, self.share = samples, replay, seed, share

    def __getitem__(self, number: int) -> object:
        rng = np.random.default_rng([self.seed, number, _RNG_STREAM_REPLAY])
        return (self.replay if rng.random() < self.share else self.samples)[number]


def simulated_replay(
    folder: Path,
    size: int,
    clips: int,
    first_seed: int = FIRST_SEED,
    mask: bool = False,
    progress: bool = True,
) -> ClipStore:
    """A store of simulated clips such as the shipped network learned from, made or finished.

    mask: with masks of the left ventricle, for a segmentation.
    """
    config = PhantomConfig(frames=80, size=size, fps=(15.0, 70.0), mask=mask)
    return simulate_store(folder, clips, config, first_seed, progress=progress)
