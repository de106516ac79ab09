"""Colour Doppler as its gray levels show it: a box, or the whole sector, painted over the image in beam space."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .beating import Beating
from .draws import Draws
from .variants import Variants

WHOLE_SECTOR = 0.2
"""Share of the clips with colour in which it is tissue Doppler over the whole sector."""


class Doppler:
    """Colour of B clips: where flow is coded, how bright it is, and how it comes and goes with the valves."""

    def __init__(self, draws: Draws, variants: Variants, beating: Beating) -> None:
        self.draws, self.present = draws, variants["colour"].flatten() > 0
        self.tissue = draws.chance(WHOLE_SECTOR).flatten() > 0
        self.boxes = [self._box(g) for g in draws.generators]
        self.frame, self.dim = draws.uniform(0.3, 0.9), draws.uniform(0.1, 0.25)
        self.bright, self.sensitivity = draws.uniform(0.15, 0.6), draws.uniform(-0.1, 0.7)
        self.flow = torch.maximum(beating.mitral(), beating.aortic())
        velocity = torch.zeros_like(self.flow)
        contraction = beating.walls()
        velocity[:, 1:] = (contraction[:, 1:] - contraction[:, :-1]) * beating.fps
        self.velocity = velocity / 5

    @staticmethod
    def _box(rng: np.random.Generator) -> tuple[float, float, float, float]:
        """First and last row and beam as shares of all."""
        top, left = rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.55)
        return top, min(top + rng.uniform(0.25, 0.5), 0.98), left, min(left + rng.uniform(0.25, 0.5), 0.95)

    def paint(self, image: Tensor, blood: Tensor) -> Tensor:
        """Gray levels in [0, 1] and the mask of blood, both ``[B, T, row, beam]``. Changes ``image``."""
        rows, beams = image.shape[-2:]
        clouds = self.draws.field((image.shape[1], rows // 16 + 2, beams // 10 + 2))
        for clip in self.present.nonzero().flatten().tolist():
            if self.tissue[clip]:
                self._paint_tissue(image[clip], clouds[clip], clip)
                continue
            top, bottom, left, right = self.boxes[clip]
            box = np.s_[:, int(top * rows) : int(bottom * rows), int(left * beams) : int(right * beams)]
            self._paint_flow(image[clip][box], blood[clip][box], clouds[clip], clip)
        return image

    def _paint_flow(self, part: Tensor, blood: Tensor, clouds: Tensor, clip: int) -> None:
        """Blood that moves fast enough, and the box's border."""
        shape = part.shape[-2:]
        cloud = F.interpolate(clouds[:, None], size=shape, mode="bilinear")[:, 0]
        speed = cloud.mul_(0.35).add_(self.flow[clip] + self.sensitivity[clip] - 0.5)
        coded = (speed > 0) & (blood > 0.5)
        part[:] = torch.where(coded, self.dim[clip] + self.bright[clip] * speed.clamp(0, 1.3), part)
        for edge in (part[:, 0], part[:, -1], part[:, :, 0], part[:, :, -1]):
            edge[:] = self.frame[clip, 0, 0, 0]

    def _paint_tissue(self, part: Tensor, clouds: Tensor, clip: int) -> None:
        """All that returns more than blood, in the gray levels of one colour toward the probe and of another away."""
        cloud = F.interpolate(clouds[:, None], size=part.shape[-2:], mode="bilinear")[:, 0]
        code = self.dim[clip] * (1.2 + 0.8 * torch.tanh(2 * self.velocity[clip] + 0.4 * cloud))
        part[:] = torch.where(part > 0.15, code, 0.5 * part)
