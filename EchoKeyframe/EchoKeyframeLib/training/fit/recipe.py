"""How a network is trained: everything but the data and the network itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..samples.targets import TargetForm


@dataclass(frozen=True)
class Recipe:
    """Optimisation and augmentation.

    targets: width of the ED and ES curves. optimiser: ``"adam"`` or ``"adamw"``. lr: highest learning rate.
    schedule: ``"multi-step"`` (a tenth from 60 % and again from 85 % of the steps; the paper gives no milestones) or
    ``"cosine"`` (``warmup`` steps up, then half a cosine down to 2 %).
    loss: ``"sum"`` of squared errors over frames and samples (eq. 3) or ``"mean"`` over them, outputs beyond ED and ES
    at half weight where they are the volume. The published systems keep a loss of their own (``SYSTEM_LOSSES``).
    epochs: passes over the clips where neither steps nor minutes are given.
    average: decay of the running mean of weights that is evaluated and shipped; 0 leaves the weights as they are.
    clip_norm: largest norm of the gradient, 0 for none. appearance: intensity and motion augmentation on top of the
    paper's geometry. imagenet: start the encoder from ImageNet weights where it is one that has such.
    """

    targets: TargetForm
    optimiser: str
    lr: float
    schedule: str
    loss: str
    batch: int
    epochs: int
    weight_decay: float = 0.0
    warmup: int = 0
    average: float = 0.0
    clip_norm: float = 0.0
    appearance: bool = False
    imagenet: bool = False

    def lr_factor(self, step: int, progress: float) -> float:
        """What ``lr`` is multiplied by at ``step`` (from 0), ``progress`` in [0, 1] of the whole training."""
        if self.schedule == "multi-step":
            return 0.1 ** ((progress >= 0.6) + (progress >= 0.85))
        cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
        return min(1.0, (step + 1) / max(self.warmup, 1)) * (0.02 + 0.98 * cosine)


RECIPES: dict[str, Recipe] = {
    "paper": Recipe(
        TargetForm.PAPER, "adam", 1e-5, "multi-step", "sum", batch=4, epochs=500, imagenet=True
    ),
    "modern": Recipe(
        TargetForm.BEAT, "adamw", 1.2e-3, "cosine", "mean", batch=8, epochs=40,
        weight_decay=0.02, warmup=200, average=0.998, clip_norm=1.0, appearance=True,
    ),
}
# A network that is good already, on a few clips more: short, and with steps too small to undo what it knows.
RECIPES["fine-tune"] = replace(RECIPES["modern"], lr=3e-4, warmup=20)
