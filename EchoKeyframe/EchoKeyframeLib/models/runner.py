"""A network on a device: arrays in, features and outputs out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from .device import autocast, channels_last, choose_device, memory_budget, precision_on, release_memory
from .footprint import bytes_per_frame, bytes_per_window
from .registry import TORCH


class NetworkRunner:
    """Runs a network in eval mode, without gradients, in the precision that suits the device.

    frames_per_batch, windows_per_batch: how much at once keeps intermediate results within the memory budget.
    reach: frames on each side that an encoded frame depends on, 0 where each is encoded by itself.
    """

    runtime = TORCH

    def __init__(self, network: nn.Module, device: str = "auto", precision: str = "auto") -> None:
        self.config = network.config
        self.device = choose_device(device)
        self.dtype = precision_on(self.device, precision)
        self.network = channels_last(network.eval().to(self.device))
        self.reach = getattr(network, "reach", 0)
        budget = memory_budget(self.device)
        self.frames_per_batch = max(1, budget // bytes_per_frame(self.config))
        self.windows_per_batch = max(1, budget // bytes_per_window(self.config, getattr(network, "grid", 1)))

    @property
    def uses_images(self) -> bool:
        return "image" in self.config.streams

    @property
    def uses_motion(self) -> bool:
        return "motion" in self.config.streams

    @torch.inference_mode()
    def encode(self, images: np.ndarray | None, motion: np.ndarray | None) -> Tensor:
        """Features ``[n, ...]`` of frames uint8 ``[n, S, S]`` and normalised motion ``[n, 3, 14, 14]``."""
        frames = None if images is None else self._to_device(images)[None, :, None]
        moving = None if motion is None else self._to_device(motion)[None]
        with autocast(self.device, self.dtype):
            return self.network.encode(frames, moving)[0]

    @torch.inference_mode()
    def temporal(self, windows: Tensor) -> np.ndarray:
        """Outputs float32 ``[N, T, outputs]`` of windows of features ``[N, T, ...]``."""
        with autocast(self.device, self.dtype):
            return self.network.temporal(windows).float().cpu().numpy()

    def windows(self, features: Tensor, starts: np.ndarray) -> Tensor:
        """The windows ``[N, T, ...]`` of features ``[n, ...]`` that begin at some frames."""
        return features.unfold(0, self.config.frames, 1).movedim(-1, 1)[starts.tolist()].contiguous()

    def empty(self, count: int, like: Tensor) -> Tensor:
        """Room for ``count`` features such as these."""
        return like.new_empty((count, *like.shape[1:]))

    def one_window(self, features: Iterable[Tensor]) -> np.ndarray:
        """Outputs float32 ``[T, outputs]`` of one window, given as the features of its frames."""
        return self.temporal(torch.stack(list(features))[None])[0]

    def release_memory(self) -> None:
        release_memory(self.device)

    def _to_device(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.require(array, requirements="CW")).to(self.device)
