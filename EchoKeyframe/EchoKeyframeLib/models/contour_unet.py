"""A small U-Net that sees a frame of an apical loop beside what stands still in the loop, and says where the LV lies.

After Ronneberger O et al., U-Net, MICCAI 2015 (doi:10.1007/978-3-319-24574-4_28), thinned for a CPU: the stem halves
the image, the widest maps get one convolution on the way up and none on the way down, skips are added and not joined,
and what comes out stays at half the image's size.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import NetworkConfig

MAPS = 4
"""Of the cavity, of both ends of the annulus and of the apex."""


class ContourUNet(nn.Module):
    """images: float ``[n, 3, S, S]`` in [0, 1] (``loop_images``), S a multiple of 16.

    Returns logits ``[n, 4, S/2, S/2]`` of the cavity at each pixel and, over all pixels of a frame, of the place of the
    annulus' left and right end (by their columns in the image) and of the apex; and a logit ``[n]`` of the view being
    an apical one.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.hidden
        self.stem = nn.Conv2d(config.channels, widths[0], 3, 2, 1)
        steps = list(pairwise(widths))
        self.down = nn.ModuleList(_convolutions(a, b, b) for a, b in steps)
        self.across = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in steps)
        self.up = nn.ModuleList(_convolutions(*[a] * (3 if level else 2)) for level, a in enumerate(widths[:-1]))
        self.maps = nn.Conv2d(widths[0], MAPS, 1)
        self.apical = nn.Linear(2 * widths[-1], 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = F.relu(self.stem(images - 0.25))
        skips = []
        for block in self.down:
            skips.append(features)
            features = block(F.max_pool2d(features, 2))
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1)
        for level in range(len(self.up) - 1, -1, -1):
            coarse = self.across[level](features)
            features = self.up[level](skips[level] + F.interpolate(coarse, scale_factor=2.0, mode="bilinear"))
        return self.maps(features), self.apical(pooled)[:, 0]


def _convolutions(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inside, outside in pairwise(widths):
        layers += [nn.Conv2d(inside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside)]
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
