"""Random changes of a batch that leave the keyframes where they are. No flips: a view's handedness has a meaning."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Augmentation:
    """The paper's geometry and, with ``appearance``, what it does not do.

    rotation (degrees), scaling (factor and its inverse), shift (part of the image's side): largest values, uniform.
    appearance: brightness curve, noise, blur, cut-outs, noise on the motion field, shifts and holes of motion maps.

    One transformation is drawn for each sample and applied to all its frames, images and motion maps alike; the flow
    vectors turn with the image. Zero frames stay zero.
    """

    rotation: float = 10.0
    scaling: float = 1.2
    stretch: float = 1.0
    shift: float = 0.0
    appearance: bool = False

    @classmethod
    def of(cls, appearance: bool) -> Augmentation:
        """The paper's (scaling and rotation), or the one for the modern recipe."""
        return cls(rotation=14.0, scaling=1.25, stretch=1.1, shift=0.1, appearance=True) if appearance else cls()

    def __call__(
        self, images: Tensor, motion: Tensor, present: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """images uint8 ``[B, T, 1, S, S]``, motion float ``[B, T, 3, 14, 14]`` normalised, present bool ``[B, T]``.

        Returns images float ``[B, T, 1, S, S]`` in [0, 1] and motion as before.
        """
        affine = self._affine(len(images), generator)
        images = _warp(images.float() / 255.0, affine, "zeros")
        motion = _warp_motion(motion, affine)
        if self.appearance:
            images = _appearance(images, generator)
            motion = _motion_noise(motion, generator)
        keep = present.to(images.dtype)[:, :, None, None, None]
        return images * keep, motion * keep

    def with_masks(self, images: Tensor, masks: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images uint8 ``[B, T, 1, S, S]`` and their masks ``[B, T, S, S]`` moved as one; images float in [0, 1]."""
        affine = self._affine(len(images), generator)
        images = _warp(images.float() / 255.0, affine, "zeros")
        moved = _warp(masks[:, :, None], affine, "zeros")[:, :, 0]
        return (_appearance(images, generator) if self.appearance else images), moved

    def _affine(self, batch: int, generator: torch.Generator) -> Tensor:
        """From output to input positions in [-1, 1], ``[B, 2, 3]``."""
        angle = _uniform(batch, math.radians(self.rotation), generator)
        zoom = torch.exp(_uniform(batch, math.log(self.scaling), generator))
        stretch = torch.exp(_uniform(batch, math.log(self.stretch), generator))
        across, along = _uniform(batch, 2 * self.shift, generator), _uniform(batch, 2 * self.shift, generator)
        cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
        first = torch.stack([cos * stretch, -sin, across], -1)
        return torch.stack([first, torch.stack([sin, cos / stretch, along], -1)], 1)


def _uniform(batch: int, largest: float, generator: torch.Generator) -> Tensor:
    return (2 * torch.rand(batch, generator=generator, device=generator.device) - 1) * largest


def _warp(frames: Tensor, affine: Tensor, padding: str) -> Tensor:
    """All frames and channels ``[B, T, C, H, W]`` of a sample by its affine transformation."""
    batch, length, channels, height, width = frames.shape
    grid = F.affine_grid(affine, [batch, 1, height, width], align_corners=False)
    flat = F.grid_sample(frames.flatten(1, 2), grid, mode="bilinear", padding_mode=padding, align_corners=False)
    return flat.unflatten(1, (length, channels))


def _warp_motion(motion: Tensor, affine: Tensor) -> Tensor:
    """Move the maps, then turn and scale the flow: a vector in the input becomes ``A^-1`` times it in the output."""
    moved = _warp(motion, affine, "border")
    inverse = torch.linalg.inv(affine[:, :, :2])
    flow = torch.einsum("bij,btjhw->btihw", inverse, moved[:, :, :2])
    return torch.cat([flow, moved[:, :, 2:]], 2)


def _appearance(images: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness curve for all; noise for 40 %, blur for 30 % and a cut-out for 25 % of the samples."""
    batch, device = len(images), generator.device

    def each() -> Tensor:
        return torch.rand((batch, 1, 1, 1, 1), generator=generator, device=device)

    def normal() -> Tensor:
        return torch.randn((batch, 1, 1, 1, 1), generator=generator, device=device)

    images = images.clamp_min_(1e-4).pow_(torch.exp(0.25 * normal()))
    images.mul_(torch.exp(0.15 * normal())).add_(0.03 * normal().clamp(-1, 1))
    # Only the chosen samples are touched: on a CPU, noise and blur of all would cost more than the rest together.
    strength, noisy = 0.03 * each(), torch.nonzero(each().flatten() < 0.4).flatten()
    noise = torch.randn((len(noisy), *images.shape[1:]), generator=generator, device=device)
    images[noisy] += strength[noisy] * noise
    blurred = torch.nonzero(each().flatten() < 0.3).flatten()
    images[blurred] = _half_blurred(images[blurred])
    return images.mul_(_cut_outs(images, each)).clamp_(0, 1)


def _half_blurred(images: Tensor) -> Tensor:
    mean = F.avg_pool2d(images.flatten(0, 1), 3, 1, 1).view_as(images)
    return torch.lerp(images, mean, 0.5)


def _cut_outs(images: Tensor, each) -> Tensor:
    """Factor ``[B, 1, 1, S, S]``: in a quarter of the samples one rectangle is darkened in every frame."""
    size = images.shape[-1]
    position = torch.arange(size, device=images.device) / size
    top, left = each(), each()
    height, width = 0.05 + 0.22 * each(), 0.05 + 0.22 * each()
    rows, columns = position[:, None], position[None, :]
    inside = (rows >= top) & (rows < top + height) & (columns >= left) & (columns < left + width)
    return 1 - inside * (each() < 0.25) * (1 - each())


def _motion_noise(motion: Tensor, generator: torch.Generator) -> Tensor:
    """Noise on the flow, cell by cell and of the whole field (a jolting probe), small shifts, dead cells."""
    batch, device = len(motion), generator.device

    def draw(shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=generator, device=device)

    flow = motion[:, :, :2]
    for shape, largest in ((flow.shape, 0.2), ((*flow.shape[:3], 1, 1), 0.15)):
        noise = torch.randn(shape, generator=generator, device=device)
        flow = flow + largest * draw((batch, 1, 1, 1, 1)) * noise
    motion = torch.cat([flow, motion[:, :, 2:]], 2)
    one_cell = 2.0 / motion.shape[-1]
    move = torch.randint(-1, 2, (batch, 2), generator=generator, device=device) * one_cell * (draw((batch, 1)) < 0.5)
    identity = torch.eye(2, device=device).expand(batch, 2, 2)
    motion = _warp(motion, torch.cat([identity, move[:, :, None]], 2), "border")
    dead = (draw((batch, 1, 1, *motion.shape[-2:])) < 0.2) & (draw((batch, 1, 1, 1, 1)) < 0.3)
    return motion * ~dead
