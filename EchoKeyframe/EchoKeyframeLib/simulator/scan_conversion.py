"""From beam space to the square frames that a detector is given."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .draws import Draws
from .probe import Scan


class ScanConversion:
    """Where the sector lies in the frame: fitted to it, as a crop to the sector does, but not perfectly."""

    def __init__(self, draws: Draws, scan: Scan, size: int, upended: bool = True) -> None:
        self.scan, self.size = scan, size
        edge = scan.half_angle.clamp(max=1.5)
        half_width = scan.depth * torch.sin(edge)
        top = (scan.start * torch.cos(edge)).clamp(min=0)
        self.mm = torch.maximum(2 * half_width, scan.depth - top) / size / draws.normal(0.06, 1.0).clamp(0.85, 1.25)
        self.aspect = draws.normal(0.05).clamp(-0.15, 0.15).exp()
        self.center = size / 2 + draws.normal(0.02) * size
        middle = (scan.depth + top) / 2
        self.middle = middle + draws.normal(0.02) * size * self.mm
        self.cut = torch.where(draws.chance(0.35) > 0, draws.uniform(0.55, 1.0) * half_width, 10 * half_width)
        self.flipped = draws.chance(0.06)
        self.upended = draws.chance(0.1) if upended else torch.zeros_like(self.flipped)
        self.grid, self.inside = self._grid()

    def _grid(self) -> tuple[Tensor, Tensor]:
        """Sampling grid ``[B, S, S, 2]`` and the sector ``[B, 1, S, S]``."""
        steps = torch.arange(self.size, device=self.mm.device, dtype=torch.float32) + 0.5
        x = (steps.view(1, 1, 1, -1) - self.center) * self.mm * self.aspect
        x = x * (1 - 2 * self.flipped)
        z = (steps.view(1, 1, -1, 1) - self.size / 2) * (1 - 2 * self.upended) * self.mm + self.middle
        reach, angle = torch.hypot(x, z), torch.atan2(x, z)
        scan = self.scan
        across, down = angle / scan.half_angle, (reach - scan.start) / (scan.depth - scan.start)
        inside = (across.abs() < 1) & (down > 0) & (down < 1) & (x.abs() < self.cut)
        return torch.stack([across, 2 * down - 1], -1)[:, 0], inside

    def to_pixels(self, across: Tensor, along: Tensor, tilt: Tensor) -> tuple[Tensor, Tensor]:
        """Positions in mm from the probe, whose axis is tilted, as columns and rows of the frame."""
        reach, angle = torch.hypot(across, along), torch.atan2(across, along) - tilt
        x, z = reach * torch.sin(angle), reach * torch.cos(angle)
        column = x * (1 - 2 * self.flipped) / (self.mm * self.aspect) + self.center - 0.5
        row = (z - self.middle) * (1 - 2 * self.upended) / self.mm + self.size / 2 - 0.5
        return column, row

    def convert(self, image: Tensor) -> Tensor:
        """``[B, T, row, beam]`` as ``[B, T, S, S]``, 0 outside the sector."""
        frames = F.grid_sample(image, self.grid, mode="bilinear", padding_mode="border", align_corners=True)
        return frames.mul_(self.inside)
