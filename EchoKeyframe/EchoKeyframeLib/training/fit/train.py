"""Trains a network on a store of clips."""

from __future__ import annotations

import json
import logging
import signal
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from ...atomic_file import written_atomically
from ...models.config import NetworkConfig
from ...models.device import channels_last, cpu_computes_in_bfloat16
from ...models.imagenet import ImageNetWeights, imagenet_weights
from ...models.model_card import CardData, describe
from ...models.onnx_export import add_possible_graphs
from ...models.presets import build_network, starts_from_imagenet
from ...models.registry import BFLOAT16, FLOAT32
from ...models.weights_file import load_card, load_sound_card, load_weights, save_weights
from ..samples.beat_samples import BeatSamples
from ..samples.mask_samples import MaskSamples, traced_frames
from ..samples.replay import Replayed
from ..samples.windows import EpochSampler, WindowSamples
from ..stores.clip_store import ClipStore, ClipStoreError
from .checkpoints import (
    CHECKPOINT_NAME,
    IDENTITY,
    IMAGENET,
    INIT,
    AtomicCheckpointIO,
    SaveEachEpoch,
    TrainingError,
    read_checkpoint,
    require_same,
)
from .keyframe_training import KeyframeTraining, average_weights
from .learned_clips import LEARNED, LearnedClips, clips_of, learned_clips
from .lightning_library import Callback, TensorBoardLogger, TQDMProgressBar, Trainer
from .recipe import Recipe
from .run import Run

SUMMARY_NAME, WEIGHTS_NAME = "training.json", "weights.safetensors"

EPOCH_STEPS = 200
"""Steps between checkpoints where training is counted in steps or minutes and not in passes over the clips."""


def train(
    network: NetworkConfig, recipe: Recipe, store: ClipStore, run: Run, replay: ClipStore | None = None
) -> nn.Module | None:
    """Train a network, or go on with the training that ``run.folder`` holds a checkpoint of.

    Returns it in eval mode on the CPU, in the first process only: None in the others that Lightning started.
    replay: other clips, of which half of the samples are taken, so that a network that is trained further does not
    forget them.

    Writes ``last.ckpt`` (atomically, after each epoch), ``training.json`` and TensorBoard logs into ``run.folder``. A
    run that was killed resumes from the last checkpoint and, counted in steps or epochs, ends with the same weights as
    an undisturbed one. With several devices or nodes, Lightning starts the other processes (or finds those of SLURM or
    torchrun) and gradients are averaged.

    Raises TrainingError (another model's or a damaged checkpoint, a full disk), DivergedError (loss or weights that are
    no numbers), ClipStoreError (no clips, or of another size than the network's).
    """
    for clips in (store, replay) if replay is not None else (store,):
        _check_store(clips, network)
    check_start(network, recipe, run)
    for chatter in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(chatter).setLevel(logging.WARNING)
    if run.threads:
        torch.set_num_threads(run.threads)
    world = run.devices * run.nodes
    epoch_steps, epochs = _length(recipe, run, len(store), world)
    learned = _learned(store, replay, run)
    checkpoint = run.folder / CHECKPOINT_NAME
    resume = checkpoint.exists()
    # A checkpoint holds all weights, so what it began with need not be there any more.
    imagenet = None if resume else _imagenet(network, recipe, run)
    # The network's first weights follow from the seed too, in every process.
    torch.manual_seed(run.seed)
    module = KeyframeTraining(
        channels_last(_first_network(network, run, imagenet)),
        recipe,
        _identity(network, recipe, store, run, replay),
        run,
        None if run.minutes is not None else epoch_steps * epochs,
        None if imagenet is None else imagenet.record,
    )
    if resume:
        saved = read_checkpoint(checkpoint)
        require_same(f"{run.folder.resolve().name}/{CHECKPOINT_NAME}", saved[IDENTITY], module.identity)
        if module.is_finished(saved):
            module.load_state_dict(saved["state_dict"])
            if not (run.folder / SUMMARY_NAME).exists():  # killed between the last checkpoint and the summary
                module.on_load_checkpoint(saved)
                _write_summary(run, module, learned, saved["global_step"], world, {})
            return module.network.eval()
    trainer = _trainer(recipe, run, epoch_steps, epochs)
    samples = _samples(store, network, recipe, run)
    if replay is not None:
        samples = Replayed(samples, _samples(replay, network, recipe, run), run.seed)
    loader = _loader(samples, recipe, run, epoch_steps, trainer.global_rank, world)
    with warnings.catch_warnings():
        # Advice on workers and logging intervals that does not apply, and deprecations within Lightning itself.
        warnings.filterwarnings("ignore", module="lightning")
        _fit(trainer, module, loader, checkpoint if resume else None)
    if not trainer.is_global_zero:
        return None
    _write_summary(run, module, learned, trainer.global_step, world, trainer.callback_metrics)
    return module.network.eval().cpu()


def _fit(trainer: Trainer, module: KeyframeTraining, loader: DataLoader, checkpoint: Path | None) -> None:
    on_ctrl_c = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, loader, ckpt_path=checkpoint and str(checkpoint), weights_only=True)
    except SystemExit:
        # What Lightning makes of Ctrl-C, after which it ignores the signal for good.
        if trainer.interrupted:
            if on_ctrl_c is not None:  # None: not set by Python
                signal.signal(signal.SIGINT, on_ctrl_c)
            raise KeyboardInterrupt from None
        raise


def export(network: nn.Module, run: Run, version: str = "", data: CardData | None = None) -> Path:
    """Write the trained network as ``weights.safetensors`` with its card into ``run.folder``; returns its path.

    With the network's ONNX graphs where it has such. data: what the card says of the clips that were learned from.
    """
    summary = json.loads((run.folder / SUMMARY_NAME).read_text(encoding="utf-8"))
    summary.pop("network")
    path = run.folder / WEIGHTS_NAME
    about = describe(network.config, data or CardData(), summary)
    save_weights(path, network, version=version, training=summary, name=run.folder.resolve().name, about=about)
    add_possible_graphs(path, network)
    return path


def check_start(network: NetworkConfig, recipe: Recipe, run: Run) -> None:
    """Raise where a training of ``network`` cannot start as asked: TrainingError for ``run.init`` of another network,
    WeightsError for such a file that cannot be used, ImageNetError where those weights are not to be had."""
    if run.init is not None:
        if load_sound_card(run.init).config != network:
            raise TrainingError(run.init.name, "holds another network than the one to be trained; choose its settings")
    elif run.imagenet is not None and not starts_from_imagenet(network):
        raise TrainingError(run.imagenet.name, "this network's encoder takes no ImageNet weights; leave --imagenet out")
    elif not (run.folder / CHECKPOINT_NAME).exists():
        imagenet = _imagenet(network, recipe, run)
        if imagenet is not None:
            build_network(network, imagenet)


def _imagenet(network: NetworkConfig, recipe: Recipe, run: Run) -> ImageNetWeights | None:
    """What the encoder starts from; None: random weights, or those of ``run.init``."""
    if run.init is not None or not recipe.imagenet or not starts_from_imagenet(network):
        return None
    return imagenet_weights(network.backbone, run.imagenet)


def _first_network(network: NetworkConfig, run: Run, imagenet: ImageNetWeights | None) -> nn.Module:
    if run.init is None:
        return build_network(network, imagenet)
    return load_weights(run.init)[0].train()


def _check_store(store: ClipStore, network: NetworkConfig) -> None:
    if not len(store):
        raise ClipStoreError(store.folder.name, "holds no finished clip; make some first")
    if store.size != network.size:
        raise ClipStoreError(
            store.folder.name,
            f"its frames are {store.size} pixels wide, the network wants {network.size}; "
            "make a store of that size"
        )
    if network.needs_masks and not any(len(traced_frames(store[index])) for index in range(len(store))):
        raise ClipStoreError(
            store.folder.name,
            "holds no masks of the left ventricle, which a segmentation learns from; "
            "make it with phantom --store --masks, or take EchoNet-Dynamic or CAMUS"
        )


def _length(recipe: Recipe, run: Run, clips: int, world: int) -> tuple[int, int]:
    """Steps an epoch (as it is checkpointed) and epochs; -1 epochs: until the time is over."""
    if run.steps is None and run.minutes is None:
        return run.epoch_steps or max(1, clips // (recipe.batch * world)), recipe.epochs
    epoch_steps = run.epoch_steps or EPOCH_STEPS
    if run.minutes is not None:
        return epoch_steps, -1
    epochs = -(-run.steps // epoch_steps)
    # Equal parts: 201 steps are two times 101 and not two times 200.
    return min(run.epoch_steps or -(-run.steps // epochs), run.steps), epochs


def _identity(
    network: NetworkConfig, recipe: Recipe, store: ClipStore, run: Run, replay: ClipStore | None
) -> dict[str, Any]:
    """What must agree for a checkpoint to be gone on with, as plain values."""
    identity = {
        "network": network.to_dict(),
        INIT: None if run.init is None else load_card(run.init).sha256,
        "recipe": {**asdict(recipe), "targets": recipe.targets.value},
        "data": _described(store),
        "replay": None if replay is None else _described(replay),
        "run": {
            "seed": run.seed, "steps": run.steps, "minutes": run.minutes, "epoch_steps": run.epoch_steps,
            "processes": run.devices * run.nodes,
        },
    }  # fmt: skip
    return json.loads(json.dumps(identity))


def _learned(store: ClipStore, replay: ClipStore | None, run: Run) -> LearnedClips:
    """The clips of this training, and those of the weights that it begins with."""
    learned = clips_of(store)
    if replay is not None:
        learned += clips_of(replay)
    return learned if run.init is None else learned + learned_clips(load_card(run.init))


def _described(store: ClipStore) -> dict[str, Any]:
    """What clips there are, how many, and a SHA-256 of their frames and labels."""
    return {**store.description, "clips": len(store), "sha256": store.sha256}


def _trainer(recipe: Recipe, run: Run, epoch_steps: int, epochs: int) -> Trainer:
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
        log_every_n_steps=min(10, epoch_steps),
        plugins=[AtomicCheckpointIO()],
        enable_progress_bar=run.progress,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=run.folder,
    )


def _best_precision(on_cpu: bool) -> str:
    """bf16 where it gains: on a CPU with bfloat16 units twice the speed, on one without it would be emulated."""
    return FLOAT32 if on_cpu and not cpu_computes_in_bfloat16() else BFLOAT16


def _loader(samples: Dataset, recipe: Recipe, run: Run, epoch_steps: int, rank: int, world: int) -> DataLoader:
    return DataLoader(
        samples,
        batch_size=recipe.batch,
        sampler=EpochSampler(epoch_steps, recipe.batch, rank, world),
        num_workers=run.workers,
        persistent_workers=run.workers > 0,
    )


def _samples(store: ClipStore, network: NetworkConfig, recipe: Recipe, run: Run) -> Dataset:
    """Windows, single beats or single frames, as the network learns from."""
    if network.needs_masks:
        return MaskSamples(store, run.seed)
    if network.one_beat:
        return BeatSamples(store, network, run.seed)
    return WindowSamples(store, network, recipe.targets, run.seed)


def _write_summary(
    run: Run, module: KeyframeTraining, learned: LearnedClips, steps: int, world: int, last: Mapping[str, Any]
) -> None:
    summary = {
        **module.identity,
        IMAGENET: module.imagenet,
        LEARNED: learned.to_dict(),
        "network_size": module.network.config.size,
        "steps": steps,
        "samples": steps * module.recipe.batch * world,
        "minutes": module.spent / 60,
        "last": {name: float(value) for name, value in last.items()},
    }
    with written_atomically(run.folder / SUMMARY_NAME) as path:
        path.write_text(json.dumps(summary, indent=1), encoding="utf-8")
