"""The paper's network: a ResNet looks at each frame, a Video Swin Transformer at the frames together.

The paper (J Nanjing Med Univ 2024;44(02):253-262, figs. 4 and 5) leaves open which ResNet stage feeds the transformer
and how large that is. Chosen here with stride-1 windows in mind: each frame is encoded once but takes part in T
windows, so over all windows the transformer sees every frame T times and must be that much lighter than the encoder.

- Stage 4 (the last), a 7x7 map at 224 and 4x4 at 112. Stage 3 has four times the tokens. Its 2,048 channels are reduced
  by a 1x1 convolution that belongs to the encoder, so that a long clip's features stay small (13 kB a frame at 224).
- d = 64, two stages of two blocks (one W-MSA, one SW-MSA each), heads of 32 channels, perceptrons of twice the width.
- Attention windows of 8 frames by 4x4: half of T, so that shifting has an effect in time, and half of the map. Windows
  over the whole 7x7 map took about twice as long; the shifted block joins the quarters anyway.

Over all windows that is 5 % of the encoder's operations and, on a CPU, about 10 % of its time; with d = 96 it was 14 %
to 20 %. Testing/benchmarks/encode_once.py measures it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .backbones import backbone
from .config import NetworkConfig
from .frame_input import standardise
from .imagenet import ImageNetWeights
from .torchvision_blocks import ResNet
from .vst import VideoSwin


class ResNetVST(nn.Module):
    """frames ``[B, T, C, S, S]`` to probabilities of ED and ES ``[B, T, 2]``.

    ``forward(frames) == temporal(encode(frames))``, and in eval mode ``encode`` treats each frame by itself.
    imagenet: what its ResNet starts from; None: random weights.
    """

    def __init__(self, config: NetworkConfig, imagenet: ImageNetWeights | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoder = _up_to_stage(backbone(config.backbone, config.channels, imagenet), config)
        self.grid = -(-config.size // 2 ** (config.stage + 1))
        self.vst = VideoSwin(config, self.grid)

    def encode(self, images: Tensor, motion: Tensor | None = None) -> Tensor:
        """uint8 (0..255) or float (0..1) ``[B, T, 1 or C, S, S]`` to features ``[B, T, h, w, d]``.

        ``motion`` is not looked at; every network takes the two inputs alike.
        """
        frames = standardise(images, self.config.channels)
        batch, length = frames.shape[:2]
        flat = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        features = self.encoder(flat).permute(0, 2, 3, 1)
        return features.unflatten(0, (batch, length)).contiguous()

    def temporal(self, features: Tensor) -> Tensor:
        """Features ``[B, T, h, w, d]`` to outputs in (0, 1) ``[B, T, outputs]``."""
        return self.vst(features)

    def forward(self, images: Tensor, motion: Tensor | None = None) -> Tensor:
        return self.temporal(self.encode(images, motion))


def _up_to_stage(resnet: ResNet, config: NetworkConfig) -> nn.Sequential:
    """The ResNet without its classifier, cut after the chosen stage, then a 1x1 convolution to the VST's width."""
    names = ["conv1", "bn1", "relu", "maxpool", *(f"layer{i}" for i in range(1, config.stage + 1))]
    encoder = nn.Sequential()
    for name in names:
        encoder.add_module(name, getattr(resnet, name))
    expansion = resnet.layer1[0].expansion
    encoder.add_module("project", nn.Conv2d(32 * 2**config.stage * expansion, config.width, 1))
    return encoder
