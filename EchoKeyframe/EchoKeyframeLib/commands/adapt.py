"""``echokeyframe adapt``: the shipped network, adapted to a person's own cines without labels."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError
from .cine_jobs import folder_if_filled, jobs_for
from .extras import needs_extra
from .options import add_debug, add_device, add_reading_options, count, natural
from .replay_option import REPLAY_CLIPS, add_replay, replay_store
from .terminal import say, tell_failed, warn

if TYPE_CHECKING:
    from ..training.adaptation.adapt import Adaptation, Settings
    from ..training.adaptation.adaptation_check import Check
    from ..training.stores.clip_store import ClipStore

CHECK_CLIPS = 40
CHECK_SEED = 3_000_000
"""Of the simulated clips for the check, which are never learned from."""


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "adapt", help="adapt the network to your own cines, without labels",
        description="Finds the beats on which the network and the motion of the walls agree, lets the network learn "
        "from them, and repeats that. Simulated clips are learned from beside them. The adapted weights are kept if "
        "cines held back and other simulated clips are found no worse than before. The same command goes on with what "
        "was stopped.",
    )  # fmt: skip
    parser.add_argument("cines", nargs="+", metavar="CINE", help="files, folders (all below them) or glob patterns")
    parser.add_argument("--output", required=True, metavar="RUN", help="folder of this adaptation, made if need be")
    parser.add_argument("--init", default="two-stream", metavar="NAME|FILE",
                        help="the weights to adapt (default: two-stream, those of the package)")
    parser.add_argument("--rounds", type=count, default=4, help="times that beats are agreed on (default: 4)")
    parser.add_argument("--steps", type=count, default=60, help="of training in each round (default: 60)")
    add_replay(parser, f"default: {REPLAY_CLIPS}")
    parser.add_argument("--seed", type=natural, default=0)
    parser.add_argument("--threads", type=count, metavar="N", help="for training")
    add_device(parser)
    add_reading_options(parser)
    add_debug(parser)
    parser.set_defaults(run=run, resumes=True)


def run(options: argparse.Namespace) -> int:
    """Adapt; 1 if the weights are refused or training has to stop. Raises UsageError where nothing can be done."""
    with needs_extra("train", "adapt"):
        import tensorboard  # noqa: F401  (Lightning would ask for it later and in other words)

        from ..cine.cine import CineError
        from ..models.device import choose_device
        from ..training.adaptation.adapt import adapt
        from ..training.fit.checkpoints import StoppedError

    jobs, unreadable = jobs_for(options.cines, Path(options.output).absolute())
    for name, reason in unreadable:
        tell_failed(name, reason)
    try:
        choose_device(options.device)
        with folder_if_filled(options.output) as folder:
            settings = _settings(options, folder)
            stores = _stores([job.cine for job in jobs], settings, options)
            adaptation = adapt(*stores, settings)
    except StoppedError as error:
        warn(str(error))
        return 1
    except CineError as error:
        raise UsageError(" ".join(str(error).split())) from error
    return _tell(adaptation, options.init)


def _settings(options: argparse.Namespace, folder: Path) -> Settings:
    from ..detection.catalogue import weights_path
    from ..training.adaptation.adapt import Settings

    init = weights_path(options.init)
    return Settings(
        folder, init, options.rounds, options.steps, options.seed, options.device, options.threads,
        progress=sys.stderr.isatty(),
    )  # fmt: skip


def _stores(
    paths: list[Path], settings: Settings, options: argparse.Namespace
) -> tuple[ClipStore, ClipStore | None, ClipStore]:
    """The cines, the simulated clips to learn from and those to check on; all lie in the folder of the adaptation."""
    from ..training.adaptation.adapt import adaptable, has_learned
    from ..training.samples.replay import simulated_replay
    from ..training.stores.unlabelled_store import store_unlabelled

    network, folder, progress = adaptable(settings.init).config, settings.folder, settings.progress
    cines = store_unlabelled(
        folder / "cines", paths, network.size, warn, options.fps, options.view,
        remake=not has_learned(folder), progress=progress,
    )  # fmt: skip
    replay = replay_store(options.replay or str(REPLAY_CLIPS), folder, network)
    simulated = simulated_replay(folder / "check", network.size, CHECK_CLIPS, CHECK_SEED, progress=progress)
    return cines, replay, simulated


def _tell(adaptation: Adaptation, init: str) -> int:
    say(f"before: {_check(adaptation.before)}")
    say(f"after:  {_check(adaptation.after)}")
    if adaptation.weights is None:
        warn(f"not kept, it did worse ({'; '.join(adaptation.refused)}): stay with --model {init}")
        return 1
    say(f"use it: echokeyframe detect CINE --model fused:{adaptation.weights} --output results")
    return 0


def _check(check: Check) -> str:
    return (
        f"agrees with motion on {check.agreement:.0%} of the keyframes of cines held back; simulated clips: "
        f"F1 {check.found:.3f}, {check.frames_off:.2f} frames off"
    )
