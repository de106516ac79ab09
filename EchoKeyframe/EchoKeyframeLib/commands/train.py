"""``echokeyframe train``: a network from labelled or simulated cines."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..models.registry import ANY_PRECISION, CONTOUR_NETWORKS, PRECISIONS
from . import UsageError, train_contour
from .extras import needs_extra
from .labelled_data import LabelledData, add_data
from .options import add_debug, add_device, count, frame_rate, natural, positive
from .replay_option import REPLAY_CLIPS, add_replay, replay_store
from .terminal import warn

if TYPE_CHECKING:
    from ..models.config import NetworkConfig
    from ..training.fit.recipe import Recipe
    from ..training.fit.run import Run
    from ..training.stores.clip_store import ClipStore

CLIPS_NAME = "clips"
"""The store that is made of labelled cines, in the folder of the training."""

DEFAULT_PRESET = "two-stream"
FINE_TUNE = "fine-tune"
FINE_TUNE_STEPS, FINE_TUNE_PASSES = 400, 10

PAPER_PRESETS = ("paper", "paper-112")

STREAMS = {"image": ("image",), "motion": ("motion",), "both": ("image", "motion")}


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "train", help="train a network on labelled cines",
        description="Trains a network and writes weights.safetensors with its card, a checkpoint and TensorBoard logs "
        "into RUN. The same command resumes a training that was stopped.",
        epilog="With several devices this command is started again for each of them; on Windows call it as "
        "'python -m EchoKeyframeLib train' for that. SLURM and torchrun are recognised.",
    )  # fmt: skip
    add_data(parser)
    parser.add_argument("--output", required=True, metavar="RUN", help="folder of this training, made if need be")
    _add_network(parser.add_argument_group("network"))
    _add_recipe(parser.add_argument_group("recipe"))
    _add_execution(parser.add_argument_group("execution"))
    add_debug(parser)
    parser.set_defaults(run=run, resumes=True)


def _add_network(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--preset", metavar="NAME",
                       help="two-stream (default), image-only, motion-only, paper, paper-112 or resnet18-112; the "
                       "published systems resnet-lstm, cnn3d-lstm, resnet-lstm-beat, densenet-gru-beat, segmentation; "
                       "and those in small for a CPU: resnet-lstm-small, cnn3d-lstm-small, resnet-lstm-beat-small, "
                       "densenet-gru-beat-small, segmentation-small; lv-contour and lv-contour-large, which "
                       "trace the left ventricle and learn from a folder of 'phantom --borders', EchoNet-Dynamic or "
                       "CAMUS")
    group.add_argument("--stream", choices=tuple(STREAMS), help="what a two-stream network looks at")
    group.add_argument("--window", type=count, metavar="FRAMES", help="T, frames that it sees at once")
    group.add_argument("--rate", type=frame_rate, help="frames per second that clips are thinned out to")
    group.add_argument("--size", type=count, metavar="PIXELS", help="of the frames; a store's own size")
    group.add_argument("--init", metavar="NAME|FILE", help="start from these weights (two-stream and, for their "
                       "presets, lv-contour and lv-contour-large: those of the package) and, without --preset, from "
                       "their network")
    group.add_argument("--imagenet", metavar="FILE|random", help="what the encoder starts from: a file of ImageNet "
                       "weights, or random ones (default: the recipe's; paper: torchvision's, from TORCH_HOME or "
                       "downloaded)")


def _add_recipe(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--recipe", choices=("modern", "paper", FINE_TUNE),
                       help="(default: modern; paper for the presets paper and paper-112; with --init fine-tune)")
    add_replay(group, f"default: {REPLAY_CLIPS} for fine-tune, else 0")
    group.add_argument("--targets", choices=("paper", "beat"), help="width of the curves: 10 frames, or 0.1 beat")
    group.add_argument("--lr", type=positive, help="highest learning rate")
    group.add_argument("--batch", type=count, help="samples a step, in each process")
    length = group.add_mutually_exclusive_group()
    length.add_argument("--steps", type=count)
    length.add_argument("--minutes", type=positive)
    length.add_argument("--epochs", type=count, help="passes over the clips (default: the recipe's; for fine-tune "
                        f"{FINE_TUNE_PASSES}, but at least {FINE_TUNE_STEPS} steps)")
    group.add_argument("--epoch-steps", type=count, metavar="STEPS", help="between checkpoints")
    group.add_argument("--seed", type=natural, default=0)


def _add_execution(group: argparse._ArgumentGroup) -> None:
    add_device(group)
    group.add_argument("--devices", type=count, default=1, metavar="N", help="GPUs, or processes on a CPU")
    group.add_argument("--nodes", type=count, default=1, metavar="N", help="machines; DATA must then be a store")
    group.add_argument("--precision", choices=PRECISIONS, default=ANY_PRECISION)
    group.add_argument("--threads", type=count, metavar="N", help="of each process")
    group.add_argument("--workers", type=natural, default=0, metavar="N",
                       help="processes that make batches ahead (default: 0)")


def run(options: argparse.Namespace) -> int:
    """Train; 1 if a training that was under way had to stop. Raises UsageError where an argument cannot be used."""
    with needs_extra("train", "train"):
        import tensorboard  # noqa: F401  (Lightning would ask for it later and in other words)

        if options.preset in CONTOUR_NETWORKS:
            return train_contour.run(options)

        from ..cine.cine import CineError
        from ..detection.catalogue import weights_path
        from ..models.config import ConfigError
        from ..models.device import choose_device
        from ..training.fit.card_data import card_data
        from ..training.fit.checkpoints import StoppedError
        from ..training.fit.lightning_library import MisconfigurationException
        from ..training.fit.train import check_start, export, train

    folder, data = Path(options.output), LabelledData.of(options)
    if not options.output or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"--output {options.output!r} is not a folder")
    try:
        choose_device(options.device)
        options.init = options.init and weights_path(options.init)
        options.recipe = options.recipe or _usual_recipe(options)
        network, recipe = _network(options), _recipe(options)
        settings = _run(folder, options, None)
        check_start(network, recipe, settings)  # before a set is prepared, which takes hours
        clips = _clips(data, folder, network, options.nodes)
        settings = replace(settings, steps=_steps(options, recipe, len(clips)))
        trained = train(network, recipe, clips, settings, _replay(options, folder, network))
        if trained is not None:  # else one of the other processes
            cines = () if data.is_store else data.dataset.cines
            _tell(export(trained, settings, data=card_data(clips, cines)))
    except StoppedError as error:
        warn(str(error))
        return 1
    except (CineError, ConfigError, MisconfigurationException) as error:
        raise UsageError(" ".join(str(error).split())) from error
    except OSError as error:  # a folder that may not be written to, a full disk
        raise UsageError(f"{error.filename or options.output}: {error.strerror or type(error).__name__}") from error
    return 0


def _usual_recipe(options: argparse.Namespace) -> str:
    if options.init:
        return FINE_TUNE
    return "paper" if options.preset in PAPER_PRESETS else "modern"


def _network(options: argparse.Namespace) -> NetworkConfig:
    from ..models.presets import preset
    from ..models.weights_card import load_card

    from_weights = options.init and not options.preset
    network = load_card(options.init).config if from_weights else preset(options.preset or DEFAULT_PRESET)
    streams = STREAMS.get(options.stream)
    step = options.window and min(network.window_step, options.window)
    return replace(network, **_given(streams=streams, frames=options.window, window_step=step, rate=options.rate,
                                     size=options.size))  # fmt: skip


def _recipe(options: argparse.Namespace) -> Recipe:
    from ..models.imagenet import RANDOM
    from ..training.fit.recipe import RECIPES
    from ..training.samples.targets import TargetForm

    targets = TargetForm(options.targets) if options.targets else None
    imagenet = None if options.imagenet is None else options.imagenet != RANDOM
    changes = _given(targets=targets, lr=options.lr, batch=options.batch, epochs=options.epochs, imagenet=imagenet)
    return replace(RECIPES[options.recipe], **changes)


def _steps(options: argparse.Namespace, recipe: Recipe, clips: int) -> int | None:
    """Steps of the training; None where minutes, or passes over the clips, are counted."""
    if options.steps or options.minutes or options.epochs or options.recipe != FINE_TUNE:
        return options.steps
    # Half of the samples are replayed, so a pass over the clips takes twice the steps.
    return max(FINE_TUNE_STEPS, 2 * FINE_TUNE_PASSES * clips // (recipe.batch * options.devices * options.nodes))


def _replay(options: argparse.Namespace, folder: Path, network: NetworkConfig) -> ClipStore | None:
    wanted = options.replay or str(REPLAY_CLIPS if options.recipe == FINE_TUNE else 0)
    if options.nodes > 1 and wanted.isdecimal() and int(wanted):
        raise UsageError("--nodes needs a store for --replay, or --replay 0")
    return replay_store(wanted, folder, network)


def _run(folder: Path, options: argparse.Namespace, steps: int | None) -> Run:
    from ..models.imagenet import RANDOM
    from ..training.fit.run import Run

    imagenet = Path(options.imagenet) if options.imagenet and options.imagenet != RANDOM else None
    return Run(
        folder, steps, options.minutes, options.epoch_steps, options.seed, options.devices, options.nodes,
        options.device, options.precision, options.threads, options.workers,
        progress=sys.stdout.isatty(), init=options.init, imagenet=imagenet,
    )  # fmt: skip


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _clips(data: LabelledData, folder: Path, network: NetworkConfig, nodes: int) -> ClipStore:
    """The store to train on, made of labelled cines where DATA is none."""
    from ..training.stores.clip_store import ClipStore, is_store
    from ..training.stores.fill_store import holds, store_labelled

    if data.is_store:
        return data.store
    if nodes > 1:
        raise UsageError(f"--nodes needs a store as DATA, such as the {CLIPS_NAME} in RUN of a training on one node")
    made, cines = folder / CLIPS_NAME, data.dataset.cines
    if is_store(made):
        store = ClipStore(made)
        if holds(store, cines) and (store.masks is not None or not network.needs_masks):
            return store
    undecided = sum(cine.labels.decided == () for cine in cines)
    if undecided:
        warn(f"{undecided} of {len(cines)} cines left out: their labels decide no frame")
    return store_labelled(made, cines, network.size, masks=network.needs_masks)


def _tell(weights: Path) -> None:
    from ..models.onnx_graph import exportable
    from ..models.onnx_weights import has_graphs
    from ..models.weights_card import load_card
    from ..training.fit.train import SUMMARY_NAME

    summary = json.loads((weights.parent / SUMMARY_NAME).read_text(encoding="utf-8"))
    print(f"{weights}: {summary['steps']} steps on {summary['data']['clips']} {summary['data']['kind']} clips "
          f"in {summary['minutes']:.1f} min")
    if exportable(load_card(weights).config) and not has_graphs(weights):
        warn(f"{weights.name}: without an ONNX graph, so that it needs torch; 'echokeyframe convert' adds one")
    print(f"use it: echokeyframe detect CINE --model {weights} --output results")
