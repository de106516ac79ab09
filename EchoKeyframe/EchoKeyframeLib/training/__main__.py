"""``python -m EchoKeyframeLib.training``: make stores of simulated clips, train on one, score on another.

For experiments; the command ``echokeyframe`` offers the same for daily use.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from ..cine.cine import CineError
from .targets import TargetForm

STREAMS = {"image": ("image",), "motion": ("motion",), "both": ("image", "motion")}


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; returns the exit status (2 for a mistake that the message names)."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (CineError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m EchoKeyframeLib.training", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    _add_store(commands.add_parser("store", help="simulate clips into a store"))
    _add_fit(commands.add_parser("fit", help="train a network on a store, or resume"))
    _add_score(commands.add_parser("score", help="evaluate weights on a store"))
    return parser


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, required=True)
    parser.add_argument("--first-seed", type=int, default=0, help="held-out clips need other seeds than training")
    parser.add_argument("--frames", type=int, default=64, help="frames a clip")
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--fps", type=float, nargs=2, default=None, metavar=("LOW", "HIGH"))
    parser.add_argument("--without", nargs="*", default=[], metavar="PART", help="parts of the simulator to switch off")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.set_defaults(run=_store)


def _store(options: argparse.Namespace) -> None:
    from .fill_store import simulate_store
    from .phantom.config import PhantomConfig

    changes: dict[str, object] = {"frames": options.frames, "size": options.size}
    if options.fps:
        changes["fps"] = tuple(options.fps)
    for part in options.without:
        if not isinstance(getattr(PhantomConfig(), part, None), bool):
            raise ValueError(f"the simulator has no part {part!r} to switch off")
        changes[part] = False
    config = PhantomConfig(**changes)
    simulate_store(options.folder, options.clips, config, options.first_seed, options.processes, options.device)


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", type=Path)
    parser.add_argument("folder", type=Path, help="of this training: checkpoint, logs, weights.safetensors")
    parser.add_argument("--network", default="two-stream", help="a preset of models.presets")
    parser.add_argument("--recipe", default="modern", choices=("paper", "modern"))
    parser.add_argument("--stream", choices=tuple(STREAMS))
    parser.add_argument("--window", type=int, help="T, frames")
    parser.add_argument("--size", type=int, help="of the frames, as in the store")
    parser.add_argument("--rate", type=float, help="effective frames per second")
    parser.add_argument("--targets", type=TargetForm, choices=tuple(TargetForm))
    parser.add_argument("--lr", type=float)
    parser.add_argument("--batch", type=int)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int)
    length.add_argument("--minutes", type=float)
    length.add_argument("--epochs", type=int)
    parser.add_argument("--epoch-steps", type=int, help="steps between checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--devices", type=int, default=1, help="GPUs, or processes on a CPU")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, help="of torch, in each process")
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches ahead")
    parser.add_argument("--init", type=Path, help="weights file to start from")
    parser.add_argument("--quiet", action="store_true")
    parser.set_defaults(run=_fit)


def _fit(options: argparse.Namespace) -> None:
    from ..models.presets import preset
    from .clip_store import ClipStore
    from .fit import export, train
    from .recipe import RECIPES
    from .run import Run

    network = preset(options.network)
    streams = STREAMS[options.stream] if options.stream else None
    network = replace(network, **_given(streams=streams, frames=options.window, rate=options.rate, size=options.size))
    changes = _given(targets=options.targets, lr=options.lr, batch=options.batch, epochs=options.epochs)
    recipe = replace(RECIPES[options.recipe], **changes)
    run = Run(
        options.folder, options.steps, options.minutes, options.epoch_steps, options.seed, options.devices,
        options.nodes, options.accelerator, options.precision, options.threads, options.workers,
        not options.quiet, options.init,
    )  # fmt: skip
    trained = train(network, recipe, ClipStore(options.store), run)
    if trained is not None:
        export(trained, run)


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _add_score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("weights", type=Path)
    parser.add_argument("store", type=Path, help="of held-out clips")
    parser.add_argument("report", type=Path, help="folder for the tables, one subfolder a decoder")
    parser.add_argument("--clips", type=int, help="only the first so many")
    parser.add_argument("--decoders", nargs="+", default=["beats", "maxima"])
    parser.add_argument("--device", default="auto")
    parser.set_defaults(run=_score)


def _score(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from ..detection.network import NetworkDetector
    from ..evaluation.evaluate import evaluate, stored_clips
    from ..evaluation.report import markdown, write_report
    from ..models.weights_file import load_weights
    from .clip_store import ClipStore

    network, card = load_weights(options.weights)
    detector = NetworkDetector(network, card.title, options.device)
    store = ClipStore(options.store)
    number = min(len(store), options.clips or len(store))
    with tqdm(total=number, unit="clip") as bar:
        cases = stored_clips(store, number)
        evaluations = evaluate(cases, detector, options.decoders, f"{number} simulated clips", lambda _: bar.update())
    for evaluation in evaluations:
        write_report(evaluation, options.report / evaluation.decoder)
        print(markdown(evaluation))


if __name__ == "__main__":
    sys.exit(main())
