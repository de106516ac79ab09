"""Trains a network on a store of clips."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# Before Lightning, which imports torchvision: see there why that may fail otherwise.
from ..models import torchvision_blocks  # noqa: F401

from lightning.pytorch import LightningModule, Trainer  # isort: skip
from lightning.pytorch.callbacks import Callback, TQDMProgressBar, WeightAveraging  # isort: skip
from lightning.pytorch.loggers import TensorBoardLogger  # isort: skip
from torch.utils.data import DataLoader

from ..models.config import NetworkConfig
from ..models.presets import build_network
from ..models.weights_file import load_weights, save_weights
from .augmentation import Augmentation
from .checkpoints import (
    CHECKPOINT_NAME,
    IDENTITY,
    AtomicCheckpointIO,
    DivergedError,
    SaveEachEpoch,
    TrainingError,
    require_same,
)
from .clip_store import ClipStore, ClipStoreError
from .recipe import Recipe
from .samples import EpochSampler, Sample, WindowSamples

SUMMARY_NAME, WEIGHTS_NAME = "training.json", "weights.safetensors"

EPOCH_STEPS = 200
"""Steps between checkpoints where training is counted in steps or minutes and not in passes over the clips."""

_RNG_STREAM_AUGMENTATION, _RNG_STREAM_NETWORK = 1, 2
VOLUME_WEIGHT = 0.5


@dataclass(frozen=True)
class Run:
    """One training: where it lives, how long it goes on and on what.

    steps or minutes end it (minutes: of this and all earlier runs it resumes; the learning rate follows the clock, so such
    a training cannot be repeated exactly); with neither, the recipe's epochs do.
    epoch_steps: steps between checkpoints (None: 200, or one pass over the clips where epochs count).
    devices, nodes: processes a node (CPU) or GPUs, and machines; the batch is that of one process. accelerator,
    precision: Lightning's, precision ``"auto"``: bf16-mixed on a GPU and on a CPU that computes in bfloat16, else 32-true. threads: of torch, per process;
    None leaves torch's. workers: processes that make batches ahead (0: none).
    init: a weights file to start from, of the same network.
    """

    folder: Path
    steps: int | None = None
    minutes: float | None = None
    epoch_steps: int | None = None
    seed: int = 0
    devices: int = 1
    nodes: int = 1
    accelerator: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    workers: int = 0
    progress: bool = True
    init: Path | None = None


class KeyframeTraining(LightningModule):
    """The network with loss, optimiser and augmentation. Every random number follows from seed, rank and step."""

    def __init__(self, network: nn.Module, recipe: Recipe, identity: dict[str, Any], run: Run, steps: int | None) -> None:
        super().__init__()
        self.network, self.recipe, self.identity = network, recipe, identity
        self.augment = Augmentation.of(recipe.appearance)
        self.total_steps, self.minutes, self.seed = steps, run.minutes, run.seed
        self.spent = 0.0  # s, of the runs before this one too
        self._clock = time.monotonic()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        recipe = self.recipe
        if recipe.optimiser == "adam":
            return torch.optim.Adam(self.network.parameters(), recipe.lr)
        return torch.optim.AdamW(self.network.parameters(), recipe.lr, weight_decay=recipe.weight_decay)

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
        images, motion = self.augment(batch.images, batch.motion, batch.present, generator)
        outputs = self.network(images, motion).float()
        errors = mean_squared_errors(outputs, batch.targets)
        if self.recipe.loss == "sum":
            loss = summed_squared_error(outputs, batch.targets)
        else:
            loss = sum(VOLUME_WEIGHT * e if name == "volume" else e for name, e in self._named(errors))
        if not torch.isfinite(loss):
            raise DivergedError(
                f"the loss is {float(loss)} at step {self.global_step}; the last checkpoint is kept, lower the learning rate"
            )
        self.log("loss", loss.detach(), prog_bar=True)
        self.log_dict({f"mse/{name}": e.detach() for name, e in self._named(errors)})
        return loss

    def _named(self, errors: Tensor) -> list[tuple[str, Tensor]]:
        return list(zip(self.network.config.outputs, errors, strict=True))

    def on_train_batch_end(self, outputs: Any, batch: Sample, batch_idx: int) -> None:
        if self.minutes is not None and self.progress() >= 1.0:
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[IDENTITY] = {**self.identity, "spent": self.spent}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.spent = checkpoint[IDENTITY]["spent"]


def summed_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Eq. 3: squared errors summed over frames, curves and samples; NaN targets (zero frames) do not count."""
    known = torch.isfinite(targets)
    return torch.where(known, outputs - targets.nan_to_num(), 0.0).square().sum()


def mean_squared_errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error of each output ``[outputs]`` over its known targets ``[B, T, outputs]``, 0 where none is."""
    known = torch.isfinite(targets)
    squares = torch.where(known, outputs - targets.nan_to_num(), 0.0).square()
    return squares.sum((0, 1)) / known.sum((0, 1)).clamp_min(1)


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


def train(network: NetworkConfig, recipe: Recipe, store: ClipStore, run: Run) -> nn.Module | None:
    """Train a network, or go on with the training that ``run.folder`` holds a checkpoint of.

    Returns it in eval mode on the CPU, in the first process only: None in the others that Lightning started.

    Writes ``last.ckpt`` (atomically, after each epoch), ``training.json`` and TensorBoard logs into ``run.folder``. A run
    that was killed resumes from the last checkpoint and, counted in steps or epochs, ends with the same weights as an
    undisturbed one. With several devices or nodes, Lightning starts the other processes (or finds those of SLURM or
    torchrun) and gradients are averaged.

    Raises TrainingError (another model's or a damaged checkpoint, a full disk), DivergedError (loss or weights that are no
    numbers), ClipStoreError (no clips, or of another size than the network's).
    """
    _check_store(store, network)
    if run.threads:
        torch.set_num_threads(run.threads)
    world = run.devices * run.nodes
    epoch_steps, epochs = _length(recipe, run, len(store), world)
    # The network's first weights follow from the seed too, in every process.
    torch.manual_seed(run.seed)
    module = KeyframeTraining(
        _first_network(network, recipe, run).to(memory_format=torch.channels_last),
        recipe,
        _identity(network, recipe, store, run),
        run,
        None if run.minutes is not None else epoch_steps * epochs,
    )
    checkpoint = run.folder / CHECKPOINT_NAME
    resume = checkpoint.exists()
    if resume:
        require_same(checkpoint, module.identity)
    trainer = _trainer(recipe, run, epochs)
    loader = _loader(store, network, recipe, run, epoch_steps, trainer.global_rank, world)
    trainer.fit(module, loader, ckpt_path=str(checkpoint) if resume else None, weights_only=True)
    if not trainer.is_global_zero:
        return None
    _write_summary(run, module, trainer.global_step, world)
    return module.network.eval().cpu()


def export(network: nn.Module, run: Run, version: str = "") -> Path:
    """Write the trained network as ``weights.safetensors`` with its card into ``run.folder``; returns the file's path."""
    summary = json.loads((run.folder / SUMMARY_NAME).read_text(encoding="utf-8"))
    summary.pop("network")
    path = run.folder / WEIGHTS_NAME
    save_weights(path, network, version=version, training=summary)
    return path


def _first_network(network: NetworkConfig, recipe: Recipe, run: Run) -> nn.Module:
    if run.init is None:
        return build_network(network, imagenet=recipe.imagenet)
    loaded, card = load_weights(run.init)
    if card.config != network:
        raise TrainingError(f"{run.init.name}: holds another network than the one to be trained; choose its settings")
    return loaded.train()


def _check_store(store: ClipStore, network: NetworkConfig) -> None:
    if not len(store):
        raise ClipStoreError(f"{store.folder.name}: holds no finished clip; make some first")
    if store.size != network.size:
        raise ClipStoreError(
            f"{store.folder.name}: its frames are {store.size} pixels wide, the network wants {network.size}; "
            "make a store of that size"
        )


def _length(recipe: Recipe, run: Run, clips: int, world: int) -> tuple[int, int]:
    """Steps an epoch (as it is checkpointed) and epochs; -1 epochs: until the time is over."""
    if run.steps is None and run.minutes is None:
        return run.epoch_steps or max(1, clips // (recipe.batch * world)), recipe.epochs
    epoch_steps = run.epoch_steps or EPOCH_STEPS
    if run.minutes is not None:
        return epoch_steps, -1
    epoch_steps = min(epoch_steps, run.steps)
    return epoch_steps, -(-run.steps // epoch_steps)


def _identity(network: NetworkConfig, recipe: Recipe, store: ClipStore, run: Run) -> dict[str, Any]:
    """What must agree for a checkpoint to be gone on with, as plain values."""
    identity = {
        "network": network.to_dict(),
        "recipe": {**asdict(recipe), "targets": recipe.targets.value},
        "data": {**store.description, "clips": len(store)},
        "run": {
            "seed": run.seed, "steps": run.steps, "minutes": run.minutes, "epoch_steps": run.epoch_steps,
            "processes": run.devices * run.nodes,
        },
    }  # fmt: skip
    return json.loads(json.dumps(identity))


def _trainer(recipe: Recipe, run: Run, epochs: int) -> Trainer:
    on_cpu = run.accelerator == "cpu" or (run.accelerator == "auto" and not torch.cuda.is_available())
    precision = _best_precision(on_cpu) if run.precision == "auto" else run.precision
    callbacks: list[Callback] = [SaveEachEpoch(run.folder)]
    if recipe.average:
        callbacks.append(average_weights(recipe.average))
    if run.progress:
        callbacks.append(TQDMProgressBar(refresh_rate=10))
    return Trainer(
        accelerator="cpu" if on_cpu else run.accelerator,
        devices=run.devices,
        num_nodes=run.nodes,
        strategy="ddp" if run.devices * run.nodes > 1 else "auto",
        precision=precision,
        max_epochs=epochs,
        gradient_clip_val=recipe.clip_norm or None,
        callbacks=callbacks,
        logger=TensorBoardLogger(run.folder, name="log", version=""),
        log_every_n_steps=10,
        plugins=[AtomicCheckpointIO()],
        enable_progress_bar=run.progress,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=run.folder,
    )


def _best_precision(on_cpu: bool) -> str:
    """bf16 where it gains: on a CPU with bfloat16 units twice the speed, on one without it would be emulated."""
    if not on_cpu:
        return "bf16-mixed"
    units = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return "bf16-mixed" if any(known and "bf16" in name for name, known in units.items()) else "32-true"


def _loader(
    store: ClipStore, network: NetworkConfig, recipe: Recipe, run: Run, epoch_steps: int, rank: int, world: int
) -> DataLoader:
    samples = WindowSamples(store, network, recipe.targets, run.seed)
    return DataLoader(
        samples,
        batch_size=recipe.batch,
        sampler=EpochSampler(epoch_steps, recipe.batch, rank, world),
        num_workers=run.workers,
        persistent_workers=run.workers > 0,
    )


def _write_summary(run: Run, module: KeyframeTraining, steps: int, world: int) -> None:
    metrics = {key: float(value) for key, value in module.trainer.callback_metrics.items()}
    summary = {
        **module.identity,
        "steps": steps,
        "samples": steps * module.recipe.batch * world,
        "minutes": module.spent / 60,
        "last": metrics,
    }
    (run.folder / SUMMARY_NAME).write_text(json.dumps(summary, indent=1), encoding="utf-8")


def _seed(*parts: int) -> int:
    """One 63-bit seed from several numbers, well mixed."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)
