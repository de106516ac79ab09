"""Image networks as encoders of single frames: torchvision's, and a thin one made of its blocks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from . import torchvision_blocks as blocks
from .config import THIN, NetworkConfig
from .frame_input import standardise
from .imagenet import ImageNetWeights, fill_from_imagenet

_THIN_WIDTHS = (16, 32, 64, 128)
_THIN_BLOCKS = (1, 1, 2, 1)


def _densenet29() -> blocks.DenseNet:
    """A DenseNet of 29 layers: one that a CPU trains in minutes. There are no ImageNet weights for it."""
    return blocks.DenseNet(growth_rate=16, block_config=(3, 3, 3, 3), num_init_features=16)


_BACKBONES: dict[str, Callable[[], nn.Module]] = {
    "resnet18": blocks.resnet18,
    "resnet34": blocks.resnet34,
    "resnet50": blocks.resnet50,
    "densenet121": blocks.densenet121,
    "densenet29": _densenet29,
}


class FrameVectors(nn.Module):
    """Each frame to one vector: an image network without its classifier, averaged over the image.

    images: uint8 (0..255) or float (0..1) ``[B, T, 1 or C, S, S]``; returns ``[B, T, width]``, in eval mode each frame
    by itself. imagenet: what a torchvision network starts from; None: random weights.
    """

    def __init__(self, config: NetworkConfig, imagenet: ImageNetWeights | None = None) -> None:
        super().__init__()
        self.channels = config.channels
        if config.backbone == THIN:
            mean = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            self.body = nn.Sequential(thin_resnet(config.channels, config.width), *mean)
            self.width = config.width
        else:
            self.body = backbone(config.backbone, config.channels, imagenet)
            classifier = "fc" if isinstance(self.body, blocks.ResNet) else "classifier"
            self.width = getattr(self.body, classifier).in_features
            setattr(self.body, classifier, nn.Identity())

    def forward(self, images: Tensor) -> Tensor:
        frames = standardise(images, self.channels)
        flat = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self.body(flat).unflatten(0, frames.shape[:2])


def backbone(name: str, channels: int, imagenet: ImageNetWeights | None = None) -> nn.Module:
    """A torchvision network for ``channels`` input channels, random or with these ImageNet weights.

    Raises ImageNetError where they are another network's.
    """
    network = _BACKBONES[name]()
    if imagenet is not None:
        fill_from_imagenet(network, imagenet, name)
    if channels == 1:
        take_gray(network)
    return network


def thin_resnet(channels: int, width: int, strides: tuple[int, int, int, int] = (2, 2, 2, 2)) -> nn.Sequential:
    """A thin ResNet: a 5x5 stem and torchvision's basic blocks; maps of ``width`` channels.

    They are as much smaller than the image as twice the product of the four stages' strides: 32 times by default.
    """
    body: list[nn.Module] = [nn.Conv2d(channels, 16, 5, 2, 2, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    inside = 16
    for outside, count, stride in zip(_THIN_WIDTHS, _THIN_BLOCKS, strides, strict=True):
        shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))
        body.append(blocks.BasicBlock(inside, outside, stride, shortcut))
        body.extend(blocks.BasicBlock(outside, outside) for _ in range(count - 1))
        inside = outside
    return nn.Sequential(*body, nn.Conv2d(inside, width, 1))


def take_gray(network: nn.Module) -> None:
    """Make the first convolution of an image network take one channel in place of three."""
    name, first = next((name, m) for name, m in network.named_modules() if isinstance(m, nn.Conv2d))
    gray = nn.Conv2d(1, first.out_channels, first.kernel_size, first.stride, first.padding, bias=False)
    # Three equal channels into the old filter give what one channel gives into the sum of its three parts.
    gray.weight.data = first.weight.data.sum(1, keepdim=True)
    network.set_submodule(name, gray)
