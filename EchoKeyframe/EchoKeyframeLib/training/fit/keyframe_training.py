"""What happens in one training step."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..samples.augmentation import Augmentation
from ..samples.windows import Sample
from .checkpoints import CHECKPOINT_NAME, IDENTITY, IMAGENET, DivergedError
from .lightning_library import Callback, LightningModule, WeightAveraging
from .losses import loss_of, mean_squared_errors
from .recipe import Recipe
from .run import Run

_RNG_STREAM_AUGMENTATION, _RNG_STREAM_NETWORK = 1, 2


class KeyframeTraining(LightningModule):
    """The network with loss, optimiser and augmentation. Every random number follows from seed, rank and step."""

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        identity: dict[str, Any],
        run: Run,
        steps: int | None,
        imagenet: dict[str, str] | None = None,
    ) -> None:
        """imagenet: which weights the encoder started from (``ImageNetWeights.record``), None: random ones."""
        super().__init__()
        self.imagenet = imagenet
        self.network, self.recipe, self.identity = network, recipe, identity
        self.augment = Augmentation.of(recipe.appearance)
        self.loss = loss_of(network.config, recipe)
        self.total_steps, self.minutes, self.seed = steps, run.minutes, run.seed
        self._checkpoint = run.folder / CHECKPOINT_NAME
        self.spent = 0.0  # s, of the runs before this one too
        self._clock = time.monotonic()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        recipe = self.recipe
        if recipe.optimiser == "adam":
            return torch.optim.Adam(self.network.parameters(), recipe.lr)
        return torch.optim.AdamW(self.network.parameters(), recipe.lr, weight_decay=recipe.weight_decay)

    def on_train_start(self) -> None:
        # Starting the other processes is no training time.
        self._clock = time.monotonic()

    def on_train_batch_start(self, batch: Sample, batch_idx: int) -> None:
        # One seed a step: dropout then does not depend on whether this run is a resumed one.
        torch.manual_seed(_seed(self.seed, _RNG_STREAM_NETWORK, self.global_step, self.global_rank))
        factor = self.recipe.lr_factor(self.global_step, self.progress())
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.recipe.lr * factor

    def progress(self) -> float:
        """Share of the training that is done, in [0, 1]; the same in every process."""
        now = time.monotonic()
        self.spent, self._clock = self.spent + now - self._clock, now
        if self.minutes is None:
            return self.global_step / self.total_steps
        spent = self.spent
        if self.trainer.world_size > 1:
            spent = self.trainer.strategy.broadcast(spent)
        return min(1.0, spent / (60 * self.minutes))

    def training_step(self, batch: Sample, batch_idx: int) -> Tensor:
        seed = _seed(self.seed, _RNG_STREAM_AUGMENTATION, self.global_step, self.global_rank)
        generator = torch.Generator(self.device).manual_seed(seed)
        outputs, targets = self._answers(batch, generator)
        loss = self.loss(outputs, targets)
        if not torch.isfinite(loss):
            kept = "the last checkpoint is kept" if self._checkpoint.exists() else "there is no checkpoint yet"
            raise DivergedError(
                f"the loss is {loss.item()} at step {self.global_step}; {kept}, lower the learning rate"
            )
        self.log("loss", loss.detach(), prog_bar=True)
        if outputs.dim() == 3:
            errors = zip(self.network.config.outputs, mean_squared_errors(outputs, targets), strict=True)
            self.log_dict({f"mse/{name}": error.detach() for name, error in errors})
        return loss

    def _answers(self, batch: Sample, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """What the network says of the augmented batch, and what it should: values of each frame, or masks."""
        if self.network.config.needs_masks:
            images, masks = self.augment.with_masks(batch.images, batch.targets, generator)
            return self.network.masks(images).float(), masks
        images, motion = self.augment(batch.images, batch.motion, batch.present, generator)
        return self.network(images, motion).float(), batch.targets

    def on_train_batch_end(self, outputs: Any, batch: Sample, batch_idx: int) -> None:
        if self.minutes is not None and self.progress() >= 1.0:
            self.trainer.should_stop = True

    def is_finished(self, checkpoint: dict[str, Any]) -> bool:
        """Whether nothing is left to be done after this checkpoint of the same training."""
        if self.minutes is not None:
            return checkpoint[IDENTITY]["spent"] >= 60 * self.minutes
        return checkpoint["global_step"] >= self.total_steps

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[IDENTITY] = {**self.identity, "spent": self.spent, IMAGENET: self.imagenet}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.spent, self.imagenet = checkpoint[IDENTITY]["spent"], checkpoint[IDENTITY].get(IMAGENET)


def average_weights(decay: float) -> Callback:
    """Exponential running mean of weights and batch-norm statistics; young means forget faster than old ones."""

    @torch.no_grad()
    def blend(averages: list[Tensor], currents: list[Tensor], count: Tensor | int) -> None:
        weight = 1.0 - min(decay, float(count) / (float(count) + 100.0))
        for average, current in zip(averages, currents, strict=True):
            if average.is_floating_point():
                average.lerp_(current, weight)
            else:
                average.copy_(current)

    return WeightAveraging(multi_avg_fn=blend)


def _seed(*parts: int) -> int:
    """One 63-bit seed from several numbers, well mixed."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)
