"""Single frames with the mask of their left ventricle: what a training step of a segmentation is made of."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from ..detection.motion_features import GRID
from .clip_store import NOT_TRACED, ClipStore
from .samples import Sample


class MaskSamples(Dataset):
    """Sample n of an endless training, drawn from ``(seed, n)`` alone: one frame whose LV is traced.

    Its targets are the mask float32 ``[1, S, S]``: 0 outside the left ventricle, 1 inside.
    """

    def __init__(self, store: ClipStore, seed: int) -> None:
        self.store, self.seed = store, seed
        self._clips = [index for index in range(len(store)) if len(traced_frames(store, index))]

    def __getitem__(self, number: int) -> Sample:
        rng = np.random.default_rng([self.seed, number])
        index = self._clips[int(rng.integers(len(self._clips)))]
        frame = int(rng.choice(traced_frames(self.store, index)))
        clip = self.store[index]
        image = torch.from_numpy(np.array(clip.frames[frame]))[None, None]
        mask = torch.from_numpy(clip.masks[frame].astype(np.float32))[None]
        return Sample(image, torch.zeros(1, 3, GRID, GRID), mask, torch.ones(1, dtype=torch.bool))


def traced_frames(store: ClipStore, index: int) -> np.ndarray:
    """Numbers of the clip's frames that have a mask; none where the store has no masks."""
    masks = store[index].masks
    return np.array([], int) if masks is None else np.flatnonzero(masks[:, 0, 0] != NOT_TRACED)
