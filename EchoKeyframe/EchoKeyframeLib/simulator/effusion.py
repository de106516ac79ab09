"""Fluid around the heart."""

from __future__ import annotations

import torch
from torch import Tensor

from .draws import Draws
from .variants import Variants


class Effusion:
    """Pericardial fluid of B clips. left, right: its thickness in mm on either side; 0 where there is none."""

    def __init__(self, draws: Draws, variants: Variants) -> None:
        self.present = variants["effusion"]
        thickness, share = self.present * draws.log_uniform(6, 32), draws.uniform(0.25, 1)
        left = torch.where(draws.chance(0.6) > 0, share, 1.0)
        self.left, self.right = thickness * left, thickness * torch.where(left < 1, 1.0, share)
        self.line = draws.uniform(1.5, 4)

    def layer(self, beyond: Tensor, above: Tensor, side: Tensor) -> Tensor:
        """Distance in mm to the fluid's outer border, positive inside it.

        beyond: mm outside the heart's surface; above: mm above the apex' surface (below 0: beside the heart);
        side: 0 left to 1 right.
        """
        away = torch.hypot(beyond.clamp(min=0), above.clamp(min=0))
        return torch.lerp(self.left.expand_as(side), self.right.expand_as(side), side) - away
