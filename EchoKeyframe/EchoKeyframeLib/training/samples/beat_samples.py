"""One labelled beat, resampled: what a training step of a one-beat system is made of."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch.utils.data import Dataset

from ...detection.isolated_beats import beat_frames
from ...detection.motion_features import GRID
from ...models.config import NetworkConfig
from ..stores.clip_store import ClipStore, ClipStoreError, StoredClip
from .phase_targets import VOLUME_LIKE, phase_curve
from .targets import decided_stretches
from .windows import ClipOrder, Sample

PLACEMENT = 0.06
"""Standard deviation, in beats, of where a beat's ends are taken to lie: at inference nobody labels them."""

FEWEST_INSIDE = 0.5
"""A beat counts that is decided to this share."""

MOST_TRIES = 1000
"""Clips that are tried until one has a labelled beat."""


class BeatSamples(Dataset):
    """Sample n of an endless training, which follows from ``(seed, n)`` alone, so that any step can be repeated."""

    def __init__(self, store: ClipStore, network: NetworkConfig, seed: int) -> None:
        self.store, self.network, self.seed = store, network, seed
        self._order = ClipOrder(len(store), seed)

    def __getitem__(self, number: int) -> Sample:
        rng = np.random.default_rng([self.seed, number])
        for attempt in range(MOST_TRIES):
            clip = self.store[int(rng.integers(len(self.store))) if attempt else self._order.clip(number)]
            beats = labelled_beats(clip)
            if beats:
                start, end = beats[int(rng.integers(len(beats)))]
                shift = rng.normal(0, PLACEMENT, 2) * (end - start)
                return cut_beat(clip, start + shift[0], end + shift[1], self.network.frames)
        raise ClipStoreError(self.store.folder.name, "its labels decide hardly a beat; label more ED and ES")


def labelled_beats(clip: StoredClip) -> list[tuple[float, float]]:
    """Beats from one ED to the next in frames that labels decide, each at least half within what is decided.

    Virtual EDs count. Where no beat is (half a cycle, say) the longest part of one; none where nothing is decided.
    """
    beats = []
    for stretch, ed, _ in decided_stretches(clip.labels, len(clip.frames)):
        for start, end in pairwise(ed):
            inside = min(end, stretch.stop - 1) - max(start, stretch.start)
            beats.append((inside / (end - start), (float(start), float(end))))
    most = max((share for share, _ in beats), default=0.0)
    return [beat for share, beat in beats if share >= min(most, FEWEST_INSIDE)]


def cut_beat(clip: StoredClip, start: float, end: float, frames: int) -> Sample:
    """The beat from ``start`` to ``end`` (frames of the clip) with its margins, in ``frames`` frames.

    Frames beyond the clip are zero frames; of those, and of frames that labels do not decide, nothing is asked.
    """
    index, present = beat_frames(start, end, frames, len(clip.frames))
    images = np.zeros((frames, 1, *clip.frames.shape[1:]), np.uint8)
    images[present, 0] = clip.frames[index[present]]
    targets = np.full(frames, np.nan, np.float32)
    for stretch, ed, es in decided_stretches(clip.labels, len(clip.frames)):
        inside = (index >= stretch.start) & (index < stretch.stop)
        targets[inside] = phase_curve(index[inside], ed, es, VOLUME_LIKE)
    motion = torch.zeros(frames, 3, GRID, GRID)
    return Sample(torch.from_numpy(images), motion, torch.from_numpy(targets)[:, None], torch.from_numpy(present))
