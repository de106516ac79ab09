"""The heart cut across its long axis: at the mitral valve, at the papillary muscles or near the apex.

Coordinates in mm: the long axis at the origin, x to the right of the image (the free wall), z down (the inferior
wall). The section follows the shortening heart halfway, so that the base moves through it as in a real loop.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from .beating import Beating
from .chambers import Cavities, Chambers
from .draws import Draws
from .tissue import MIDDLE
from .ventricle import Tissue, Ventricle, soft

LEVELS = ((0.82, 0.92), (0.45, 0.65), (0.18, 0.32))
"""Share of the long axis from the apex at which a clip is cut, for the mitral, papillary and apical level."""

MITRAL, PAPILLARY, APICAL = range(3)
SHARES, LARGE = (0.3, 0.5, 0.2), (0.4, 0.6, 0.0)
"""How often each level is shown, and where the right ventricle is large: its sign is looked for near the base."""


class ShortAxis:
    """Sections of B clips. roof: mm from the axis to what lies behind the heart."""

    def __init__(self, draws: Draws, ventricle: Ventricle, chambers: Chambers, beating: Beating) -> None:
        self.ventricle, self.chambers = ventricle, chambers
        large = ventricle.disease.overload.flatten().tolist()
        which = [int(g.choice(3, p=LARGE if v else SHARES)) for g, v in zip(draws.generators, large, strict=True)]
        self.is_mitral, self.is_papillary = (draws.tensor([float(w == k) for w in which]) for k in (MITRAL, PAPILLARY))
        level = draws.tensor([g.uniform(*LEVELS[w]) for g, w in zip(draws.generators, which, strict=True)])
        self.cut = level * (0.5 * ventricle.length0 + 0.5 * ventricle.length)
        # Seen from the apex, the apex turns counterclockwise, the base a little the other way.
        self.rotation = torch.deg2rad(draws.uniform(4, 14)) * (0.75 - level) * ventricle.twist
        self.right_angle = torch.deg2rad(draws.uniform(-160, -105))
        self.right_span = torch.cos(torch.deg2rad(draws.uniform(70, 100)))
        self.right_share = draws.uniform(0.6, 1.0) * torch.where(level < 0.4, 0.4, 1.0)
        self.places = [torch.deg2rad(draws.uniform(10, 45)), torch.deg2rad(draws.uniform(120, 155))]
        self.reach, self.size = draws.uniform(0.55, 0.75), [draws.uniform(4, 8) for _ in range(2)]
        self.opening = beating.mitral() * draws.uniform(0.3, 0.5)
        self.thickness = draws.uniform(0.9, 1.8)
        self.roof = ventricle.width0 + ventricle.wall0 + draws.uniform(2, 20)

    def see(self, x: Tensor, z: Tensor) -> Tissue:
        """The points x, z in mm ``[B, T, row, beam]`` seen from the LV."""
        across, angle = torch.hypot(x, z), torch.atan2(z, x)
        side = 0.5 - 0.5 * torch.cos(angle - self.right_angle)
        tissue = self.ventricle.seen(across, self.cut.expand(-1, x.shape[1], -1, -1), side)
        turned = angle + self.rotation
        return replace(
            tissue,
            material_x=tissue.material_x * torch.cos(turned),
            material_y=tissue.material_x * torch.sin(turned) + MIDDLE,
        )

    def fill(self, x: Tensor, z: Tensor, tissue: Tissue) -> Cavities:
        """LV, right ventricle and, where there is any, fluid."""
        cavities = Cavities(tissue.cavity.clone(), torch.zeros_like(tissue.cavity))
        toward = torch.cos(torch.atan2(z, x) - self.right_angle)
        lean = ((toward - self.right_span) / (1 - self.right_span)).clamp_(min=0)
        span = soft(lean - 0.02, 0.02)
        free = self.chambers.right_width * self.right_share * lean.sqrt()
        off, wall = tissue.outside, self.chambers.right_wall
        inside = soft(off).mul_(soft(free - off)).mul_(span)
        cavities.add(inside, soft(off + 1).mul_(soft(free + wall - off)).mul_(span).mul_(1 - inside))
        if self.chambers.effusion.present.any():
            nowhere = torch.full_like(off, -1e3)
            self.chambers.add_fluid(cavities, tissue, (free + wall) * span, nowhere, torch.ones_like(off) * 1e3)
        return cavities

    def muscles(self, drawn: list[tuple[Tensor, ...]]) -> list[tuple[Tensor, ...]]:
        """The papillary muscles where this section cuts them, as bright as ``drawn`` ones. See ``Scattering``."""
        cut = []
        for angle, size, (*_, level) in zip(self.places, self.size, drawn, strict=True):
            reach = self.reach * self.ventricle.width0
            x, y = reach * torch.cos(angle), reach * torch.sin(angle) + MIDDLE
            cut.append((x, y, size, size, 0.9 * self.is_papillary, level))
        return cut

    def leaflets(self, x: Tensor, z: Tensor, tissue: Tissue) -> Tensor:
        """The mitral leaflets' edges at their level: a line that opens to a fish's mouth."""
        ring = self.ventricle.annulus_half_width() * 0.8
        arch = (1 - (x / ring).square_()).clamp_(min=0)
        apart = (z.abs() - self.opening * ring * arch).abs_()
        line = soft(self.thickness - apart).mul_(soft(ring - x.abs())).mul_(soft(-tissue.outside - 1))
        return line.mul_(self.is_mitral)
