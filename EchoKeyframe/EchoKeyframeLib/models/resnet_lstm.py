"""ResNet + LSTM of Lane et al.: clips of any length, several beats.

Lane ES et al., Multibeat echocardiographic phase detection using deep neural networks, Comput Biol Med 2021;133:104373;
public code: github.com/intsav/EchoPhaseDetection (code/models.py). As there: ResNet50 averaged to 2,048 numbers a
frame, an LSTM of 2,048 units, a fully connected layer of 512 with ReLU, an LSTM of 512 with dropout 0.5 before it, and
a fully connected layer from all T x 512 values to the T answers. Windows of 30 frames at 112 x 112, moved by one frame
and averaged; squared error. The answer is one number a frame, 1 at ED and 0 at ES, in between on a straight line: the
repository shows labels 0.92, 0.83 after an ED.

Departures: frames are standardised one by one (as for every network here; there: divided by 255); dropout before the
second LSTM is drawn for each frame anew (Keras: once for a window); keyframes come from this package's decoders.
"""

from __future__ import annotations

from torch import Tensor, nn

from .backbones import FrameVectors
from .config import NetworkConfig
from .imagenet import ImageNetWeights


class ResNetLSTM(nn.Module):
    """frames ``[B, T, C, S, S]`` to one number a frame ``[B, T, 1]``, about 1 at ED and 0 at ES, not limited to that.

    ``forward(frames) == temporal(encode(frames))``, and in eval mode ``encode`` treats each frame by itself.
    ``config.hidden``: units of the two LSTM layers; the fully connected layer between them has as many as the second.
    """

    def __init__(self, config: NetworkConfig, imagenet: ImageNetWeights | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoder = FrameVectors(config, imagenet)
        first, second = config.hidden
        self.first = nn.LSTM(self.encoder.width, first, batch_first=True)
        self.between = nn.Sequential(nn.Linear(first, second), nn.ReLU(), nn.Dropout(config.dropout))
        self.second = nn.LSTM(second, second, batch_first=True)
        self.linear = nn.Linear(config.frames * second, config.frames)

    def encode(self, images: Tensor, motion: Tensor | None = None) -> Tensor:
        """Vectors ``[B, T, d]``; see ``FrameVectors``. ``motion`` is not looked at."""
        return self.encoder(images)

    def temporal(self, features: Tensor) -> Tensor:
        """Vectors ``[B, T, d]`` of T = ``config.frames`` frames to ``[B, T, 1]``."""
        sequence, _ = self.first(features)
        sequence, _ = self.second(self.between(sequence))
        return self.linear(sequence.flatten(1))[..., None]

    def forward(self, images: Tensor, motion: Tensor | None = None) -> Tensor:
        return self.temporal(self.encode(images, motion))
