"""From echo amplitudes to gray levels: beam width, clutter, attenuation, noise, log compression and post-processing.

All images are in beam space, ``[B, T, row, beam]``: rows along the beam, beams across the sector.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .beating import Beating
from .config import PhantomConfig
from .draws import Draws
from .probe import Scan
from .tissue import amplitude
from .variants import Variants


def blur(image: Tensor, sigma: Tensor, axis: int) -> Tensor:
    """Gaussian blur along the row (-2) or beam (-1) axis; ``sigma`` in samples (about 1) broadcasts."""
    reach = 2 if axis == -2 else 4
    taps = [torch.exp(-0.5 * (k / sigma.clamp(min=0.1)) ** 2) for k in range(reach + 1)]
    total = taps[0] + 2 * sum(taps[1:])
    size = image.shape[axis]
    pad = [0, 0, reach, reach] if axis == -2 else [reach, reach, 0, 0]
    wide = F.pad(image, pad, mode="replicate") if image.dim() == 4 else _pad5(image, pad)
    blurred = image * (taps[0] / total)
    for k in range(1, reach + 1):
        pair = wide.narrow(axis, reach - k, size) + wide.narrow(axis, reach + k, size)
        blurred.addcmul_(pair, (taps[k] / total).expand_as(pair))
    return blurred


def _pad5(image: Tensor, pad: list[int]) -> Tensor:
    return F.pad(image.flatten(0, 1), pad, mode="replicate").unflatten(0, image.shape[:2])


def ripple(draws: Draws, size: int, waves: int, axis: int) -> Tensor:
    """A slow random curve of about unit variance along one axis of the beam space."""
    steps = torch.linspace(0, 6.2832, size, device=draws.device)
    steps = steps.view((1, 1, -1, 1) if axis == -2 else (1, 1, 1, -1))
    parts = [torch.sin(steps * draws.uniform(0.3, 1) * k + draws.uniform(0, 6.28)) for k in range(1, waves + 1)]
    return sum(parts) * (2 / waves) ** 0.5


class Quality:
    """Views that get worse (or better) within the clip. ``worse``: 0 good to 1 lost, ``[B, T, 1, 1]``."""

    def __init__(self, draws: Draws, beating: Beating, config: PhantomConfig) -> None:
        frames = beating.times.shape[1]
        changes, improves = draws.chance(0.25), draws.chance(0.25)
        turn, pace = draws.uniform(0.25, 0.95), draws.uniform(0.04, 0.3)
        self.loss = draws.uniform(6, 20)
        self.haze = draws.uniform(0, 14)
        self.fuzz = draws.uniform(0.2, 1.0)
        share = torch.linspace(0, 1, frames, device=draws.device).view(1, -1, 1, 1)
        worse = ((share - turn) / pace + 0.5).clamp(0, 1)
        worse = torch.where(improves > 0, 1 - worse, worse) * changes
        self.worse = worse if config.degradation else torch.zeros_like(worse)


class Scanner:
    """The beam, the receiver and the display settings of B clips. rare: draws of the parts that few clips have."""

    def __init__(
        self, draws: Draws, rare: Draws, scan: Scan, beating: Beating, variants: Variants, config: PhantomConfig
    ) -> None:
        self.config, self.scan = config, scan
        self.draws = draws
        self.quality = Quality(draws, beating, config)
        depth, angle = scan.samples(config.rows, config.beams)
        self.relative_depth, self.relative_angle = depth / scan.depth, angle / scan.half_angle
        self.axial = draws.uniform(0.3, 0.75)
        self.lateral = draws.uniform(0.7, 1.5) * (0.8 + 0.6 * (self.relative_depth - draws.uniform(0.3, 0.7)).abs())
        self.compound = draws.uniform(0, 0.7)
        self._draw_losses(draws)
        self._draw_clutter(draws)
        self._draw_display(draws)
        self._coarsen(rare, variants["handheld"])
        self.passing = variants["sweeping_shadow"]
        if self.passing.any():
            self.gain = self.gain - self._passing_shadow(rare, beating)

    def _coarsen(self, draws: Draws, handheld: Tensor) -> None:
        """Few lines, a wide beam, much smoothing and more noise: what fits into a hand."""
        self.lateral = self.lateral * (1 + handheld * draws.uniform(0.3, 1.0))
        self.axial = self.axial * (1 + handheld * draws.uniform(0, 0.6))
        self.compound = torch.maximum(self.compound, handheld * draws.uniform(0.3, 0.85))
        self.haze = self.haze + handheld * amplitude(draws.uniform(-42, -22))
        self.electronic = self.electronic + handheld * draws.uniform(0, 0.04)

    def _passing_shadow(self, draws: Draws, beating: Beating) -> Tensor:
        """Loss in dB ``[B, T, row, beam]`` of a rib or a lung that moves over the sector and back with breathing."""
        center, reach = draws.uniform(-0.8, 0.8), draws.uniform(0.3, 1.0)
        rate, phase = draws.uniform(0.15, 0.5), draws.uniform(0, 6.28)
        center = center + reach * torch.sin(6.2832 * rate * beating.times + phase)
        shadow = torch.exp(-(((self.relative_angle - center) / draws.uniform(0.1, 0.35)) ** 4))
        start, loss = draws.uniform(-0.1, 0.25), draws.uniform(8, 32)
        return self.passing * loss * shadow * ((self.relative_depth - start) * 8).clamp(0, 1)

    def _draw_losses(self, draws: Draws) -> None:
        """Gain in dB ``[B, 1, row, beam]`` by attenuation, time gain compensation, poor contact and rib shadows."""
        config = self.config
        attenuation = draws.uniform(-26, 5) * self.relative_depth
        compensation = draws.uniform(0, 4) * ripple(draws, config.rows, 3, -2)
        edges = draws.uniform(0, 14) * self.relative_angle.abs() ** 3
        sides = draws.uniform(0, 2.5) * ripple(draws, config.beams, 3, -1)
        gain = attenuation + compensation - edges + sides
        for _ in range(2):
            center, width = draws.uniform(-1, 1), draws.uniform(0.06, 0.3)
            loss, start = draws.uniform(4, 28) * draws.chance(0.45), draws.uniform(-0.2, 0.5)
            shadow = torch.exp(-(((self.relative_angle - center) / width) ** 2))
            gain = gain - loss * shadow * ((self.relative_depth - start) * 8).clamp(0, 1)
        self.gain = gain if config.dropout else torch.zeros_like(gain)

    def _draw_clutter(self, draws: Draws) -> None:
        """Amplitude of echoes that stand still: near field, reverberations, haze ``[B, 1, row, beam]``."""
        config, down = self.config, self.relative_depth
        near = amplitude(draws.uniform(-38, -6)) * torch.exp(-down / draws.uniform(0.04, 0.22))
        comb = torch.cos(down * 6.2832 / draws.uniform(0.05, 0.15)).clamp(min=0)
        near = near * (1 + draws.uniform(0, 1.5) * draws.chance(0.4) * comb)
        spread = ((down - draws.uniform(0.15, 0.6)) / draws.uniform(0.15, 0.4)).square()
        haze = amplitude(draws.uniform(-62, -26)) * torch.exp(-spread)
        # In some loops as bright as the walls and over a part of the image.
        cloud = ((down - draws.uniform(0.0, 0.7)) / draws.uniform(0.15, 0.6)).square()
        side = ((self.relative_angle - draws.uniform(-1, 1)) / draws.uniform(0.4, 2)).square()
        haze = haze + amplitude(draws.uniform(-40, -14)) * torch.exp(-cloud - side) * draws.chance(0.35)
        self.near, self.haze = near, haze
        self.clutter = draws.field((2, 1, config.rows, config.beams))

    def _draw_display(self, draws: Draws) -> None:
        varied = self.config.processing
        self.dark_share = draws.uniform(0.02, 0.42) if varied else draws.tensor([0.25] * len(draws))
        self.top = draws.uniform(0.98, 0.9995)
        self.gamma = draws.log_uniform(0.85, 1.9) if varied else draws.tensor([1.2] * len(draws))
        self.peak = draws.uniform(0.6, 1.05) * (1 - 0.5 * draws.chance(0.1))
        self.electronic = draws.uniform(0, 0.07) * draws.chance(0.6)
        self.persistence = draws.uniform(0.1, 0.5) * draws.chance(0.5)
        self.edge = draws.uniform(0.2, 0.8) * draws.chance(0.35)

    def image(self, strength: Tensor, speckle: Tensor, blood: Tensor, blood_level: Tensor) -> Tensor:
        """Gray levels in [0, 1] from tissue amplitude, its speckle ``[2, B, T, row, beam]`` and the blood's mask."""
        strength = strength * amplitude(-self.quality.loss * self.quality.worse)
        hum = blood.mul(amplitude(blood_level))
        signal = speckle.mul_(strength)
        if self.config.noise:
            signal.addcmul_(self._fresh(strength.shape[1], 2), hum)
        if self.config.clutter:
            haze = self.haze * amplitude(self.quality.haze * self.quality.worse)
            signal.add_(self.clutter.transpose(0, 1) * (self.near + haze))
        lateral = self.lateral + self.quality.fuzz * self.quality.worse
        signal = blur(blur(signal, self.axial, -2), lateral, -1)
        envelope = signal.square_().sum(0).sqrt_().mul_((4 * self.axial * self.lateral + 0.3).sqrt())
        smooth = blur(strength.add_(hum), lateral, -1)
        envelope.mul_(1 - self.compound).addcmul_(smooth, (1.25 * self.compound).expand_as(smooth))
        return self._display(envelope)

    def _fresh(self, frames: int, channels: int) -> Tensor:
        """Noise that is new in every frame ``[channels, B, T, row, beam]``."""
        noise = self.draws.field((channels, frames, self.config.rows, self.config.beams))
        return noise.transpose(0, 1)

    def _display(self, envelope: Tensor) -> Tensor:
        decibel = envelope.add_(1e-5).log_().mul_(8.685889).add_(self.gain)
        floor, top = self._range(decibel[:, 0])
        image = decibel.sub_(floor).div_(top - floor).clamp_(0, 1.1)
        image = image.pow_(self.gamma).mul_(self.peak)
        if self.config.noise:
            image.addcmul_(self._fresh(image.shape[1], 1)[0], self.electronic * self.relative_depth)
        if self.config.processing:
            image = self._process(image)
        return image.clamp_(0, 1)

    def _range(self, first: Tensor) -> tuple[Tensor, Tensor]:
        """The dB shown as black and as white, so that a drawn share of the first frame is black."""
        values = first.flatten(1)[:, ::3].sort(1).values
        count = values.shape[1] - 1
        floor = values.gather(1, (self.dark_share.view(-1, 1) * count).long())
        top = values.gather(1, (self.top.view(-1, 1) * count).long())
        top = torch.maximum(top, floor + 18)
        return floor[:, :, None, None], top[:, :, None, None]

    def _process(self, image: Tensor) -> Tensor:
        if self.edge.any():
            image = image + self.edge * (image - blur(image, torch.full_like(self.edge, 1.2), -2))
        if self.persistence.any():
            image[:, 1:] = torch.lerp(image[:, 1:], image[:, :-1], self.persistence.expand_as(image[:, 1:]))
        return image
