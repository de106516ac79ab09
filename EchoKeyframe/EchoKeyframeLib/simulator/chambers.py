"""The chambers around the left ventricle: atria, right ventricle, aortic root. Coordinates as in ``ventricle``."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .beating import Beating
from .draws import Draws
from .effusion import Effusion
from .ventricle import Tissue, Ventricle, soft


@dataclass(frozen=True)
class View:
    """Which structures a clip's view cuts, each 1 or 0 ``[B, 1, 1, 1]``."""

    right_heart: Tensor
    aorta: Tensor
    outflow: Tensor


@dataclass
class Cavities:
    """Blood and thin walls as masks ``[B, T, row, beam]``, filled in chamber by chamber."""

    blood: Tensor
    thin_wall: Tensor

    def add(self, blood: Tensor, wall: Tensor) -> None:
        self.blood = torch.maximum(self.blood, blood)
        self.thin_wall = torch.maximum(self.thin_wall * (1 - blood), wall)


def squircle(x: Tensor, y: Tensor, squareness: Tensor) -> Tensor:
    """Fernandez Guasti's squircle: 1 on its edge, less within, for x and y in units of the half axes."""
    x2, y2 = x.square().clamp_(max=1.6), y.square().clamp_(max=1.6)
    return x2 + y2 - squareness.square() * x2 * y2


class Chambers:
    """Shapes of atria, right ventricle and aortic root of B clips. They fill while the LV empties."""

    def __init__(self, draws: Draws, ventricle: Ventricle, view: View, effusion: Effusion, beating: Beating) -> None:
        self.ventricle, self.view, self.effusion = ventricle, view, effusion
        filling = ventricle.contraction.clamp(-0.2, 1.2)
        length0, width0 = ventricle.length0, ventricle.width0
        self.squareness = draws.uniform(0.3, 0.8)
        self.roof = length0 * (1 + draws.uniform(0.35, 0.7))
        self.left_x = draws.uniform(-4, 4) - 0.35 * width0 * view.aorta
        self.left_width = width0 * draws.uniform(0.75, 1.15) * (1 + draws.uniform(0.02, 0.14) * filling)
        self.atrial_wall, self.faint_sides = draws.uniform(1.5, 3.5), draws.uniform(0.1, 0.95)
        self._draw_right_heart(draws, filling, beating)
        self.aortic_angle = torch.deg2rad(draws.uniform(10, 32))
        self.aortic_width = draws.uniform(9, 13) * length0 / 85
        self.aortic_length = draws.uniform(35, 70)

    def _draw_right_heart(self, draws: Draws, filling: Tensor, beating: Beating) -> None:
        ventricle, disease = self.ventricle, self.ventricle.disease
        large = disease.overload > 0
        squeeze = beating.walls(lag=draws.normal(0.015)) * ventricle.ejection * draws.uniform(0.6, 1.2)
        squeeze = squeeze * disease.right_squeeze
        width = torch.where(large, disease.right_width, draws.uniform(0.75, 1.7))
        self.right_width = ventricle.width0 * width * (1 - 0.35 * squeeze)
        self.right_length = ventricle.length * torch.where(large, disease.right_length, draws.uniform(0.62, 0.85))
        self.tricuspid_y = ventricle.length * draws.uniform(0.93, 1.0)
        self.right_wall = draws.uniform(2.5, 5) * (1 + 0.3 * squeeze)
        self.right_atrium = ventricle.width0 * draws.uniform(0.6, 1.2) * (1 + 0.5 * disease.overload + 0.08 * filling)
        self.right_roof = ventricle.length0 + (self.roof - ventricle.length0) * draws.uniform(0.8, 1.1)
        self.gap = draws.uniform(2.5, 5.5)
        self.outflow_width = draws.uniform(10, 20) * (1 + 0.8 * disease.overload) * (1 - 0.3 * squeeze)

    def fill(self, x: Tensor, y: Tensor, tissue: Tissue) -> Cavities:
        """All blood pools and thin walls at the points x, y in mm ``[B, T, row, beam]``."""
        cavities = Cavities(tissue.cavity.clone(), torch.zeros_like(tissue.cavity))
        reach = torch.zeros_like(tissue.outside)
        self._atrium(cavities, x - self.left_x, y, self.left_width, self.ventricle.length, self.roof, 1.0)
        if self.view.right_heart.any():
            reach = reach + self._right_ventricle(cavities, y, tissue)
            center = self.left_x - self.left_width - self.right_atrium - self.gap
            shown = self.view.right_heart
            self._atrium(cavities, x - center, y, self.right_atrium, self.tricuspid_y, self.right_roof, shown)
        if self.view.outflow.any():
            reach = reach + self._outflow_tract(cavities, y, tissue)
        if self.view.aorta.any():
            self._aortic_root(cavities, x, y)
        if self.effusion.present.any():
            above = -(y + self.ventricle.apex_surface())
            self.add_fluid(cavities, tissue, reach, above, self.ventricle.length + 4 - y)
        return cavities

    def add_fluid(self, cavities: Cavities, tissue: Tissue, reach: Tensor, above: Tensor, below_base: Tensor) -> None:
        """Fluid around the heart, which reaches as many mm beyond the LV's wall, and the pericardium around it.

        above: mm above the apex; below_base: mm to the heart's base, positive on the heart's side of it.
        """
        beyond = tissue.outside - reach
        border = self.effusion.layer(beyond, above, tissue.side)
        around = soft(torch.maximum(beyond, above)).mul_(soft(below_base)).mul_(self.effusion.present)
        fluid = soft(border).mul_(around)
        line = soft(border + self.effusion.line).mul_(around).mul_(1 - fluid)
        cavities.add(fluid.mul_(1 - tissue.wall), line)

    def _atrium(self, cavities: Cavities, x, y, width, base, roof, shown: Tensor | float) -> None:
        """An atrium between its valve's ring and its roof. Its sides, along the beams, return less than its roof."""
        half = (roof - base) / 2
        height = (y - base - half) / half
        border = (1 - squircle(x / width, height, self.squareness)) * (0.5 * width)
        inside = soft(border) * shown
        wall = soft(border + self.atrial_wall).mul_(y > base - 2).mul_(1 - inside) * shown
        wall = wall * (1 - self.faint_sides * (1 - height.square().clamp_(max=1)))
        cavities.add(inside, wall)

    def _right_ventricle(self, cavities: Cavities, y: Tensor, tissue: Tissue) -> Tensor:
        """A crescent that leans on the septum. How many mm it reaches beyond the LV's wall."""
        off = tissue.outside
        height = (self.tricuspid_y - y) / self.right_length
        lean = height.clamp(0, 1)
        free = (1 - lean * lean.sqrt()) * self.right_width
        span = soft(self.tricuspid_y - y).mul_((height < 1) & ~tissue.right) * self.view.right_heart
        inside = soft(off).mul_(soft(free - off)).mul_(span)
        wall = soft(off + 1).mul_(soft(free + self.right_wall - off)).mul_(span).mul_(1 - inside)
        cavities.add(inside, wall)
        return (free.clamp(min=0) + self.right_wall).mul_(span)

    def _outflow_tract(self, cavities: Cavities, y: Tensor, tissue: Tissue) -> Tensor:
        """The right ventricle before the septum in long-axis views, with its free wall. Its reach as above."""
        off = tissue.outside
        span = self.view.outflow * tissue.right * soft(y - 0.25 * self.ventricle.length)
        inside = soft(off).mul_(soft(self.outflow_width - off)).mul_(span)
        wall = soft(self.outflow_width + self.right_wall - off).mul_(soft(off - self.outflow_width)).mul_(span)
        cavities.add(inside, wall)
        return (self.outflow_width + self.right_wall) * span

    def aortic_axes(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Coordinates across and along the aortic root, mm, from the middle of its ring."""
        cos, sin = torch.cos(self.aortic_angle), torch.sin(self.aortic_angle)
        from_x = x - 0.62 * self.ventricle.width0 * (1 - 0.5 * self.ventricle.narrowing * self.ventricle.motion_right)
        from_y = y - self.ventricle.length + 4
        return from_x * cos - from_y * sin, from_x * sin + from_y * cos

    def _aortic_root(self, cavities: Cavities, x: Tensor, y: Tensor) -> None:
        across, along = self.aortic_axes(x, y)
        across.abs_()
        span = soft(along).mul_(soft(self.aortic_length - along)) * self.view.aorta
        inside = soft(self.aortic_width - across).mul_(span)
        wall = soft(self.aortic_width + 2.5 - across).mul_(span).mul_(1 - inside)
        cavities.blood = torch.maximum(cavities.blood * (1 - wall), inside)
        cavities.thin_wall = torch.maximum(cavities.thin_wall * (1 - inside), wall)
