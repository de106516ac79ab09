"""Hearts that are shaped and move in other ways: right ventricular overload, bundle branch block, apical ballooning.

Overload: a right ventricle as wide as the left or wider (basal ratio from 1; McConnell et al., Am J Cardiol
1996;78:469), a septum that is flat in systole (pressure) or in diastole (volume; Ryan et al., J Am Coll Cardiol
1985;5:918) and in some bounces while the ventricles fill. Left bundle branch block: the septum flashes inwards before
ejection and comes back in it, the free wall is late (Gjesdal et al., Circ Cardiovasc Imaging 2011;4:264). Ballooning:
the apical half hardly moves or bulges, the base makes up for it. None changes when the volume turns.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .beating import Beating
from .draws import Draws
from .variants import Variants


class Disease:
    """What ails the hearts of B clips; 0 or 1 where nothing does. Tensors ``[B, 1 or T, 1, 1]``.

    narrow: factor of the LV's width. right_width: RV's width in half widths of the LV, 0: as drawn without disease.
    right_length: RV's length over the LV's. right_squeeze: factor of its contraction. late: s by which the free wall
    follows the septum. septum_right: whether the septum lies at x > 0.
    apical_loss: share of its motion that the apex lacks; apical_level: up to which level. flattened: 1 or 0.
    """

    def __init__(self, draws: Draws, variants: Variants, septum_right: Tensor, beating: Beating) -> None:
        self.overload, self.septum_right = variants["right_overload"], septum_right
        self.narrow = 1 - self.overload * draws.uniform(0.1, 0.35)
        self.right_width = self.overload * draws.uniform(1.9, 3.0)
        self.right_length = draws.uniform(0.85, 1.02)
        self.right_squeeze = 1 - self.overload * draws.uniform(0.2, 0.8)
        self.late = variants["bundle_branch"] * draws.uniform(0.04, 0.11)
        self.apical_loss = variants["ballooning"] * draws.uniform(0.75, 1.15)
        self.apical_level = draws.uniform(0.4, 0.6)
        self._draw_septum(draws, variants, beating)

    def _draw_septum(self, draws: Draws, variants: Variants, beating: Beating) -> None:
        self._flat = self.overload * draws.uniform(0.05, 0.4)
        self._with_volume = draws.chance(0.35)
        self._swing = self.overload * draws.uniform(0, 0.25)
        bounce = self.overload * draws.uniform(0.05, 0.2) * draws.chance(0.5)
        after, width = draws.uniform(0.06, 0.13), draws.uniform(0.02, 0.04)
        self._contraction = beating.contraction(draws.normal(0.012))
        self._bounce = bounce * beating.pulses("es", after, width) if bounce.any() else bounce
        flash = variants["bundle_branch"] * draws.uniform(0.06, 0.2)
        after, width, back = draws.uniform(0.03, 0.055), draws.uniform(0.014, 0.024), draws.uniform(0.3, 0.8)
        self._flash = flash
        if flash.any():
            rebound = beating.pulses("ed", after + 0.1, 2 * width)
            self._flash = flash * (beating.pulses("ed", after, width) - back * rebound)

    def septal_shift(self, narrowing: Tensor) -> Tensor | None:
        """Share of the cavity's half width by which the septum stands nearer to the long axis, ``[B, T, 1, 1]``.

        narrowing: share by which the cavity narrows until ES; motion of the septum alone stays below it, so that the
        cavity is largest at ED and smallest at ES all the same. None where no clip has any.
        """
        if not (self.overload.any() or self._flash.any()):
            return None
        swing = torch.minimum(self._swing, 0.8 * narrowing)
        turn = torch.where(self._with_volume > 0, 1 - self._contraction, self._contraction)
        brief = (self._bounce + self._flash).maximum(-0.6 * narrowing).minimum(0.6 * narrowing)
        return (self._flat + swing * turn + brief).clamp(-0.3, 0.6)

    def apical_motion(self, level: Tensor) -> Tensor | None:
        """Factor of the walls' motion by level (0 apex, 1 annulus); None where every apex moves."""
        if not self.apical_loss.any():
            return None
        return self._base_gain() * (1 - self.apical_loss * self._apical(level))

    def _apical(self, level: Tensor) -> Tensor:
        return torch.sigmoid((self.apical_level - level) / 0.07)

    def _base_gain(self) -> Tensor:
        """So that the whole ejects what it would without, as far as the base can make up for it."""
        levels = torch.linspace(0.05, 1, 12, device=self.apical_loss.device).view(1, 1, 1, -1)
        kept = (1 - self.apical_loss * self._apical(levels)).mean(-1, keepdim=True)
        return (1 / kept).clamp(max=1.9)
