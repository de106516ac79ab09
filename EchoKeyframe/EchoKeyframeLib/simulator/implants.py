"""Metal in the heart: a pacemaker lead to the right ventricle's apex, a clip on the mitral leaflets."""

from __future__ import annotations

import torch
from torch import Tensor

from .beating import Beating
from .chambers import Chambers
from .draws import Draws
from .leaflets import stroke
from .tissue import amplitude
from .variants import Variants


class Implants:
    """Leads and clips of B clips. Where the right heart is not shown, all are clips."""

    def __init__(self, draws: Draws, variants: Variants, chambers: Chambers, beating: Beating) -> None:
        self.present, self.chambers, self.ventricle = variants["device"], chambers, chambers.ventricle
        self.lead = self.present * draws.chance(0.7) * chambers.view.right_heart
        self.clip = self.present - self.lead
        self.level, self.thickness = draws.uniform(-4, 8), draws.uniform(0.8, 1.8)
        self.depth, self.across = draws.uniform(0.5, 0.9), draws.uniform(0.3, 0.7)
        self.reach, self.place = draws.uniform(6, 11), draws.uniform(-0.2, 0.2)
        self.mitral = beating.mitral()

    def draw(self, x: Tensor, y: Tensor) -> Tensor | None:
        """Amplitude of their echoes ``[B, T, row, beam]`` at the points x, y in mm; None where no clip has any."""
        if not self.present.any():
            return None
        metal = self._lead(x, y) * self.lead + self._clip(x, y) * self.clip
        return metal.mul_(amplitude(self.level))

    def _lead(self, x: Tensor, y: Tensor) -> Tensor:
        """From the right atrium's roof through the tricuspid valve into the right ventricle."""
        chambers, ventricle = self.chambers, self.ventricle
        septal = -(ventricle.annulus_half_width() + ventricle.wall0)
        valve_x, valve_y = septal - self.across * chambers.right_width, chambers.tricuspid_y
        roof_x = septal - self.across * 2 * chambers.right_atrium
        tip_x = septal - 0.15 * chambers.right_width
        tip_y = valve_y - self.depth * chambers.right_length
        above = stroke(x, y, roof_x, chambers.right_roof, valve_x, valve_y, self.thickness)
        return torch.maximum(above, stroke(x, y, valve_x, valve_y, tip_x, tip_y, self.thickness))

    def _clip(self, x: Tensor, y: Tensor) -> Tensor:
        """Where it holds the leaflets' edges together, a little farther into the ventricle while they are open."""
        ring, base = self.ventricle.annulus_half_width(), self.ventricle.length
        middle, top = self.place * ring, base - 3 - 3 * self.mitral
        return stroke(x, y, middle, top, middle, top - self.reach, 1.6 * self.thickness)
