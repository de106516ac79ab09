"""The default network: what a frame looks like and how it moves, under one Video Swin Transformer.

Motion looks alike in simulated and in real loops while textures do not, so a network that was trained on a simulator
carries over through its motion stream. The image stream adds what motion cannot tell (which way is up, where the valve
is). Both are reduced to the same small grid and added up: a stream that is absent is simply missing from the sum.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .backbones import thin_resnet
from .config import NetworkConfig
from .frame_input import standardise
from .vst import VideoSwin

MOTION_GRID = 14
_MOTION_WIDTHS = (32, 64, 64, 128)
_MOTION_STRIDES = (1, 2, 1, 2)


class TwoStreamVST(nn.Module):
    """Images and motion maps to curves.

    images: uint8 (0..255) or float (0..1) ``[B, T, 1, S, S]``; motion: normalised float ``[B, T, 3, 14, 14]``, from
    ``detection.motion_features``. Either may be None where ``config.streams`` leaves it out.
    In eval mode ``encode`` treats each frame by itself; ``forward(...) == temporal(encode(...))``.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        if "image" in config.streams:
            self.image = thin_resnet(config.channels, config.width)
        if "motion" in config.streams:
            self.motion = _motion_encoder(config.width)
        # The image encoder halves the size five times; the motion encoder ends at a grid of 4x4 for its 14x14 maps.
        self.grid = -(-config.size // 32) if "image" in config.streams else -(-MOTION_GRID // 4)
        self.vst = VideoSwin(config, self.grid)

    def encode(self, images: Tensor | None, motion: Tensor | None = None, keep_image: Tensor | None = None) -> Tensor:
        """Features ``[B, T, h, w, d]`` of every frame.

        keep_image: bool ``[B]``, False where a sample goes without its images. None: in training mode drawn at random
        with ``config.image_dropout`` (never where there is no motion stream), in eval mode all images are used.
        """
        features: Tensor | None = None
        if "image" in self.config.streams:
            features = self._encode_images(images, keep_image)
        if "motion" in self.config.streams:
            moving = _frame_by_frame(self.motion, motion)
            if moving.shape[-2] != self.grid:
                moving = _resize(moving, self.grid)
            features = moving if features is None else features + moving
        return features

    def _encode_images(self, images: Tensor, keep: Tensor | None) -> Tensor:
        features = _frame_by_frame(self.image, standardise(images, self.config.channels))
        if keep is None and self.training and self.config.image_dropout and "motion" in self.config.streams:
            keep = torch.rand(len(features), device=features.device) >= self.config.image_dropout
        if keep is not None:
            features = features * keep.to(features.dtype)[:, None, None, None, None]
        return features

    def temporal(self, features: Tensor) -> Tensor:
        """Features ``[B, T, h, w, d]`` to outputs in (0, 1) ``[B, T, outputs]``."""
        return self.vst(features)

    def forward(self, images: Tensor | None, motion: Tensor | None = None, keep_image: Tensor | None = None) -> Tensor:
        return self.temporal(self.encode(images, motion, keep_image))


def _frame_by_frame(encoder: nn.Module, frames: Tensor) -> Tensor:
    """``[B, T, C, H, W]`` through a 2D encoder to ``[B, T, h, w, d]``."""
    flat = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    return encoder(flat).permute(0, 2, 3, 1).unflatten(0, frames.shape[:2]).contiguous()


def _resize(features: Tensor, grid: int) -> Tensor:
    flat = features.flatten(0, 1).permute(0, 3, 1, 2)
    resized = nn.functional.interpolate(flat, (grid, grid), mode="bilinear", align_corners=False)
    return resized.permute(0, 2, 3, 1).unflatten(0, features.shape[:2])


def _motion_encoder(width: int) -> nn.Sequential:
    """Four 3x3 convolutions from 14x14 maps of flow and brightness to 4x4."""
    layers: list[nn.Module] = []
    inside = 3
    for outside, stride in zip(_MOTION_WIDTHS, _MOTION_STRIDES, strict=True):
        layers += [nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True)]
        inside = outside
    return nn.Sequential(*layers, nn.Conv2d(inside, width, 1))
