"""What scanners draw and files lose: remains of text, ticks and ECG at the sector's edge, and block compression."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from .beating import Beating
from .draws import Draws

LUMA_TABLE = (
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip


def draw_overlays(frames: Tensor, inside: Tensor, draws: Draws, beating: Beating) -> Tensor:
    """Adds still marks outside the sector and, in some clips, a sweeping ECG, to ``[B, T, S, S]`` in [0, 255].

    A crop to the sector leaves little of them, so they are few and small. Changes ``frames``.
    """
    size = frames.shape[-1]
    for clip, rng in enumerate(draws.generators):
        free = ~inside[clip]
        for _ in range(rng.integers(1, 5) if rng.random() < 0.3 else 0):
            top, left, level = *rng.integers(0, size - 12, 2), rng.uniform(80, 255)
            box = np.s_[top : top + rng.integers(1, 4), left : left + rng.integers(1, 12)]
            frames[clip][:, *box] = torch.where(free[0][box], level, frames[clip][:, *box])
        if rng.random() < 0.12:
            draw_ecg(frames[clip], rng, beating, clip, int(rng.integers(4, 10)))
    return frames


def draw_ecg(frames: Tensor, rng: np.random.Generator, beating: Beating, clip: int, height_above: int) -> None:
    """A trace so many pixels above the lower edge that a cursor draws anew as it sweeps from left to right."""
    count, size = frames.shape[0], frames.shape[-1]
    sweep, shift, low = rng.uniform(2, 5), rng.uniform(0, 1), size - height_above
    columns, level = np.arange(size), rng.uniform(120, 230)
    height = rng.integers(3, 7)
    for t, now in enumerate(beating.seconds[clip]):
        when = now - ((now / sweep + shift) % 1 - columns / size) % 1 * sweep
        since = when[:, None] - beating.rhythms[clip].ed[None, :]
        spike = height * np.exp(-(((since + 0.03) / 0.02) ** 2)).sum(1)
        rows = np.clip(low - spike.round().astype(int), 0, size - 1)
        frames[t, torch.from_numpy(rows).to(frames.device), torch.arange(size, device=frames.device)] = level
        if count > 1:
            cursor = int(((now / sweep + shift) % 1) * size) % size
            frames[t, low - height : low + 2, cursor] = 255.0


@lru_cache(maxsize=4)
def _cosines(device: torch.device) -> tuple[Tensor, Tensor]:
    k = torch.arange(8, dtype=torch.float64)
    basis = torch.cos((2 * k[None, :] + 1) * k[:, None] * torch.pi / 16) * 0.5
    basis[0] /= 2**0.5
    table = torch.tensor(LUMA_TABLE, dtype=torch.float32).view(8, 8)
    return basis.float().to(device), table.to(device)


def draw_coarseness(draws: Draws) -> Tensor:
    """How coarse the compression of each clip is, for ``compress``: two thirds have none."""
    return draws.log_uniform(0.15, 1.2) * draws.chance(0.33)


def compress(frames: Tensor, coarse: Tensor) -> Tensor:
    """What JPEG (ITU-T T.81, luma table K.1) leaves of the clips: 8x8 blocks quantised in steps of the table's.

    frames: ``[B, T, S, S]`` in [0, 255]. coarse: factor of the table's steps ``[B, 1, 1, 1]``; clips with 0 stay as
    they are. Done here and not by a codec, so that it runs on any device.
    """
    chosen = coarse.flatten().nonzero().flatten()
    if not len(chosen):
        return frames
    size = frames.shape[-1]
    pad = -size % 8
    part = torch.nn.functional.pad(frames[chosen], (0, pad, 0, pad))
    basis, table = _cosines(frames.device)
    blocks = part.unflatten(-1, (-1, 8)).unflatten(-3, (-1, 8)).transpose(-3, -2)
    step = coarse[chosen][..., None, None] * table
    coefficients = ((basis @ (blocks - 128) @ basis.T) / step).round_().mul_(step)
    restored = (basis.T @ coefficients @ basis + 128).transpose(-3, -2).flatten(-4, -3).flatten(-2, -1)
    frames[chosen] = restored[..., :size, :size]
    return frames
