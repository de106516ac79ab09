"""The parts of Lightning that training is built on.

Everything here takes them from this file, because Lightning imports torchvision on its way, and that import may need
the care of ``models.torchvision_blocks``, which therefore has to come first.
"""

# ruff: noqa: I001
from ...models import torchvision_blocks as _first  # noqa: F401
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Checkpoint, TQDMProgressBar, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.utilities.exceptions import MisconfigurationException

__all__ = [
    "Callback",
    "Checkpoint",
    "LightningModule",
    "MisconfigurationException",
    "TQDMProgressBar",
    "TensorBoardLogger",
    "TorchCheckpointIO",
    "Trainer",
    "WeightAveraging",
]
