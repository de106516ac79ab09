"""Named networks."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from .beat_regression import BeatRegression
from .cnn3d_lstm import CNN3dLSTM
from .config import CONTOUR_OUTPUTS, OUTPUTS, THIN, ConfigError, NetworkConfig
from .contour_unet import ContourUNet
from .imagenet import PUBLISHED, ImageNetError, ImageNetWeights
from .resnet_lstm import ResNetLSTM
from .resnet_vst import ResNetVST
from .segmentation import LVSegmentation
from .two_stream import TwoStreamVST

_PAPER = NetworkConfig("resnet-vst", past_end=True, channels=3)
_TWO_STREAM = NetworkConfig(
    "two-stream",
    outputs=OUTPUTS,
    frames=32,
    window_step=8,
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
_RESNET_LSTM = NetworkConfig(
    "resnet-lstm", outputs=("phase",), frames=30, size=112, channels=3, hidden=(2048, 512), dropout=0.5
)
_CNN3D_LSTM = NetworkConfig("cnn3d-lstm", outputs=("systole",), frames=30, size=112, width=256, hidden=(128, 128))
_RESNET_BEAT = NetworkConfig(
    "resnet-lstm-beat", outputs=("phase",), frames=30, size=112, channels=3, hidden=(512, 512), dropout=0.5
)
_DENSENET_BEAT = replace(_RESNET_BEAT, architecture="densenet-gru-beat", backbone="densenet121")
_SEGMENTATION = NetworkConfig("segmentation", outputs=("area",), frames=1, size=112, channels=3)
_CONTOUR = NetworkConfig(
    "contour-unet", outputs=CONTOUR_OUTPUTS, frames=8, size=112, channels=3, hidden=(16, 32, 64, 128), dropout=0.0
)
_SMALL = {"size": 64, "channels": 1, "width": 128, "backbone": THIN}

PRESETS: dict[str, NetworkConfig] = {
    "paper": _PAPER,
    "paper-112": replace(_PAPER, size=112),
    "resnet18-112": replace(_PAPER, size=112, channels=1, backbone="resnet18"),
    "two-stream": _TWO_STREAM,
    "image-only": replace(_TWO_STREAM, streams=("image",)),
    "motion-only": replace(_TWO_STREAM, streams=("motion",)),
    "resnet-lstm": _RESNET_LSTM,
    "cnn3d-lstm": _CNN3D_LSTM,
    "resnet-lstm-beat": _RESNET_BEAT,
    "densenet-gru-beat": _DENSENET_BEAT,
    "segmentation": _SEGMENTATION,
    "resnet-lstm-small": replace(_RESNET_LSTM, **_SMALL, rate=22.0, hidden=(256, 128)),
    "cnn3d-lstm-small": replace(_CNN3D_LSTM, size=64, rate=22.0, width=64, hidden=(64, 64)),
    "resnet-lstm-beat-small": replace(_RESNET_BEAT, **_SMALL, hidden=(128, 128)),
    "densenet-gru-beat-small": replace(_DENSENET_BEAT, **_SMALL | {"backbone": "densenet29"}, hidden=(128, 128)),
    "segmentation-small": replace(_SEGMENTATION, **_SMALL),
    "lv-contour": _CONTOUR,
    "lv-contour-large": replace(_CONTOUR, hidden=(24, 48, 128, 256)),
}
"""``paper``: ResNet50 at 224, T = 16, dropout 0.5, as published; ``paper-112`` the same for 112x112 data such as
EchoNet-Dynamic. ``resnet18-112``: one that trains on a laptop. ``two-stream``: the default; ``image-only`` and
``motion-only`` switch one of its streams off. The others are the systems that the paper names, at their published size
and, ``-small``, at one that a CPU trains in minutes (Docs/systems.md). ``dataclasses.replace`` makes any other."""

_FROM_IMAGENET = {
    "resnet-lstm": ResNetLSTM,
    "resnet-lstm-beat": BeatRegression,
    "densenet-gru-beat": BeatRegression,
    "resnet-vst": ResNetVST,
}
_FROM_RANDOM = {"two-stream": TwoStreamVST, "cnn3d-lstm": CNN3dLSTM, "segmentation": LVSegmentation,
                "contour-unet": ContourUNet}


def starts_from_imagenet(config: NetworkConfig) -> bool:
    """Whether a network's encoder can start from ImageNet weights."""
    return config.architecture in _FROM_IMAGENET and config.backbone in PUBLISHED


def preset(name: str) -> NetworkConfig:
    """The configuration of that name. Raises ConfigError, which lists the names there are."""
    if name not in PRESETS:
        raise ConfigError(f"no network is called {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def build_network(config: NetworkConfig, imagenet: ImageNetWeights | None = None) -> nn.Module:
    """A network with random weights, or with these ImageNet weights in its encoder.

    Raises ImageNetError where they are another encoder's, or the network has none that takes them.
    """
    if config.architecture in _FROM_RANDOM:
        if imagenet is not None:
            raise ImageNetError(imagenet.source, f"{config.architecture} starts from random weights; leave it out")
        return _FROM_RANDOM[config.architecture](config)
    return _FROM_IMAGENET[config.architecture](config, imagenet)
