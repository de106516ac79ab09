"""A heart that swings as a whole: in fluid once a beat or once in two (electrical alternans), or beside a large right
ventricle, with which it rocks once a beat."""

from __future__ import annotations

import torch
from torch import Tensor

from .beating import Beating
from .draws import Draws
from .variants import Variants


class Swing:
    """How far the hearts of B clips have swung. turn: rad; shift_x, shift_z: mm, ``[B, T, 1, 1]``."""

    def __init__(self, draws: Draws, variants: Variants, beating: Beating) -> None:
        fluid = variants["effusion"] * draws.chance(0.6)
        rocks = torch.maximum(fluid, variants["right_overload"] * draws.chance(0.6))
        period = 1 + fluid * draws.chance(0.4)
        turn, reach, way = torch.deg2rad(draws.uniform(2, 12)), draws.uniform(1, 9), draws.uniform(0, 6.28)
        wave = self._wave(draws, 6.2832 * beating.beats() / period) * rocks
        self.turn = turn * wave
        self.shift_x, self.shift_z = reach * torch.cos(way) * wave, 0.6 * reach * torch.sin(way) * wave

    @staticmethod
    def _wave(draws: Draws, phase: Tensor) -> Tensor:
        """No pure sine: there and back at different paces."""
        start, other, share = draws.uniform(0, 6.28), draws.uniform(0, 6.28), draws.uniform(0, 0.4)
        return torch.sin(phase + start) + share * torch.sin(2 * phase + other)
