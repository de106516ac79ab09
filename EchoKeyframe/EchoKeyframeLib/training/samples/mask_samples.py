"""Single frames with the mask of their left ventricle: what a training step of a segmentation is made of."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from ...detection.motion_features import GRID
from ..stores.clip_store import NOT_TRACED, ClipStore, ClipStoreError, StoredClip
from .windows import ClipOrder, Sample

MOST_TRIES = 1000
"""Clips that are tried until one has a traced frame."""


class MaskSamples(Dataset):
    """Sample n of an endless training, which follows from ``(seed, n)`` alone: one frame whose LV is traced.

    Its targets are the mask float32 ``[1, S, S]``: 0 outside the left ventricle, 1 inside.
    """

    def __init__(self, store: ClipStore, seed: int) -> None:
        self.store, self.seed = store, seed
        self._order = ClipOrder(len(store), seed)

    def __getitem__(self, number: int) -> Sample:
        rng = np.random.default_rng([self.seed, number])
        for attempt in range(MOST_TRIES):
            clip = self.store[int(rng.integers(len(self.store))) if attempt else self._order.clip(number)]
            frames = traced_frames(clip)
            if len(frames):
                return _traced(clip, int(rng.choice(frames)))
        raise ClipStoreError(self.store.folder.name, "hardly a frame has a mask of the left ventricle")


def traced_frames(clip: StoredClip) -> np.ndarray:
    """Numbers of the clip's frames that have a mask; none where the store has no masks."""
    return np.array([], int) if clip.masks is None else np.flatnonzero(clip.masks[:, 0, 0] != NOT_TRACED)


def _traced(clip: StoredClip, frame: int) -> Sample:
    image = torch.from_numpy(np.array(clip.frames[frame]))[None, None]
    mask = torch.from_numpy(clip.masks[frame].astype(np.float32))[None]
    return Sample(image, torch.zeros(1, 3, GRID, GRID), mask, torch.ones(1, dtype=torch.bool))
