"""Named networks."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from .config import OUTPUTS, ConfigError, NetworkConfig
from .resnet_vst import ResNetVST
from .two_stream import TwoStreamVST

_PAPER = NetworkConfig("resnet-vst", channels=3)
_TWO_STREAM = NetworkConfig(
    "two-stream",
    outputs=OUTPUTS,
    frames=32,
    window_step=2,
    rate=22.0,
    size=112,
    streams=("image", "motion"),
    image_dropout=0.3,
    width=128,
    heads=(4, 8),
    last_merging=False,
    dropout=0.3,
    block_dropout=0.1,
)

PRESETS: dict[str, NetworkConfig] = {
    "paper": _PAPER,
    "paper-112": replace(_PAPER, size=112),
    "resnet18-112": replace(_PAPER, size=112, channels=1, backbone="resnet18"),
    "two-stream": _TWO_STREAM,
    "image-only": replace(_TWO_STREAM, streams=("image",)),
    "motion-only": replace(_TWO_STREAM, streams=("motion",)),
}
"""``paper``: ResNet50 at 224, T = 16, dropout 0.5, as published; ``paper-112`` the same for 112x112 data such as
EchoNet-Dynamic. ``resnet18-112``: one that trains on a laptop. ``two-stream``: the default; ``image-only`` and
``motion-only`` switch one of its streams off. ``dataclasses.replace`` makes any other."""


def preset(name: str) -> NetworkConfig:
    """The configuration of that name. Raises ConfigError, which lists the names there are."""
    if name not in PRESETS:
        raise ConfigError(f"no network is called {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def build_network(config: NetworkConfig, imagenet: bool = False) -> nn.Module:
    """A network with random weights, or with ImageNet weights in its ResNet where they can be had."""
    if config.architecture == "two-stream":
        return TwoStreamVST(config)
    return ResNetVST(config, imagenet)
