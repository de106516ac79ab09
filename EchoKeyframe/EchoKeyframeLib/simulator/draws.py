"""Random parameters of a batch of clips, each from the clip's own seed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class Draws:
    """One generator per clip and per part of the simulator.

    Every call takes one number from each clip's generator and returns them as a tensor ``[B, 1, 1, 1]`` that
    broadcasts over ``[B, T, row, beam]``. A clip's numbers depend on its own seed and on ``part`` only, so a clip is
    the same whatever it is batched with, and switching one part off leaves the others as they were.
    """

    def __init__(self, seeds: Sequence[int], part: str, device: torch.device | str = "cpu") -> None:
        key = zlib.crc32(part.encode())
        self.generators = [np.random.default_rng([int(seed), key]) for seed in seeds]
        self.device = torch.device(device)

    def __len__(self) -> int:
        return len(self.generators)

    def tensor(self, values: Sequence | np.ndarray) -> Tensor:
        """``[B]`` or ``[B, T]`` numbers as a float tensor ``[B, 1 or T, 1, 1]``."""
        array = np.asarray(values, np.float32)
        return torch.from_numpy(array.reshape(len(self), -1, 1, 1)).to(self.device)

    def uniform(self, low: float, high: float) -> Tensor:
        return self.tensor([g.uniform(low, high) for g in self.generators])

    def log_uniform(self, low: float, high: float) -> Tensor:
        return self.uniform(np.log(low), np.log(high)).exp()

    def normal(self, sd: float, mean: float = 0.0) -> Tensor:
        return self.tensor([g.normal(mean, sd) for g in self.generators])

    def chance(self, probability: float) -> Tensor:
        """1 with this probability, else 0."""
        return self.tensor([g.random() < probability for g in self.generators])

    def walk(self, steps: int, scale: np.ndarray) -> Tensor:
        """A random walk ``[B, steps, 1, 1]`` whose steps have the standard deviations ``scale`` ``[B]``."""
        walks = [np.cumsum(g.standard_normal(steps)) for g in self.generators]
        return self.tensor(np.stack(walks) * scale[:, None])

    def field(self, shape: Sequence[int]) -> Tensor:
        """White noise ``[B, *shape]``, drawn on the device (so it differs between devices, not between batches)."""
        fields = []
        for generator in self.generators:
            source = torch.Generator(self.device).manual_seed(int(generator.integers(2**62)))
            fields.append(torch.randn(tuple(shape), generator=source, device=self.device))
        return torch.stack(fields)
