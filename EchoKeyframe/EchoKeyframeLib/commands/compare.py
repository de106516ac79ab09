"""``echokeyframe compare``: the paper's comparison of systems, trained alike and judged on the same clips."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from . import UsageError, reproduce, train
from .cine_jobs import add_output
from .labelled_data import add_set
from .options import add_debug, add_device, count, image_size, natural, positive

SYSTEMS = ("paper", "resnet-lstm", "cnn3d-lstm")
SMALL = ("resnet18-112", "resnet-lstm-small", "cnn3d-lstm-small")


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "compare", help="train the paper's systems alike and compare them",
        description="The paper's comparison (tables 3 and 4): ResNet+VST, ResNet+LSTM and 3D CNN+LSTM with T = 16, one "
        "size, one recipe and augmentation, each on the same four fifths of DATA; then the report of 'reproduce' on "
        "the rest. Prints the commands that it runs; the same command goes on with what was stopped.",
    )  # fmt: skip
    parser.add_argument("data", metavar="DATA", help="a labelled set with parts, or one that is divided 4:1 by patient")
    add_output(parser)
    add_set(parser)
    parser.add_argument("--split-seed", type=natural, default=0, metavar="SEED", help="of a 4:1 division (default: 0)")
    parser.add_argument("--systems", nargs="+", default=SYSTEMS, metavar="PRESET",
                        help=f"networks to train (default: {', '.join(SYSTEMS)})")
    parser.add_argument("--small", action="store_true", help=f"those that a CPU trains: {', '.join(SMALL)}, at 64 "
                        "pixels with random encoders")
    parser.add_argument("--size", type=image_size, help="of the frames in training (default: 224)")
    parser.add_argument("--test-size", type=image_size, metavar="PIXELS", help="of the frames afterwards")
    parser.add_argument("--window", type=count, default=16, metavar="FRAMES", help="T (default: 16)")
    parser.add_argument("--recipe", choices=("paper", "modern"), default="paper")
    parser.add_argument("--imagenet", metavar="FILE|random", help="as in train")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=count, help="of each system (default: the recipe's, paper: 500)")
    length.add_argument("--steps", type=count)
    length.add_argument("--minutes", type=positive)
    parser.add_argument("--seed", type=natural, default=0)
    parser.add_argument("--workers", type=natural, default=0, metavar="N", help="processes that make batches ahead")
    parser.add_argument("--threads", type=count, metavar="N")
    add_device(parser)
    add_debug(parser)
    parser.set_defaults(run=run, resumes=True)


def run(options: argparse.Namespace) -> int:
    """Train each system, then write the report; ends with the first exit code that is not 0. Raises UsageError."""
    names = SMALL if options.small else tuple(dict.fromkeys(options.systems))
    output = Path(options.output)
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {options.output!r} is not a folder")
    parser = argparse.ArgumentParser(prog="echokeyframe")
    commands = parser.add_subparsers()
    for command in (train, reproduce):
        command.add_to(commands)
    for line in [*(_training(name, options, output) for name in names), _report(names, options, output)]:
        print(f"echokeyframe {shlex.join(line)}", flush=True)
        chosen = parser.parse_args(line)
        if exit_code := chosen.run(chosen):
            return exit_code
    return 0


def _training(name: str, options: argparse.Namespace, output: Path) -> list[str]:
    size = options.size or (64 if options.small else 224)
    imagenet = options.imagenet or ("random" if options.small else None)
    if imagenet != "random" and name.startswith("cnn3d"):
        imagenet = None
    settings = {
        "--preset": name, "--recipe": options.recipe, "--window": options.window, "--size": size,
        "--imagenet": imagenet, "--epochs": options.epochs, "--steps": options.steps, "--minutes": options.minutes,
        "--seed": options.seed, "--workers": options.workers, "--threads": options.threads, "--device": options.device,
    }  # fmt: skip
    return ["train", *_data(options, "train"), "--output", str(output / name), *_given(settings)]


def _report(names: tuple[str, ...], options: argparse.Namespace, output: Path) -> list[str]:
    models = [str(output / name / "weights.safetensors") for name in names]
    settings = {"--test-size": options.test_size, "--device": options.device}
    return ["reproduce", *_data(options, "test"), "--output", str(output / "report"), "--models", *models,
            *_given(settings)]  # fmt: skip


def _data(options: argparse.Namespace, split: str) -> list[str]:
    settings = {"--split": split, "--split-seed": options.split_seed, "--subset": options.subset,
                "--set-fps": options.set_fps}  # fmt: skip
    return [options.data, *_given(settings)]


def _given(settings: dict[str, object]) -> list[str]:
    return [word for name, value in settings.items() if value is not None for word in (name, str(value))]
