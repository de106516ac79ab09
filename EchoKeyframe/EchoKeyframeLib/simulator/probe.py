"""The scan sector and where the heart lies in it, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .beating import Beating
from .config import PhantomConfig
from .draws import Draws
from .swing import Swing
from .variants import SHORT_AXIS, Variants


@dataclass(frozen=True)
class Scan:
    """Geometry of the sector. Lengths in mm, angles in rad, each ``[B, 1, 1, 1]``.

    depth: of the last sample. start: of the first. half_angle, tilt: of the fan and of its axis.
    """

    depth: Tensor
    start: Tensor
    half_angle: Tensor
    tilt: Tensor

    @classmethod
    def draw(cls, draws: Draws, variants: Variants) -> Scan:
        """A handheld probe's fan is no wider than 76 degrees; a large right ventricle is looked at in a wide one."""
        depth, start, angle = draws.uniform(115, 200), draws.uniform(0, 8), draws.uniform(29, 52)
        angle = torch.where(variants["right_overload"] > 0, angle.clamp(min=36), angle)
        angle = torch.where(variants["handheld"] > 0, angle.clamp(max=38), angle)
        return cls(depth, start, half_angle=torch.deg2rad(angle), tilt=torch.deg2rad(draws.normal(3)))

    def samples(self, rows: int, beams: int) -> tuple[Tensor, Tensor]:
        """Depth ``[B, 1, rows, 1]`` in mm and angle ``[B, 1, 1, beams]`` in rad of the samples."""
        device = self.depth.device
        down = torch.linspace(0, 1, rows, device=device).view(1, 1, rows, 1)
        across = torch.linspace(-1, 1, beams, device=device).view(1, 1, 1, beams)
        return self.start + down * (self.depth - self.start), across * self.half_angle


@dataclass(frozen=True)
class Pose:
    """Where the heart's axes lie: apex position and tilt per frame, mm and rad, ``[B, 1 or T, 1, 1]``.

    bend: curvature of the long axis in 1/mm; mid: where along the axis in mm it is straight.
    """

    apex_x: Tensor
    apex_z: Tensor
    angle: Tensor
    bend: Tensor
    mid: Tensor

    def to_heart(self, depth: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
        """Samples as heart coordinates in mm ``[B, T, row, beam]``: x across the LV, y from apex to base."""
        along_x = depth * torch.sin(angle) - self.apex_x
        along_z = depth * torch.cos(angle) - self.apex_z
        cos, sin = torch.cos(self.angle), torch.sin(self.angle)
        x = along_x * cos - along_z * sin
        y = along_x * sin + along_z * cos
        return x.sub_(self.bend * (y - self.mid).square_()), y

    def to_probe(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The reverse: heart coordinates in mm as positions across and along the probe's axis, mm."""
        x = x + self.bend * (y - self.mid).square()
        cos, sin = torch.cos(self.angle), torch.sin(self.angle)
        return x * cos + y * sin + self.apex_x, y * cos - x * sin + self.apex_z


def draw_pose(
    draws: Draws,
    scan: Scan,
    length: Tensor,
    views: Sequence[str],
    rocking: Swing,
    shifted: Tensor,
    beating: Beating,
    config: PhantomConfig,
) -> Pose:
    """Apical views look along the long axis from the apex, parasternal ones across it with the apex to the left, or
    along it at a cut that lies in the origin's place; subcostal ones across it with the apex to the right.

    shifted: 1 where a large right ventricle takes its place in the image, the left one moving aside.
    """
    parasternal, subcostal, short = (
        draws.tensor([float(view == name) for view in views]) for name in ("PLAX", "SC4C", SHORT_AXIS)
    )
    apical = 1 - parasternal - subcostal - short
    apex_z = draws.uniform(0.06, 0.2) * scan.depth * apical
    apex_z = apex_z + draws.uniform(0.38, 0.52) * scan.depth * (1 - apical)
    apex_x = draws.normal(9) * (apical + short) - (draws.uniform(0.5, 0.85) * length) * (parasternal - 0.7 * subcostal)
    angle = draws.normal(11) * (apical + short) + draws.uniform(68, 92) * parasternal
    shift_x, shift_z = _excursion(draws, beating, config)
    swing = draws.uniform(-7, 7) * beating.walls(lag=draws.normal(0.02))
    swing = swing + _sway(draws, beating, config)
    bend = draws.uniform(-1, 1) * 9e-4 * apical
    angle = angle - draws.uniform(45, 85) * subcostal
    aside = shifted * apical
    apex_x, angle = apex_x + draws.uniform(0.12, 0.3) * length * aside, angle + draws.normal(10) * aside
    return Pose(
        apex_x=apex_x + shift_x + rocking.shift_x,
        apex_z=apex_z + shift_z + rocking.shift_z,
        angle=torch.deg2rad(angle + swing) + rocking.turn,
        bend=bend,
        mid=0.4 * length,
    )


def _sway(draws: Draws, beating: Beating, config: PhantomConfig) -> Tensor:
    """Turning of the image in degrees where a hand does not hold the probe still, slower than the heart."""
    angle, rate, phase = draws.uniform(1, 8) * draws.chance(0.2), draws.uniform(0.15, 0.6), draws.uniform(0, 6.28)
    turn = draws.normal(4) * draws.chance(0.2)
    return angle * torch.sin(6.28 * rate * beating.times + phase) + turn * beating.times if config.drift else 0 * angle


def _excursion(draws: Draws, beating: Beating, config: PhantomConfig) -> tuple[Tensor, Tensor]:
    """Displacement of the heart in mm per frame: with the beat, with breathing, and because the probe drifts."""
    amplitude, way = draws.uniform(0, 6), draws.uniform(0, 6.28)
    contraction = beating.walls(lag=draws.normal(0.03))
    shift_x = amplitude * torch.cos(way) * contraction
    shift_z = 0.6 * amplitude * torch.sin(way) * contraction
    depth, way, rate, phase = draws.uniform(0, 5), draws.uniform(0, 6.28), draws.uniform(0.15, 0.4), draws.uniform(0, 1)
    if config.breathing:
        breath = depth * torch.sin(6.28 * (beating.times * rate + phase))
        shift_x, shift_z = shift_x + breath * torch.cos(way), shift_z + 0.8 * breath * torch.sin(way)
    step = (draws.uniform(0, 1.4) / beating.fps.sqrt()).flatten().cpu().numpy()
    frames = beating.times.shape[1]
    walk_x, walk_z = draws.walk(frames, step), draws.walk(frames, step)
    hurried = 1 + draws.uniform(1, 4) * draws.chance(0.15)
    slide_x, slide_z = draws.normal(2.5) * hurried, draws.normal(1.5) * hurried
    if config.drift:
        shift_x, shift_z = shift_x + walk_x + slide_x * beating.times, shift_z + walk_z + slide_z * beating.times
    return shift_x, shift_z
