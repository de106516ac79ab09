"""Leaflets of the mitral, tricuspid and aortic valves, hinged at their rings and moved by the rhythm."""

from __future__ import annotations

import torch
from torch import Tensor

from .beating import Beating
from .chambers import Chambers
from .draws import Draws
from .ventricle import Ventricle


def stroke(x: Tensor, y: Tensor, ax: Tensor, ay: Tensor, bx: Tensor, by: Tensor, thickness: Tensor) -> Tensor:
    """Mask of a thin straight leaflet from a to b (mm), ``thickness`` its half thickness."""
    dx, dy = bx - ax, by - ay
    from_x, from_y = x - ax, y - ay
    along = (from_x * (dx / (dx * dx + dy * dy + 1e-6))).add_(from_y * (dy / (dx * dx + dy * dy + 1e-6))).clamp_(0, 1)
    squared = from_x.sub_(along * dx).square_().add_(from_y.sub_(along * dy).square_())
    return squared.neg_().add_(thickness * thickness).mul_(0.5 / thickness).add_(0.5).clamp_(0, 1)


class Leaflets:
    """Leaflets of B clips. ``draw`` gives their mask at points x, y."""

    def __init__(self, draws: Draws, ventricle: Ventricle, chambers: Chambers, beating: Beating) -> None:
        self.ventricle, self.chambers, self.view = ventricle, chambers, chambers.view
        self.thickness = draws.uniform(0.8, 1.8)
        self.mitral = beating.mitral() * draws.uniform(0.6, 1.0)
        self.tricuspid = beating.mitral(draws.normal(0.015))
        self.aortic = beating.aortic()
        self.anterior = draws.uniform(0.5, 0.66)
        self.slack = [draws.uniform(1.02, 1.12) for _ in range(2)]
        self.closed = torch.deg2rad(draws.uniform(70, 86))
        self.open = [torch.deg2rad(draws.uniform(5, 35)) for _ in range(2)]
        self.bend_closed = [torch.deg2rad(draws.uniform(-18, 18)) for _ in range(2)]
        self.bend_open = [torch.deg2rad(draws.uniform(-25, 10)) for _ in range(2)]
        self.tricuspid_closed, self.tricuspid_open = draws.uniform(1.3, 1.5), draws.uniform(0.25, 0.5)
        self.cusp_offset = draws.uniform(2, 7)

    def draw(self, x: Tensor, y: Tensor) -> Tensor:
        leaflets = self._mitral(x, y)
        if self.view.right_heart.any():
            leaflets = torch.maximum(leaflets, self._tricuspid(x, y) * self.view.right_heart)
        if self.view.aorta.any():
            leaflets = torch.maximum(leaflets, self._aortic(x, y) * self.view.aorta)
        return leaflets

    def _mitral(self, x: Tensor, y: Tensor) -> Tensor:
        """Two leaflets of two straight pieces each; the anterior one hangs beside the septum or the aortic root."""
        ring, base = self.ventricle.annulus_half_width() + 0.5, self.ventricle.length
        left_share = torch.where(self.view.aorta > 0, 1 - self.anterior, self.anterior)
        drawn = None
        for side, (sign, share) in enumerate(((1.0, left_share), (-1.0, 1 - left_share))):
            piece = ring * share * self.slack[side]
            angle = self.closed * (1 - self.mitral) + self.open[side] * self.mitral
            bend = self.bend_closed[side] * (1 - self.mitral) + self.bend_open[side] * self.mitral
            hinge = -sign * ring
            mid_x, mid_y = hinge + sign * piece * torch.sin(angle + bend), base - piece * torch.cos(angle + bend)
            tip_x, tip_y = mid_x + sign * piece * torch.sin(angle - bend), mid_y - piece * torch.cos(angle - bend)
            root = stroke(x, y, hinge, base, mid_x, mid_y, self.thickness)
            leaflet = torch.maximum(root, stroke(x, y, mid_x, mid_y, tip_x, tip_y, self.thickness))
            drawn = leaflet if drawn is None else torch.maximum(drawn, leaflet)
        return drawn

    def _tricuspid(self, x: Tensor, y: Tensor) -> Tensor:
        septal = -(self.ventricle.annulus_half_width() + self.ventricle.wall0)
        free, base = septal - self.chambers.right_width, self.chambers.tricuspid_y
        reach = 0.52 * self.chambers.right_width
        angle = self.tricuspid_closed * (1 - self.tricuspid) + self.tricuspid_open * self.tricuspid
        rise = base - reach * torch.cos(angle)
        across = reach * torch.sin(angle)
        thickness = 0.8 * self.thickness
        one = stroke(x, y, septal, base, septal - across, rise, thickness)
        return torch.maximum(one, stroke(x, y, free, base, free + across, rise, thickness))

    def _aortic(self, x: Tensor, y: Tensor) -> Tensor:
        across, along = self.chambers.aortic_axes(x, y)
        width, ring = self.chambers.aortic_width, self.cusp_offset
        angle = 1.4 * (1 - self.aortic) + 0.09 * self.aortic
        reach, height = width * torch.sin(angle), ring + width * torch.cos(angle)
        thickness = 0.7 * self.thickness
        one = stroke(across, along, -width, ring, reach - width, height, thickness)
        return torch.maximum(one, stroke(across, along, width, ring, width - reach, height, thickness))
