"""The parts of torchvision that the networks are built from: encoders, 3D convolutions, Video Swin blocks, DeepLabV3.

Everything in this project takes torchvision's classes from here and never writes ``import torchvision`` itself, because
of one trap. A torch built for the CPU next to a torchvision from PyPI (which is linked against CUDA) leaves torchvision
without its compiled operators, and its import then ends in ``RuntimeError: operator torchvision::nms does not exist``:
it registers shape rules for operators that were never defined. None of them (box suppression for object detection) is
used here; ResNet and Swin are plain Python. So where an operator is missing, its name is declared, without an
implementation, and the import is tried again. An installation whose operators are there is not touched.
"""

from __future__ import annotations

import importlib
import re
import sys

import torch

_MISSING_OPERATOR = re.compile(r"operator torchvision::(\w+) does not exist")
_ATTEMPTS = 16
# A declaration lives as long as the Library object that made it.
_declarations: list[torch.library.Library] = []


def _import_torchvision() -> None:
    for _ in range(_ATTEMPTS):
        try:
            importlib.import_module("torchvision")
            return
        except RuntimeError as error:
            missing = _MISSING_OPERATOR.search(str(error))
            if missing is None:
                raise
            _declare(missing.group(1))
            _forget_half_imported()
    raise ImportError("torchvision does not fit the installed torch: install versions that belong together")


def _declare(operator: str) -> None:
    if not _declarations:
        _declarations.append(torch.library.Library("torchvision", "FRAGMENT"))
    _declarations[0].define(f"{operator}(Tensor a) -> Tensor")


def _forget_half_imported() -> None:
    for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
        del sys.modules[name]


_import_torchvision()

from torchvision.models._utils import IntermediateLayerGetter  # noqa: E402
from torchvision.models.densenet import DenseNet, DenseNet121_Weights, densenet121  # noqa: E402
from torchvision.models.resnet import (  # noqa: E402
    BasicBlock,
    ResNet,
    ResNet18_Weights,
    ResNet34_Weights,
    ResNet50_Weights,
    resnet18,
    resnet34,
    resnet50,
)
from torchvision.models.segmentation import deeplabv3_resnet50  # noqa: E402
from torchvision.models.segmentation.deeplabv3 import DeepLabHead, DeepLabV3  # noqa: E402
from torchvision.models.video.swin_transformer import (  # noqa: E402
    PatchMerging,
    ShiftedWindowAttention3d,
    SwinTransformerBlock,
)
from torchvision.ops.misc import Conv3dNormActivation  # noqa: E402

__all__ = [
    "BasicBlock",
    "Conv3dNormActivation",
    "DeepLabHead",
    "DeepLabV3",
    "DenseNet",
    "DenseNet121_Weights",
    "IntermediateLayerGetter",
    "PatchMerging",
    "ResNet",
    "ResNet18_Weights",
    "ResNet34_Weights",
    "ResNet50_Weights",
    "ShiftedWindowAttention3d",
    "SwinTransformerBlock",
    "deeplabv3_resnet50",
    "densenet121",
    "resnet18",
    "resnet34",
    "resnet50",
]
