"""The curves of a batch of rhythms as tensors over the frames of their clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .rhythm import Rhythm


class Beating:
    """Contraction and valve states of B clips at their frame times.

    times: s ``[B, T, 1, 1]``. fps: ``[B, 1, 1, 1]``. The methods return ``[B, T, 1, 1]``; ``lag`` ``[B, 1, 1, 1]`` in s
    delays the curve, as walls and chambers do not move quite together.
    """

    def __init__(self, rhythms: Sequence[Rhythm], fps: np.ndarray, frames: int, device: torch.device | str) -> None:
        self.rhythms = rhythms
        self.seconds = np.arange(frames)[None, :] / fps[:, None]
        self.device = device
        self.times = self._tensor(self.seconds)
        self.fps = self._tensor(fps[:, None])

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32))[:, :, None, None].to(self.device)

    def _at(self, curve: str, lag: Tensor | None) -> Tensor:
        seconds = self.seconds if lag is None else self.seconds - lag.flatten().cpu().numpy()[:, None]
        return self._tensor(np.stack([getattr(r, curve)(s) for r, s in zip(self.rhythms, seconds, strict=True)]))

    def contraction(self, lag: Tensor | None = None) -> Tensor:
        """0 at ED, 1 at ES."""
        return self._at("contraction", lag)

    def walls(self, share: Tensor | float = 1.0, lag: Tensor | None = None) -> Tensor:
        """Contraction of the walls, which also move while the volume stands still: by ``share`` of the drawn motion."""
        volume = self._at("contraction", lag)
        return volume + share * (self._at("walls", lag) - volume)

    def twist(self) -> Tensor:
        """Twist, 0 at ED and 1 where it is largest."""
        return self._at("twist", None)

    def mitral(self, lag: Tensor | None = None) -> Tensor:
        """Opening of the mitral valve (with a lag: of the tricuspid one), 0 closed to 1 wide open."""
        return self._at("mitral", lag).clamp_(0, 1)

    def aortic(self) -> Tensor:
        """Opening of the aortic valve, 0 closed to 1 wide open."""
        return self._at("aortic", None).clamp_(0, 1)

    def beats(self) -> Tensor:
        """Beats since the first ED, with the share of the one that goes on: grows by 1 from ED to ED."""
        parts = [np.interp(s, r.ed, np.arange(len(r.ed))) for r, s in zip(self.rhythms, self.seconds, strict=True)]
        return self._tensor(np.stack(parts))

    def pulses(self, events: str, delay: Tensor, width: Tensor) -> Tensor:
        """A bell of height 1 and SD ``width`` (s) that comes ``delay`` (s) after each ``"ed"`` or ``"es"``."""
        late, wide = delay.flatten().cpu().numpy(), width.flatten().cpu().numpy()
        bells = []
        for rhythm, seconds, after, sd in zip(self.rhythms, self.seconds, late, wide, strict=True):
            since = seconds[:, None] - getattr(rhythm, events)[None, :] - after
            bells.append(np.exp(-0.5 * (since / sd) ** 2).sum(1))
        return self._tensor(np.stack(bells))
