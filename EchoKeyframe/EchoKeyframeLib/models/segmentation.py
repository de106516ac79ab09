"""Segmentation of the left ventricle, whose area is largest at ED and smallest at ES: EchoNet-Dynamic's first part.

Ouyang D et al., Video-based AI for beat-to-beat assessment of cardiac function, Nature 2020;580:252; public code:
github.com/echonet/dynamic (echonet/utils/segmentation.py). As there: torchvision's DeepLabV3 on a ResNet50 from random
weights with one output channel, binary cross-entropy at each pixel, the area counted in pixels above one half.

Departures: frames are standardised one by one (there: by the data set's mean and spread); the cross-entropy is averaged
and not summed over pixels, so that learning rates keep their meaning; both ED and ES are read from the area (there only
ES, from its minima). On the thin ResNet, torchvision's DeepLabV3 head looks at maps an eighth of the image wide, as the
published one does.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from .backbones import take_gray, thin_resnet
from .config import THIN, NetworkConfig
from .frame_input import standardise
from .torchvision_blocks import DeepLabHead, DeepLabV3, IntermediateLayerGetter, deeplabv3_resnet50

_AN_EIGHTH = (2, 2, 1, 1)


class LVSegmentation(nn.Module):
    """frames ``[B, T, C, S, S]`` to the area of the left ventricle as a share of the frame ``[B, T, 1]``.

    Each frame stands for itself: ``encode`` gives the area, ``temporal`` hands it on.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.body = _thin(config) if config.backbone == THIN else _published(config)

    def masks(self, images: Tensor) -> Tensor:
        """Logits of the LV at each pixel ``[B, T, S, S]``; images uint8 (0..255) or float (0..1)."""
        frames = standardise(images, self.config.channels)
        flat = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self.body(flat)["out"][:, 0].unflatten(0, frames.shape[:2])

    def encode(self, images: Tensor, motion: Tensor | None = None) -> Tensor:
        """Area ``[B, T, 1]`` in [0, 1]. ``motion`` is not looked at."""
        return (self.masks(images) > 0).float().mean((-2, -1))[..., None]

    def temporal(self, features: Tensor) -> Tensor:
        return features

    def forward(self, images: Tensor, motion: Tensor | None = None) -> Tensor:
        return self.encode(images, motion)


def _published(config: NetworkConfig) -> DeepLabV3:
    body = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=1, aux_loss=False)
    if config.channels == 1:
        take_gray(body)
    return body


def _thin(config: NetworkConfig) -> DeepLabV3:
    # The head takes the maps by the name that torchvision gives them.
    encoder = nn.Sequential(OrderedDict(out=thin_resnet(config.channels, config.width, _AN_EIGHTH)))
    return DeepLabV3(IntermediateLayerGetter(encoder, {"out": "out"}), DeepLabHead(config.width, 1))
