"""How strongly each point scatters, and the speckle pattern that travels with the tissue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from .chambers import Cavities
from .config import PhantomConfig
from .draws import Draws
from .ventricle import Tissue, Ventricle

SCATTERERS, PATCHES = 640, 256
MIDDLE = 60.0


def amplitude(decibel: Tensor) -> Tensor:
    return torch.exp(decibel * 0.1151293)


def _smooth(field: Tensor, sigma: float) -> Tensor:
    """Periodic Gaussian blur of ``[C, N, N]`` by its spectrum, to unit variance."""
    frequency = torch.fft.fftfreq(field.shape[-1])
    gain = torch.exp(-2 * (torch.pi * sigma) ** 2 * (frequency[:, None] ** 2 + frequency[None, :] ** 2))
    smooth = torch.fft.ifft2(torch.fft.fft2(field) * gain).real
    return smooth / smooth.std()


@lru_cache(maxsize=4)
def _textures(device: torch.device) -> tuple[Tensor, Tensor]:
    """Two layers of complex scatterers ``[1, 4, N, N]``, correlated over 1.6 texels, and patches ``[1, 3, M, M]``."""
    source = torch.Generator().manual_seed(20240213)
    scatterers = _smooth(torch.randn(4, SCATTERERS, SCATTERERS, generator=source), 1.6)
    white = torch.randn(6, PATCHES, PATCHES, generator=source)
    patches = _smooth(white[:3], 12.0) + 0.6 * _smooth(white[3:], 3.0)
    return scatterers[None].to(device), patches[None].to(device)


def _look_up(texture: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear values ``[C, B, T, row, beam]`` at x, y in texture widths; the texture is mirrored beyond its edges."""
    batch, frames, rows, beams = x.shape
    grid = torch.stack([x, y], -1).view(1, batch * frames * rows, beams, 2)
    values = F.grid_sample(texture, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return values.view(-1, batch, frames, rows, beams)


class Scattering:
    """Echogenicity in dB of the parts of B clips' anatomy, and their speckle.

    ``grain``: mm per texel of the scatterer texture, so that the speckle is as fine as the scanner's sampling allows.
    """

    def __init__(
        self, draws: Draws, ventricle: Ventricle, right_heart: Tensor, grain: Tensor, config: PhantomConfig
    ) -> None:
        self.ventricle, self.right_heart, self.config = ventricle, right_heart, config
        self.offset = [draws.uniform(-0.4, 0.4) for _ in range(4)]
        self.scale = 2.0 / (SCATTERERS * grain * draws.uniform(0.85, 1.3))
        self._draw_walls(draws)
        self._draw_surroundings(draws)
        self.muscles = [self._muscle(draws) for _ in range(2)]
        self.blood = draws.uniform(-56, -22)
        self.turnover = draws.uniform(0, 1.5)

    def _draw_walls(self, draws: Draws) -> None:
        self.myocardium = draws.uniform(-22, -10)
        self.septum = draws.uniform(-3, 9) + draws.uniform(0, 9) * draws.chance(0.3)
        fades = draws.chance(0.45) if self.config.dropout else 0.0
        self.lateral = draws.uniform(-3, 3) - draws.uniform(4, 24) * fades
        self.fade_level, self.fade_width = draws.uniform(0, 0.8), draws.uniform(0.2, 0.6)
        self.mottle, self.streak = draws.uniform(1.5, 8), draws.uniform(0, 5)
        self.endocardium, self.epicardium = draws.uniform(-2, 9), draws.uniform(-4, 7)
        self.valve = draws.uniform(-15, -4)
        self.thin_wall = draws.uniform(-3, 7)
        self.crux = draws.uniform(2, 11) + draws.uniform(0, 6) * draws.chance(0.3)
        # Apex and the inner side of the walls drown in many real loops, most of all where the cavity is small.
        lost = draws.chance(0.4) if self.config.dropout else 0.0
        self.apex_loss, self.apex_reach = draws.uniform(4, 24) * lost, draws.uniform(0.1, 0.4)
        self.dim = draws.uniform(2, 10) * draws.chance(0.4)

    def _draw_surroundings(self, draws: Draws) -> None:
        dark = draws.chance(0.5)
        self.outer = draws.uniform(-26, -8) * dark + draws.uniform(-8, 5) * (1 - dark)
        self.outer_mottle = draws.uniform(2, 8)
        self.pericardium = draws.uniform(-10, 3)
        self.pericardium_at, self.pericardium_width = draws.uniform(1, 5), draws.uniform(1.2, 4)
        self.pericardium_top = draws.uniform(0.1, 0.7)
        self.far_wall = draws.uniform(-14, 2) - 60 * draws.chance(0.25)
        self.far_at, self.far_width = draws.uniform(2, 10), draws.uniform(3, 9)

    def _muscle(self, draws: Draws) -> tuple[Tensor, ...]:
        """A papillary muscle or trabecula: place and size at ED (mm), share of the blood that it displaces, and how
        much more than the wall it returns (dB)."""
        side = 2 * draws.chance(0.5) - 1
        across, along = side * draws.uniform(0.55, 0.9), draws.uniform(0.3, 0.65)
        x, y = across * self.ventricle.width0, along * self.ventricle.length0
        width, height = draws.uniform(2.5, 5.5), draws.uniform(5, 13)
        level = draws.uniform(-12, 3)
        return x, y, width, height, draws.uniform(0.5, 1.0) * draws.chance(0.6), level

    def strength(
        self,
        y: Tensor,
        tissue: Tissue,
        cavities: Cavities,
        leaflets: Tensor | None,
        metal: Tensor | None,
        roof: Tensor,
        trabeculae: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None,
    ) -> Tensor:
        """Amplitude of the echoes from tissue ``[B, T, row, beam]``; y in mm as in ``ventricle``; metal: of devices.

        trabeculae: from patches of tissue their mask and how much more than the wall they return (dB).
        """
        x_mm, y_mm = tissue.material_x, tissue.material_y
        patches = _look_up(_textures(y.device)[1], x_mm / 160 + self.offset[0], (y_mm - MIDDLE) / 160 + self.offset[1])
        wall = self._wall_decibel(tissue, patches)
        outer = (self.myocardium + self.outer) + self.outer_mottle * patches[0]
        solid = amplitude(outer).mul_(1 - tissue.wall).add_(amplitude(wall).mul_(tissue.wall))
        solid = torch.maximum(solid, self._pericardium(y, tissue, patches[2]))
        thin = amplitude((self.myocardium + self.thin_wall) + self.mottle * patches[1])
        solid = torch.maximum(solid, cavities.thin_wall * thin)
        far = torch.exp(-((y - roof - self.far_at) / self.far_width).square_().clamp_(max=30))
        solid = torch.maximum(solid, far.mul_(amplitude(self.far_wall + 3 * patches[2])))
        solid = solid.mul_(1 - cavities.blood)
        for muscle, decibel in self._muscles(tissue, patches[1]):
            cavities.blood = cavities.blood * (1 - muscle)
            solid = torch.maximum(solid, amplitude(decibel).mul_(muscle))
        if trabeculae is not None:
            lining, level = trabeculae(patches[0])
            cavities.blood = cavities.blood * (1 - lining)
            solid = torch.maximum(solid, amplitude((self.myocardium + level) + self.mottle * patches[1]).mul_(lining))
        solid = torch.maximum(solid, self._crux(y, tissue))
        if metal is not None:
            solid = torch.maximum(solid, metal)
        return solid if leaflets is None else torch.maximum(solid, leaflets * amplitude(self.valve + 2 * patches[1]))

    def _wall_decibel(self, tissue: Tissue, patches: Tensor) -> Tensor:
        fade = ((tissue.level - self.fade_level) / self.fade_width).square_().neg_().add_(1).clamp_(min=0)
        side = torch.where(tissue.right, self.lateral * (0.35 + 0.65 * fade), self.septum)
        wall = (self.myocardium + side) + self.mottle * patches[1] + self.streak * patches[0]
        inner = (1 - (tissue.depth / 0.3).square_()).clamp_(min=0)
        rim = (1 - ((tissue.depth - 1) / 0.3).square_()).clamp_(min=0)
        wall.sub_(self.apex_loss * (1 - tissue.level / self.apex_reach).clamp_(0, 1))
        wall.sub_(self.dim * (1 - tissue.depth).clamp_(0, 1))
        return wall.add_(inner.mul_(self.endocardium)).add_(rim.mul_(self.epicardium))

    def _pericardium(self, y: Tensor, tissue: Tissue, patches: Tensor) -> Tensor:
        """The bright line behind the free walls, brightest toward the base; none on the septum where the RV lies."""
        beyond = (1 - ((tissue.outside - self.pericardium_at) / self.pericardium_width).square_()).clamp_(min=0)
        beyond = beyond.mul_(tissue.level > self.pericardium_top).mul_(y < self.ventricle.length + 8)
        beyond = beyond.mul_(torch.where(tissue.right, torch.ones_like(self.right_heart), 1 - self.right_heart))
        return beyond.mul_(amplitude(self.pericardium + 4 * patches))

    def _muscles(self, tissue: Tissue, patches: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Mask of each muscle inside the cavity, and what it returns in dB."""
        for x, y, width, height, share, level in self.muscles:
            if not share.any():
                continue
            off_x = (tissue.material_x - x).div_(width).square_()
            off_y = (tissue.material_y - y).div_(height).square_()
            muscle = off_x.add_(off_y).neg_().add_(1.5).clamp_(0, 1).mul_(tissue.depth < 0)
            yield muscle.mul_(share), (self.myocardium + level) + self.mottle * patches

    def _crux(self, y: Tensor, tissue: Tissue) -> Tensor:
        """Fibrous rings at both hinges of the mitral valve."""
        across = ((tissue.depth - 0.3) * (0.25 * self.ventricle.wall0)).square_()
        off = ((y - self.ventricle.length) / 4).square_().add_(across)
        ring = off.neg_().mul_(0.5).add_(1).clamp_(min=0)
        return ring.mul_(amplitude(self.myocardium + self.crux)).mul_(1 - tissue.cavity)

    def speckle(self, tissue: Tissue) -> Tensor:
        """Complex scatterers ``[2, B, T, row, beam]`` of unit variance, fixed to the tissue.

        The heart also moves across the plane, so in each beat they give way to other ones for a while.
        """
        x = tissue.material_x * self.scale + self.offset[2]
        y = (tissue.material_y - MIDDLE) * self.scale + self.offset[3]
        layers = _look_up(_textures(x.device)[0], x, y)
        share = self.turnover * self.ventricle.twist
        return layers[:2].mul_(torch.cos(share)).addcmul_(layers[2:], torch.sin(share).expand_as(layers[2:]))
