"""3D CNN + LSTM of Fiorito et al.: each frame is systole or diastole, and keyframes lie where that switches.

Fiorito AM et al., Detection of cardiac events in echocardiography using 3D convolutional recurrent neural networks,
IEEE International Ultrasonics Symposium 2018. From its abstract: a 3D CNN takes spatio-temporal features from the video
and hands them to LSTM layers; both are trained together to tell systole from diastole; 30 frames at a time.

Departures: widths are ours, since no code is public: four layers of 3 x 3 x 3 convolutions (torchvision's block with
batch norm and ReLU), each followed by max pooling over 2 x 2 pixels and never over time, so that each frame keeps its
answer; the image is averaged; two LSTM layers. A frame in which the state switches counts half to both states
(``training.samples.phase_targets``). A clip's 3D features are computed once and not once for each window: a window then
sees the frames beyond its ends through the convolutions, where the published one sees none.
"""

from __future__ import annotations

from torch import Tensor, nn

from .config import NetworkConfig
from .frame_input import standardise
from .recurrent import RecurrentLayers
from .torchvision_blocks import Conv3dNormActivation

LAYERS = 4


class CNN3dLSTM(nn.Module):
    """frames ``[B, T, C, S, S]`` to the probability of systole ``[B, T, 1]``.

    ``config.width``: channels of the last 3D layer, each layer has twice those of the one before.
    ``config.hidden``: units of the LSTM layers. reach: frames on each side that an encoded frame depends on.
    """

    reach = LAYERS

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        inside = config.channels
        for number in range(LAYERS):
            outside = config.width >> (LAYERS - 1 - number)
            layers += [Conv3dNormActivation(inside, outside), nn.MaxPool3d((1, 2, 2))]
            inside = outside
        self.encoder = nn.Sequential(*layers)
        self.recurrent = RecurrentLayers(nn.LSTM, config.width, config.hidden, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear(config.hidden[-1], 1)

    def encode(self, images: Tensor, motion: Tensor | None = None) -> Tensor:
        """uint8 (0..255) or float (0..1) ``[B, T, 1 or C, S, S]`` to vectors ``[B, T, d]``.

        ``motion`` is not looked at. Each depends on ``reach`` frames before and after it; beyond the first and last
        frame there is mid-gray.
        """
        frames = standardise(images, self.config.channels).transpose(1, 2)
        return self.encoder(frames).mean((-2, -1)).transpose(1, 2)

    def temporal(self, features: Tensor) -> Tensor:
        """Vectors ``[B, T, d]`` to the probability of systole ``[B, T, 1]``."""
        return self.linear(self.dropout(self.recurrent(features))).sigmoid()

    def forward(self, images: Tensor, motion: Tensor | None = None) -> Tensor:
        return self.temporal(self.encode(images, motion))
