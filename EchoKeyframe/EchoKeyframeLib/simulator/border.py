"""The LV's border as readers trace it: inside the drawn wall, trabeculae and papillary muscles within the cavity.

Readers' borders lie inside the compact wall's: 3 to 5 mm at the apex, 2.5 to 4 at the annulus, 1 to 3 at the free wall,
less at the septum, and more where the cavity is small. Some clips show the trabeculae that lie between as gray.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .draws import Draws
from .probe import Pose
from .scan_conversion import ScanConversion
from .ventricle import Ventricle, soft

POINTS_A_WALL = 33
BORDER_POINTS = 2 * POINTS_A_WALL - 1
"""From the left end of the annulus over the apex, the middle one, to the right end."""

_ROUNDING = 0.12
"""Share of the border's length over which a wall's inset grows from nothing at the apex."""


class Border:
    """The traced border of B clips. Insets in mm for an LV of 85 mm at ED.

    both_free: 1 where neither wall is a septum beside a right ventricle (A2C).
    """

    def __init__(self, draws: Draws, ventricle: Ventricle, both_free: Tensor, septum_right: Tensor) -> None:
        self.ventricle = ventricle
        self.scale = ventricle.length0 / 85
        self.apex, self.base = draws.uniform(2, 5), draws.uniform(2, 4)
        self.free, share = draws.uniform(0.6, 3), draws.uniform(0.15, 0.6)
        septal = self.free * torch.maximum(share, both_free)
        self.left = torch.where(septum_right > 0, self.free, septal)
        self.right = torch.where(septum_right > 0, septal, self.free)
        self.closing = 1 + draws.uniform(0.2, 0.7) * ventricle.contraction.clamp(0, 1.2)
        self.shown = draws.chance(0.6)
        self.level, self.ragged = draws.uniform(-14, 0), draws.uniform(0.1, 0.4)

    def _ends(self) -> tuple[Tensor, Tensor]:
        """y in mm of the border's apex and of its base, ``[B, T, 1, 1]``."""
        return self.apex * self.scale * self.closing, self.ventricle.length - self.base * self.scale

    def _half_width(self, along: Tensor, side: Tensor, roughness: Tensor | float = 0.0) -> Tensor:
        """mm from the long axis to the border; along: 0 at its apex, 1 at its base; side: 0 left, 1 right."""
        inset = torch.lerp(self.left, self.right, side) * self.scale * self.closing * (1 + roughness)
        inset = inset * (along / _ROUNDING).clamp(0, 1)
        return (self.ventricle.half_width(along, side) - inset).clamp(min=0)

    def contour(self, pose: Pose, tilt: Tensor, conversion: ScanConversion) -> Tensor:
        """In pixels of the frames (x, y), float32 ``[B, T, BORDER_POINTS, 2]``, also where it leaves the sector."""
        apex, base = self._ends()
        steps = torch.linspace(0, 1, POINTS_A_WALL, device=apex.device)
        along = (1 - torch.cos(steps * torch.pi / 2)).view(1, 1, 1, -1)  # close together where the apex bends
        y = apex + along * (base - apex)
        walls = []
        for side in (0.0, 1.0):
            x = (2 * side - 1) * self._half_width(along, torch.full_like(y, side))
            walls.append(torch.stack(conversion.to_pixels(*pose.to_probe(x, y), tilt), -1)[:, :, 0])
        return torch.cat([walls[0].flip(2), walls[1][:, :, 1:]], 2)

    def gray_of(self, x: Tensor, y: Tensor, cavity: Tensor) -> Callable[[Tensor], tuple[Tensor, Tensor]] | None:
        """What is gray between the wall and the border at points ``[B, T, row, beam]`` in mm; None where nothing is.

        From patches of the tissue, which make it ragged, to its mask and how much more than the wall it returns (dB).
        """
        if not self.shown.any():
            return None
        apex, base = self._ends()
        along = ((y - apex) / (base - apex)).clamp(0, 1)

        def gray(patches: Tensor) -> tuple[Tensor, Tensor]:
            half = self._half_width(along, (x > 0).to(x.dtype), self.ragged * patches)
            within = soft(half - x.abs()).mul_(soft(y - apex))
            return (1 - within).mul_(cavity) * self.shown, self.level

        return gray
