"""Checkpoints that are whole, sound and of the right model."""

from __future__ import annotations

import errno
import io
import os
import pickle
from pathlib import Path
from typing import Any

import torch

from ...atomic_file import written_atomically
from ...cine.cine import CineError
from .lightning_library import Checkpoint, TorchCheckpointIO

CHECKPOINT_NAME = "last.ckpt"
IDENTITY = "echokeyframe"
"""Key under which a checkpoint says what it is a checkpoint of."""
INIT = "init"
"""Key therein: SHA-256 of the weights that the training began with, None where it was given none."""

IMAGENET = "imagenet"
"""Key therein: the ImageNet weights that the encoder began with, None for random ones."""


class TrainingError(CineError):
    """Training cannot start or go on. One line: what is wrong, where, what to do."""


class StoppedError(TrainingError):
    """A training that was under way could not go on; its last good checkpoint, if there is one, is kept."""


class DivergedError(StoppedError):
    """The loss or a weight is no longer a number."""


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the old checkpoint and swaps at the end: whatever happens, one whole checkpoint is there."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        path = Path(path)
        # Through memory: where a write fails, torch.save itself reports an "unexpected pos" and not the full disk.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_atomically(path) as partial, partial.open("wb") as stream:
                stream.write(content.getbuffer())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            reason = "the disk is full; free some space and resume" if full else error.strerror
            kept = "the last good one is kept" if path.exists() else "there is none yet"
            raise StoppedError(f"{path.name}: the checkpoint cannot be written, {kept}: {reason}") from error


class SaveEachEpoch(Checkpoint):
    """Saves ``last.ckpt`` after each epoch, but never weights that are no longer numbers."""

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / CHECKPOINT_NAME

    def on_train_epoch_end(self, trainer, module) -> None:
        if not all(bool(torch.isfinite(p).all()) for p in module.parameters()):
            raise DivergedError(f"weights are not numbers after step {trainer.global_step}; lower the learning rate")
        trainer.save_checkpoint(self.path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint, without running what might be hidden in it. Raises TrainingError: damaged, or not one of ours."""
    path = Path(path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(checkpoint[IDENTITY], dict):
            raise TypeError("has no description")
        return checkpoint
    except FileNotFoundError:
        raise TrainingError(path.name, f"no such checkpoint in {path.parent}") from None
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise TrainingError(path.name, "is damaged or no checkpoint of ours; delete it to start anew") from error


def require_same(name: str, found: dict[str, Any], identity: dict[str, Any]) -> None:
    """Raise TrainingError where a checkpoint ``found`` belongs to another network, recipe, data, seed or first weights.

    A checkpoint of an earlier version does not say what it began with: it is gone on with where no weights are given.
    """
    if found.get(INIT) != identity[INIT]:
        began = _weights(found[INIT]) if INIT in found else "weights or none (an earlier version did not record which)"
        raise TrainingError(
            name, f"began with {began}, not with {_weights(identity[INIT])}; give the same --init or another folder"
        )
    for key, wanted in identity.items():
        if found.get(key) != wanted:
            differing = _first_difference(found.get(key), wanted)
            raise TrainingError(
                name,
                f"belongs to a training with another {key}{differing}; "
                "use its own settings or another folder"
            )


def _weights(sha256: str | None) -> str:
    return f"the weights {sha256[:8]} (SHA-256)" if sha256 else "no given weights"


def _first_difference(found: Any, wanted: Any) -> str:
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted(set(found) | set(wanted)):
            if found.get(key) != wanted.get(key):
                return f" ({key} is {found.get(key)!r}, not {wanted.get(key)!r})"
    return f" ({found!r}, not {wanted!r})"
