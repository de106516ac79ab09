"""Windows of stored clips with their target curves: what a training step is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ...detection.motion_features import GRID, normalise, stride_motion
from ...models.config import NetworkConfig
from ..stores.clip_store import ClipStore, StoredClip
from .phase_targets import phase_curve, systole_share
from .targets import PAPER_SIGMA, TargetForm, decided_stretches, paper_curve, target_curves

PAPER_STRIDES = (1, 2, 4)
RATE_FACTOR = 1.5
"""A network with a rate of its own sees strides whose effective rate lies within this factor of it."""

_ORDER = 1
"""Part of the seeds of clip orders, which keeps them apart from those of samples."""

PAST_THE_END = 0.15
"""Share of windows that may begin so late that the clip ends before they do."""


class Sample(NamedTuple):
    """One window, or a batch of them with ``[B]`` in front.

    images uint8 ``[T, 1, S, S]``; motion float32 ``[T, 3, 14, 14]`` normalised; targets float32 ``[T, outputs]``, NaN
    where nothing is asked (zero frames, frames that the labels do not decide, unknown volume); present bool ``[T]``,
    False for zero frames.
    """

    images: Tensor
    motion: Tensor
    targets: Tensor
    present: Tensor


class ClipOrder:
    """Which clip sample n shows: every clip once in each pass over them, shuffled anew by ``(seed, pass)``."""

    def __init__(self, clips: int, seed: int) -> None:
        self._clips, self._seed = clips, seed
        self._pass, self._shuffled = -1, np.empty(0, int)

    def clip(self, number: int) -> int:
        """Index of the clip, in ``[0, clips)``."""
        turn, place = divmod(number, self._clips)
        if turn != self._pass:
            rng = np.random.default_rng([self._seed, _ORDER, turn])
            self._pass, self._shuffled = turn, rng.permutation(self._clips)
        return int(self._shuffled[place])


class WindowSamples(Dataset):
    """Sample n of an endless training, which follows from ``(seed, n)`` alone, so that any step can be repeated.

    Each run of ``len(store)`` samples takes every clip once, in an order of its own.

    Strides are 1, 2 or 4 at random (the paper); a network with an effective rate gets those near that rate, each with
    any offset. Windows that reach beyond their clip are filled with zero frames. Where labels decide a part of a clip
    only, each window holds some of that part.
    """

    def __init__(self, store: ClipStore, network: NetworkConfig, targets: TargetForm, seed: int) -> None:
        self.store, self.network, self.targets, self.seed = store, network, targets, seed
        self._order = ClipOrder(len(store), seed)

    def __getitem__(self, number: int) -> Sample:
        rng = np.random.default_rng([self.seed, number])
        clip = self.store[self._order.clip(number)]
        stride = int(rng.choice(strides(self.network, clip.fps)))
        length, window = len(clip.frames), self.network.frames
        if clip.labels.decided is None:
            span = (window - 1) * stride + 1
            latest = max(0, length - span)
            if rng.random() < PAST_THE_END:
                latest = min(latest + span // 3, length - 1)
            start = int(rng.integers(latest + 1))
        else:
            start = _start_near(clip.labels.decided_frames(length), stride, window, rng)
        return cut_window(clip, start, stride, self.network, self.targets)


def _start_near(decided: np.ndarray, stride: int, window: int, rng: np.random.Generator) -> int:
    """Where a window begins that has a random one of the decided frames somewhere in it."""
    frames = np.flatnonzero(decided)
    if not len(frames):
        return 0
    frame = int(rng.choice(frames))
    return frame - stride * int(rng.integers(min(window, frame // stride + 1)))


def strides(network: NetworkConfig, fps: float) -> list[int]:
    """Strides at which a clip of this frame rate is shown to the network in training."""
    if network.rate is None:
        return list(PAPER_STRIDES)
    best = network.stride(fps)
    near = [s for s in range(1, 2 * best + 2) if 1 / RATE_FACTOR <= fps / s / network.rate <= RATE_FACTOR]
    return sorted({best, *near})


def cut_window(clip: StoredClip, start: int, stride: int, network: NetworkConfig, form: TargetForm) -> Sample:
    """The window that begins at frame ``start``, normalised as at inference: the clip is strided first, then cut."""
    window = network.frames
    index = np.arange(start, len(clip.frames), stride)[:window]
    images = np.zeros((window, 1, *clip.frames.shape[1:]), np.uint8)
    images[: len(index), 0] = clip.frames[index]
    motion = np.zeros((window, 3, GRID, GRID), np.float32)
    if network.architecture == "two-stream" and "motion" in network.streams:
        moving = normalise(stride_motion(clip.motion, stride, start % stride))
        motion[: len(index)] = moving[start // stride :][: len(index)]
    targets = np.full((window, len(network.outputs)), np.nan, np.float32)
    targets[: len(index)] = _targets(clip, index, stride, network.outputs, form)
    present = torch.arange(window) < len(index)
    return Sample(torch.from_numpy(images), torch.from_numpy(motion), torch.from_numpy(targets), present)


def _targets(
    clip: StoredClip, index: np.ndarray, stride: int, outputs: tuple[str, ...], form: TargetForm
) -> np.ndarray:
    targets = np.full((len(index), len(outputs)), np.nan, np.float32)
    for stretch, ed, es in decided_stretches(clip.labels, len(clip.frames)):
        inside = (index >= stretch.start) & (index < stretch.stop)
        targets[inside] = _known_targets(index[inside], ed, es, stride, outputs, form)
    if clip.volume is not None and "volume" in outputs:
        targets[:, outputs.index("volume")] = clip.volume[index]
    return targets


def _known_targets(
    index: np.ndarray, ed: np.ndarray, es: np.ndarray, stride: int, outputs: tuple[str, ...], form: TargetForm
) -> np.ndarray:
    """``[n, outputs]`` from keyframes that are all known; the volume does not follow from them and is NaN."""
    curves = target_curves(index, ed, es, form)
    columns = {"ED": curves[:, 0], "ES": curves[:, 1]}
    # Ten frames as the network sees them: these outputs are there to make it look far around a keyframe.
    columns["ED wide"] = paper_curve(index, ed, PAPER_SIGMA * stride)
    columns["ES wide"] = paper_curve(index, es, PAPER_SIGMA * stride)
    columns["volume"] = np.full(len(index), np.nan)
    if "phase" in outputs:
        columns["phase"] = phase_curve(index, ed, es)
    if "systole" in outputs:
        columns["systole"] = systole_share(index, ed, es, stride)
    return np.stack([columns[name] for name in outputs], axis=-1)


class EpochSampler(Sampler[int]):
    """Numbers of the samples of one epoch, for one of ``world`` processes.

    Epoch e of ``steps`` steps covers the numbers from ``e * steps * batch * world`` on, dealt to the processes in turn:
    two processes with a batch of 4 see in one step what one with a batch of 8 sees.
    """

    def __init__(self, steps: int, batch: int, rank: int = 0, world: int = 1) -> None:
        self.steps, self.batch, self.rank, self.world = steps, batch, rank, world
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps * self.batch

    def __iter__(self) -> Iterator[int]:
        first = self.epoch * len(self) * self.world
        return iter(range(first + self.rank, first + len(self) * self.world, self.world))
