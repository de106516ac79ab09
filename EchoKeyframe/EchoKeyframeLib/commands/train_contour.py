"""``echokeyframe train --preset lv-contour-large``: a network that traces the left ventricle."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError
from .labelled_data import LabelledData
from .replay_option import REPLAY_NAME
from .terminal import say, warn

if TYPE_CHECKING:
    from ..training.contour.pool import Pool

WEIGHTS_NAME = "weights.safetensors"
CLIPS_NAME = "clips"
"""The pool that is made of a labelled set, in the folder of the training."""
DEFAULT_MINUTES = 60.0
FIRST_REPLAYED_SEED = 80_000_000
"""Of clips that are simulated to be learned from beside a set; no seeds that anything is judged on."""


def run(options: argparse.Namespace) -> int:
    """Train on a pool that ``phantom --borders`` made, or on a labelled set with tracings; weights and card are written
    anew at each check.

    Raises UsageError where an argument cannot be used.
    """
    from ..cine.cine import CineError
    from ..detection.catalogue import weights_path
    from ..models.config import ConfigError
    from ..models.registry import CONTOUR_NETWORKS
    from ..training.contour.fit import Schedule
    from ..training.contour.run import parts, train_contour

    folder = Path(options.output)
    if not options.output or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"--output {options.output!r} is not a folder")
    if (folder / WEIGHTS_NAME).exists():
        raise UsageError(f"{folder / WEIGHTS_NAME} is there already; choose another folder, or begin with it by --init")
    given = {"batch": options.batch, "lr": options.lr, "size": options.size}
    minutes = None if options.steps else options.minutes or DEFAULT_MINUTES
    schedule = Schedule(options.steps, minutes, seed=options.seed, **{k: v for k, v in given.items() if v is not None})
    try:
        init = CONTOUR_NETWORKS.get(options.init) or (options.init and weights_path(options.init))
        learned, held_apart = parts(_pool(options, folder), Path(options.data).name)
        replayed = _replayed(options.replay or "0", folder)
        train_contour(options.preset, learned, held_apart, folder / WEIGHTS_NAME, schedule, init, say, replayed)
    except (CineError, ConfigError) as error:
        raise UsageError(" ".join(str(error).split())) from error
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror or type(error).__name__}") from error
    return 0


def _pool(options: argparse.Namespace, folder: Path) -> Pool:
    """The clips to learn from, made of a labelled set where DATA is one. Raises CineError, UsageError, OSError."""
    from ..datasets.open_dataset import is_dataset
    from ..training.contour.labelled_pool import store_labelled_pool
    from ..training.contour.pool import load_pool

    if not is_dataset(Path(options.data)):
        if options.split or options.subset:
            raise UsageError("--split and --subset need a labelled set")
        return load_pool(Path(options.data))
    dataset = LabelledData.of(options).dataset
    for line in store_labelled_pool(folder / CLIPS_NAME, dataset, options.leave_out, progress=sys.stderr.isatty()):
        warn(f"left out: {line}")
    return load_pool(folder / CLIPS_NAME)


def _replayed(wanted: str, folder: Path) -> Pool | None:
    """Simulated clips to learn from beside: of a folder of ``phantom --borders``, or as many as ``wanted`` says."""
    from ..training.contour.pool import load_pool, simulate_pool

    if not wanted.isdecimal():
        return load_pool(Path(wanted))
    if not int(wanted):
        return None
    made = folder / REPLAY_NAME
    simulate_pool(made, int(wanted), FIRST_REPLAYED_SEED, progress=sys.stderr.isatty())
    return load_pool(made)
