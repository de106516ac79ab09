"""``echokeyframe train --preset lv-contour``: the network that traces the left ventricle."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import UsageError
from .terminal import say

PRESET = "lv-contour"
WEIGHTS_NAME = "weights.safetensors"
DEFAULT_MINUTES = 60.0


def run(options: argparse.Namespace) -> int:
    """Train on a pool that ``phantom --borders`` made; weights and card are written anew at each check.

    Raises UsageError where an argument cannot be used.
    """
    from ..cine.cine import CineError
    from ..detection.catalogue import weights_path
    from ..models.config import ConfigError
    from ..training.contour.fit import Schedule
    from ..training.contour.run import train_contour

    folder, pool = Path(options.output), Path(options.data)
    if not options.output or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"--output {options.output!r} is not a folder")
    if (folder / WEIGHTS_NAME).exists():
        raise UsageError(f"{folder / WEIGHTS_NAME} is there already; choose another folder, or begin with it by --init")
    given = {"batch": options.batch, "lr": options.lr, "size": options.size}
    minutes = None if options.steps else options.minutes or DEFAULT_MINUTES
    schedule = Schedule(options.steps, minutes, seed=options.seed, **{k: v for k, v in given.items() if v is not None})
    try:
        init = options.init and weights_path(options.init)
        train_contour(pool, folder / WEIGHTS_NAME, schedule, init, say)
    except (CineError, ConfigError) as error:
        raise UsageError(" ".join(str(error).split())) from error
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror or type(error).__name__}") from error
    return 0
