"""The left ventricle: cavity and wall as they contract, and where each point of them lay at end-diastole.

Heart coordinates in mm: the apex at the origin, y along the long axis to the base, x across it (in an A4C image the
septum at x < 0, the lateral wall at x > 0; in A3C and PLAX the posterior wall at x < 0, the septum at x > 0).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .beating import Beating
from .config import PhantomConfig
from .disease import Disease
from .draws import Draws

EDGE = 0.9


def soft(distance: Tensor, edge: float | Tensor = EDGE) -> Tensor:
    """A signed distance in mm (positive inside) as a mask in [0, 1] with an edge of this width."""
    return (distance / (2 * edge) + 0.5).clamp_(0, 1)


@dataclass(frozen=True)
class Tissue:
    """Points ``[B, T, row, beam]`` as the left ventricle sees them.

    cavity, wall: masks. depth: 0 at the endocardium, 1 at the epicardium, beyond it more. outside: distance in mm to
    the epicardium, positive outside. level: 0 at the apex, 1 at the annulus. side: 0 in the left half, 1 in the right
    one, in short axis between. right: the nearer one. material_x, material_y: where the point lay at ED, mm.
    """

    cavity: Tensor
    wall: Tensor
    depth: Tensor
    outside: Tensor
    level: Tensor
    side: Tensor
    right: Tensor
    material_x: Tensor
    material_y: Tensor


class Ventricle:
    """Shape and contraction of the LV of B clips.

    length0, width0, wall0: at ED, mm: long axis, half width of the cavity, wall thickness ``[B, 1, 1, 1]``.
    length: long axis ``[B, T, 1, 1]``; the annulus descends as it shortens. contraction, twist: see ``Beating``.
    ejection: fraction of the volume that a full beat ejects.
    """

    def __init__(
        self, draws: Draws, depth: Tensor, ejection: Tensor, disease: Disease, beating: Beating, config: PhantomConfig
    ) -> None:
        self.ejection, self.disease = ejection, disease
        self.length0 = (draws.uniform(0.42, 0.72) * depth).clamp(55, 120)
        # As wide as the cavities that readers trace. A heart that ejects little is mostly a wider one.
        self.width0 = self.length0 * (draws.uniform(0.22, 0.38) + 0.08 * (0.55 - ejection).clamp(min=0))
        self.width0 = self.width0 * disease.narrow
        self.wall0 = draws.uniform(6, 12) * self.length0 / 85
        shortening = ejection * draws.uniform(0.22, 0.36)
        self.narrowing = 1 - ((1 - ejection) / (1 - shortening)).sqrt()
        self.contraction, self.twist = beating.contraction(), beating.twist()
        axis = beating.walls(draws.uniform(0.7, 1.3), draws.normal(0.01)) if config.regional else beating.walls()
        self.length = self.length0 * (1 - shortening * axis)
        self._draw_shape(draws)
        self._draw_regions(draws, beating, config)
        self.septal_shift = disease.septal_shift(self.narrowing)

    def _draw_shape(self, draws: Draws) -> None:
        self.widest, self.taper = draws.uniform(0.4, 0.75), draws.uniform(0.05, 0.4)
        self.blunt, self.skew = draws.uniform(-0.3, 0.6), draws.uniform(-0.18, 0.18)
        self.septum_thickness = draws.uniform(0.45, 1.05)
        self.outer_edge = EDGE + draws.uniform(0, 4) * draws.chance(0.6)
        self.bumps, self.bump_rate = draws.uniform(0, 0.05), draws.uniform(7, 22)
        self.bump_phase = draws.uniform(0, 6.28)

    def _draw_regions(self, draws: Draws, beating: Beating, config: PhantomConfig) -> None:
        """Each wall moves by its own amount and at its own time; some have a segment that hardly moves."""
        share = draws.uniform(0.65, 1.3)
        late = draws.normal(0.045) * draws.chance(0.1)
        # The septum as much before the volume as the free wall behind, which keeps the moment of the smallest cavity.
        block = self.disease.late * torch.where(self.disease.septum_right > 0, -0.5, 0.5)
        lags = [draws.normal(0.01) - block, draws.normal(0.01) + late + block]
        self.defect = draws.uniform(0.4, 1.05) * draws.chance(0.15)
        self.defect_right, self.defect_level = draws.chance(0.5), draws.uniform(0.15, 0.8)
        self.defect_width = draws.uniform(0.15, 0.4)
        if config.regional:
            self.motion_left = share * beating.walls(draws.uniform(0.3, 1.2), lags[0])
            self.motion_right = (2 - share) * beating.walls(draws.uniform(0.3, 1.2), lags[1])
        else:
            self.defect = torch.zeros_like(self.defect)
            self.motion_left = self.motion_right = beating.walls()

    def profile(self, level: Tensor) -> Tensor:
        """Half width of the cavity by level along the axis, relative to the widest place."""
        rest = (1 - level / self.widest).clamp_(0, 1).square_()
        rise = (1 - rest).clamp_(min=1e-6)
        rise = rise.sqrt_() * (1 + self.blunt * rest)
        beyond = ((level - self.widest) / (1 - self.widest)).clamp_(0, 1.3).square_()
        return rise.mul_(1 - self.taper * beyond).mul_(level > 0)

    def _bumpy_profile(self, level: Tensor, side: Tensor) -> Tensor:
        ripple = torch.sin(level * self.bump_rate + (2 * side - 1) * self.bump_phase)
        return self.profile(level) * (1 + self.bumps * ripple)

    def half_width(self, level: Tensor, side: Tensor) -> Tensor:
        """mm from the long axis to the compact wall at a level (0 apex, 1 annulus) on a side (0 left, 1 right)."""
        width = self.width0 * (1 - self._narrowing(level, side))
        return self._bumpy_profile(level, side) * self._uneven(level, side) * width

    def _uneven(self, level: Tensor, side: Tensor) -> Tensor:
        """What the one wall is farther from the long axis, and the other nearer; nothing at apex and annulus."""
        belly = 4 * (level * (1 - level)).clamp_(min=0)
        uneven = 1 + self.skew * belly * (2 * side - 1)
        if self.septal_shift is None:
            return uneven
        # Flat: the border is a chord wherever that lies farther in than the circle would (of the two halves of a long
        # axis, the septum's whole one).
        septal = torch.where(self.disease.septum_right > 0, side, 1 - side)
        shift = self.septal_shift * belly
        chord = (1 - shift) / (2 * septal - 1).clamp(min=1e-3)
        return uneven * (chord.clamp(max=1) + septal * (-shift).clamp(min=0))

    def annulus_half_width(self) -> Tensor:
        """Half width of the mitral annulus in mm ``[B, T, 1, 1]``."""
        motion = (self.motion_left + self.motion_right) / 2
        return self.profile(torch.ones_like(self.length0)) * self.width0 * (1 - self.narrowing * motion)

    def wall_thickness(self, width: Tensor) -> Tensor:
        """Thickness in mm where the cavity's half width is ``width``: the area of the wall stays as it was at ED."""
        area = ((self.width0 + self.wall0) ** 2 - self.width0**2) * self.length0 / self.length
        return (width.square() + area).sqrt_().sub_(width)

    def see(self, x: Tensor, y: Tensor) -> Tissue:
        """The points x, y in mm ``[B, T, row, beam]`` seen from the LV. See ``Tissue``."""
        right = x > 0
        tissue = self.seen(x.abs(), y, right.to(x.dtype))
        return replace(tissue, material_x=torch.where(right, tissue.material_x, -tissue.material_x))

    def seen(self, across: Tensor, y: Tensor, side: Tensor) -> Tissue:
        """Points by their distance from the long axis, y along it (mm) and side; material_x is a distance, too."""
        level = y / self.length
        width = self.width0 * (1 - self._narrowing(level, side))
        wall = self.wall_thickness(width)
        shape = self._bumpy_profile(level, side)
        thin = torch.lerp(self.septum_thickness, torch.ones_like(self.septum_thickness), side)
        uneven = self._uneven(level, side)
        shape = shape * uneven
        inner = shape * width
        cap = self.apex_surface()
        wall = wall * thin
        dome = self.profile((y + cap) / (self.length + cap)) * uneven * (width + wall)
        outer = torch.maximum(dome, inner + 0.55 * wall)
        depth = (across - inner) / (outer - inner + 0.1)
        base = self.length - y
        cavity = soft(inner - across).mul_(soft(base + 1)).mul_(soft(y))
        body = (
            soft(outer - across, self.outer_edge)
            .mul_(soft(base + 0.4 * self.wall0))
            .mul_(soft(y + cap))
            .mul_(1 - cavity)
        )
        return Tissue(
            cavity=cavity,
            wall=body,
            depth=depth,
            outside=across - outer,
            level=level,
            side=side,
            right=side > 0.5,
            material_x=self._material_x(across, depth, inner, outer, shape, thin),
            material_y=self._material_y(y, level),
        )

    def apex_surface(self) -> Tensor:
        """How far the wall reaches beyond the apex of the cavity, mm ``[B, T, 1, 1]``."""
        return 0.8 * self.wall0 * self.length0 / self.length

    def _narrowing(self, level: Tensor, side: Tensor) -> Tensor:
        here = (1 - ((level - self.defect_level) / self.defect_width).square_()).clamp_(min=0)
        still = self.defect * here * (1 - (side - self.defect_right).abs())
        narrowing = torch.lerp(self.motion_left, self.motion_right, side).mul_(self.narrowing).mul_(1 - still)
        apical = self.disease.apical_motion(level)
        return narrowing if apical is None else narrowing.mul_(apical)

    def _material_x(self, across, depth, inner, outer, shape, thin) -> Tensor:
        """Half width at ED: stretched linearly in the cavity and in the wall; farther out the motion dies away."""
        inner0 = shape * self.width0
        wall0 = self.wall0 * thin
        outer0 = inner0 + wall0
        in_cavity = across / (inner + 0.1) * inner0
        in_wall = inner0 + depth * wall0
        beyond = across - outer
        farther = outer0 + beyond + (outer - outer0) * (1 - torch.exp(-beyond.clamp(min=0) / 25))
        return torch.where(depth < 0, in_cavity, torch.where(depth < 1, in_wall, farther))

    def _material_y(self, y: Tensor, level: Tensor) -> Tensor:
        """Position along the axis at ED: the LV stretches with its length, the atrium takes up the rest."""
        roof = 1.5 * self.length0
        atrium = roof + (y - roof) * (0.5 * self.length0 / (roof - self.length))
        return torch.where(level < 1, level * self.length0, torch.where(y < roof, atrium, y))
