"""ImageNet weights for the image networks that encode frames: from a file, torch's cache or torchvision's server."""

from __future__ import annotations

import hashlib
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..cine.cine import CineError
from . import torchvision_blocks as blocks

RANDOM = "random"
"""What a person says who wants an encoder without ImageNet weights."""

PUBLISHED = {
    "resnet18": blocks.ResNet18_Weights.IMAGENET1K_V1,
    "resnet34": blocks.ResNet34_Weights.IMAGENET1K_V1,
    "resnet50": blocks.ResNet50_Weights.IMAGENET1K_V1,
    "densenet121": blocks.DenseNet121_Weights.IMAGENET1K_V1,
}
"""By backbone, the weights that are taken where no file is named: the first that were published, which a paper means
that says no more than *ImageNet*. Others can be given as a file."""

_DOWNLOAD_PATIENCE = 20.0  # s without a byte
# The published DenseNet files are older than the rule that a module's name holds no dot.
_DOTTED_LAYER = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])")
_CLASSIFIER = ("fc.", "classifier.")


class ImageNetError(CineError):
    """ImageNet weights cannot be had. One line: whose, why, what to do."""


@dataclass(frozen=True)
class ImageNetWeights:
    """What an encoder starts from.

    source: what a card says of it, such as ``"resnet50 IMAGENET1K_V1"`` or a file's name. sha256: of the file's bytes,
    or of the tensors where torch holds no file. tensors: by torchvision's names.
    """

    source: str
    sha256: str
    tensors: dict[str, Tensor]

    @property
    def record(self) -> dict[str, str]:
        """For a card."""
        return {"source": self.source, "sha256": self.sha256}


def imagenet_weights(backbone: str, file: Path | None = None) -> ImageNetWeights | None:
    """ImageNet weights of a backbone; None for one that has none (the thin ones).

    file: a state dict as torchvision publishes them (``.pth``, read without running code), or safetensors. Without one,
    torch's cache (``TORCH_HOME/hub/checkpoints``) or, where it lacks them, torchvision's server.
    Raises ImageNetError: nothing else is put in their place.
    """
    if backbone not in PUBLISHED:
        if file is not None:
            raise ImageNetError(file.name, f"{backbone} takes no ImageNet weights; leave --imagenet out")
        return None
    return _published(backbone) if file is None else _from_file(backbone, file)


def _published(backbone: str) -> ImageNetWeights:
    weights = PUBLISHED[backbone]
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_PATIENCE)
    try:
        tensors = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError, ValueError) as error:  # no network (URLError is an OSError), full disk, damaged file
        reason = " ".join(str(error).split())[:200]
        name = weights.url.rsplit("/", 1)[1]
        raise ImageNetError(
            f"ImageNet weights of {backbone}",
            f"are not to be had ({reason}); put {name} into TORCH_HOME/hub/checkpoints or name it with --imagenet, "
            f"or start without them: --imagenet {RANDOM}",
        ) from None
    finally:
        socket.setdefaulttimeout(before)
    return ImageNetWeights(f"{backbone} {weights.name}", _sha256_of(tensors), tensors)


def _from_file(backbone: str, file: Path) -> ImageNetWeights:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ImageNetError(file.name or str(file), f"cannot be opened ({error.strerror or error})") from None
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load

            tensors = load(content)
        else:
            tensors = torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # pickle, zip and safetensors raise many kinds, and their texts help nobody
        raise ImageNetError(file.name, "cannot be read as weights (a state dict in .pth or .safetensors)") from None
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise ImageNetError(file.name, "holds no state dict; give the file that torchvision publishes")
    return ImageNetWeights(file.name, hashlib.sha256(content).hexdigest(), tensors)


def fill_from_imagenet(network: torch.nn.Module, weights: ImageNetWeights, backbone: str) -> None:
    """Put the weights into a torchvision network. Raises ImageNetError where they are another network's."""
    tensors = {_DOTTED_LAYER.sub(r"\1\2", name): value for name, value in weights.tensors.items()}
    expected = network.state_dict()
    needed = {n for n in expected if not n.endswith("num_batches_tracked") and not n.startswith(_CLASSIFIER)}
    wrong = sorted(needed - tensors.keys()) or sorted(
        name for name in needed if tensors[name].shape != expected[name].shape
    )
    if wrong:
        raise ImageNetError(weights.source, f"is not of a {backbone}: {wrong[0]} is missing or of another shape")
    network.load_state_dict({name: tensors[name] for name in needed}, strict=False)


def _sha256_of(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
