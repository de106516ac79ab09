"""Loss functions: the paper's, ours, and those of the published systems.

Each takes outputs and targets float ``[B, T, outputs]`` and returns a scalar; NaN targets are not asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ...models.config import NetworkConfig
from .recipe import Recipe

VOLUME_WEIGHT = 0.5
STRUCTURE_WEIGHT = 1.0
"""Of the terms that know a beat's shape, beside the mean squared error; the papers' weights are tuned to their data."""

LOWER = 0.02
"""A frame counts as lower than ED, or higher than ES, whose target differs from it by more than this."""

Loss = Callable[[Tensor, Tensor], Tensor]


def loss_of(network: NetworkConfig, recipe: Recipe) -> Loss:
    """A published system's own loss; for ED and ES curves that of the recipe."""
    if network.architecture in SYSTEM_LOSSES:
        return SYSTEM_LOSSES[network.architecture]
    if recipe.loss == "sum":
        return summed_squared_error
    weights = torch.tensor([VOLUME_WEIGHT if name == "volume" else 1.0 for name in network.outputs])
    return lambda outputs, targets: (mean_squared_errors(outputs, targets) * weights.to(outputs.device)).sum()


def summed_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Eq. 3: squared errors summed over frames, curves and samples."""
    known = torch.isfinite(targets)
    return torch.where(known, outputs - targets.nan_to_num(), 0.0).square().sum()


def mean_squared_errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error of each output ``[outputs]`` over its known targets, 0 where none is."""
    known = torch.isfinite(targets)
    squares = torch.where(known, outputs - targets.nan_to_num(), 0.0).square()
    return squares.sum((0, 1)) / known.sum((0, 1)).clamp_min(1)


def mean_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Lane et al."""
    return mean_squared_errors(outputs, targets).sum()


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Fiorito et al.: mean binary cross-entropy of probabilities; targets may lie between the two classes."""
    known = torch.isfinite(targets)
    probability, share = outputs.clamp(1e-6, 1 - 1e-6), targets.nan_to_num()
    surprise = -(share * probability.log() + (1 - share) * (1 - probability).log())
    return torch.where(known, surprise, 0.0).sum() / known.sum().clamp_min(1)


def structured_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Dezaki et al. after Kong et al.: squared error plus what goes the wrong way from one frame to the next.

    Where the target rises (diastole) a fall of the output is penalised by its size, where it falls (systole) a rise;
    each is averaged over T, and the two are averaged.
    """
    known = torch.isfinite(targets[:, 1:]) & torch.isfinite(targets[:, :-1])
    wanted, given = targets.nan_to_num().diff(dim=1), outputs.diff(dim=1)
    wrong = torch.where(known, (-given * wanted.sign()).relu(), 0.0)
    structure = 0.5 * wrong.sum((1, 2)) / targets.shape[1]
    return mean_squared_error(outputs, targets) + STRUCTURE_WEIGHT * structure.mean()


def extrema_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Taheri Dezaki et al.: squared error plus whatever exceeds the output at ED or stays below that at ES.

    The global extrema loss by its description: hinges over all other frames of the beat, averaged over T and over the
    two keyframes. ED and ES are the frames of the largest and smallest target; frames within ``LOWER`` of it are
    spared, since a beat shown with its margins has two EDs.
    """
    known = torch.isfinite(targets)
    ed = torch.where(known, targets, -torch.inf).argmax(1, keepdim=True)
    es = torch.where(known, targets, torch.inf).argmin(1, keepdim=True)
    wanted = targets.nan_to_num()
    lower = known & (wanted < wanted.gather(1, ed) - LOWER)
    higher = known & (wanted > wanted.gather(1, es) + LOWER)
    above = torch.where(lower, (outputs - outputs.gather(1, ed)).relu(), 0.0)
    below = torch.where(higher, (outputs.gather(1, es) - outputs).relu(), 0.0)
    extrema = 0.5 * (above + below).sum((1, 2)) / targets.shape[1]
    return mean_squared_error(outputs, targets) + STRUCTURE_WEIGHT * extrema.mean()


def mask_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """EchoNet-Dynamic: binary cross-entropy of logits ``[B, T, S, S]`` with masks, averaged over the known pixels."""
    known = torch.isfinite(targets)
    entropy = F.binary_cross_entropy_with_logits(outputs, targets.nan_to_num(), reduction="none")
    return torch.where(known, entropy, 0.0).sum() / known.sum().clamp_min(1)


SYSTEM_LOSSES: dict[str, Loss] = {
    "resnet-lstm": mean_squared_error,
    "cnn3d-lstm": cross_entropy,
    "resnet-lstm-beat": structured_error,
    "densenet-gru-beat": extrema_error,
    "segmentation": mask_cross_entropy,
}
"""By architecture."""
