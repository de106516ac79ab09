"""CNN + recurrent network on one isolated beat: Dezaki et al. (ResNet, LSTM) and Taheri Dezaki et al. (DenseNet, GRU).

- Dezaki FT et al., Deep residual recurrent neural networks for characterisation of cardiac cycle phase from
  echocardiograms, DLMIA 2017, doi 10.1007/978-3-319-67558-9_12, after Kong B et al., Recognizing end-diastole and
  end-systole frames via deep temporal regression network, MICCAI 2016, doi 10.1007/978-3-319-46726-9_31 (MRI).
- Taheri Dezaki F et al., Cardiac phase detection in echocardiograms with densely gated recurrent neural networks and
  global extrema loss, IEEE Trans Med Imaging 2019;38:1821, doi 10.1109/TMI.2018.2888807.

Both regress one curve over a beat, 1 at ED and 0 at ES (``training.samples.phase_targets``), with losses that know its
shape (``training.fit.losses``).

Departures: no code is public, so encoders (torchvision's), layers and units are ours. Beats of any length are resampled
to T frames for both (the second system takes sequences of different lengths). A beat is shown with a margin on both
sides, so that its EDs do not lie on the first and last frame by construction, and placed inexactly in training, as it
is at inference (``training.samples.beat_samples``, ``detection.beat_network``).
"""

from __future__ import annotations

from torch import Tensor, nn

from .backbones import FrameVectors
from .config import NetworkConfig
from .imagenet import ImageNetWeights
from .recurrent import RecurrentLayers

_KINDS = {"resnet-lstm-beat": nn.LSTM, "densenet-gru-beat": nn.GRU}


class BeatRegression(nn.Module):
    """frames ``[B, T, C, S, S]`` of one resampled beat to one number a frame ``[B, T, 1]``, about 1 at ED and 0 at ES.

    ``forward(frames) == temporal(encode(frames))``, and in eval mode ``encode`` treats each frame by itself.
    ``config.hidden``: units of the recurrent layers.
    """

    def __init__(self, config: NetworkConfig, imagenet: ImageNetWeights | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoder = FrameVectors(config, imagenet)
        kind = _KINDS[config.architecture]
        self.recurrent = RecurrentLayers(kind, self.encoder.width, config.hidden, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear(config.hidden[-1], 1)

    def encode(self, images: Tensor, motion: Tensor | None = None) -> Tensor:
        """Vectors ``[B, T, d]``; see ``FrameVectors``. ``motion`` is not looked at."""
        return self.encoder(images)

    def temporal(self, features: Tensor) -> Tensor:
        """Vectors ``[B, T, d]`` to ``[B, T, 1]``."""
        return self.linear(self.dropout(self.recurrent(features)))

    def forward(self, images: Tensor, motion: Tensor | None = None) -> Tensor:
        return self.temporal(self.encode(images, motion))
