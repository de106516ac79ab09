"""What makes a network that has seen simulated ventricles only trace real ones: short trainings, one part changed each.

    python Testing/benchmarks/tracing_ablations.py BORDERS --held-out BORDERS2 --masks FOLDER --output DIR
        [--clips 2000] [--steps 1200] [--size 80] [--seeds 0 1] [--arms "the frame alone" ...]

BORDERS, BORDERS2: folders of 'phantom --borders', other seeds; the first CLIPS are learned from. FOLDER: NAME.npz with
frames and masks of real loops, as ``contour_sheet.py`` reads them. The arm "tidy pictures" simulates the same hearts
without what spoils their pictures. Weights are kept in DIR, so that a run that was stopped goes on. What real loops say
is a mean over loops; trainings are short and few, so small differences say nothing.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from contour_sheet import BesideMasks, loops
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.measurement.automatic import tracer as tracers
from EchoKeyframeLib.measurement.automatic.tracer import load_tracer
from EchoKeyframeLib.models.presets import build_network, preset
from EchoKeyframeLib.models.weights_file import load_weights, save_weights
from EchoKeyframeLib.training.contour import fit as fitting
from EchoKeyframeLib.training.contour import samples
from EchoKeyframeLib.training.contour.fit import Check, Schedule, check, fit
from EchoKeyframeLib.training.contour.pool import CONFIG, Pool, load_pool, simulate_pool

SPOILT = {"dropout": False, "clutter": False, "degradation": False, "processing": False, "sweeping_shadow": 0.0}
SEEN_BY = samples, fitting, tracers
"""Modules that prepare what the network sees."""


def frame_alone(frame: np.ndarray, loop: np.ndarray) -> np.ndarray:
    return np.stack([frame] * 3, -1)


def plain(prepared: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(prepared.transpose(2, 0, 1).astype(np.float32) / 255)


Change = Callable[[ExitStack], None]


def _seen(name: str, function: Callable) -> Change:
    def change(stack: ExitStack) -> None:
        for module in SEEN_BY:
            stack.enter_context(patch.object(module, name, function))

    return change


def _weights(*names: str) -> Change:
    def change(stack: ExitStack) -> None:
        for name in names:
            stack.enter_context(patch.object(fitting, name, 0.0))

    return change


TIDY, GRAY = "tidy pictures", "gray levels hardly changed"
ARMS: dict[str, Change] = {
    "whole": lambda stack: None,
    "the frame alone": _seen("loop_images", frame_alone),
    "gray levels not equalised": _seen("equalised", plain),
    GRAY: lambda stack: None,
    "contraction of pairs does not count": _weights("_CONTRACTION_WEIGHT"),
    "nor pixels that the border passes": _weights("_CONTRACTION_WEIGHT", "_PASSED_WEIGHT"),
    TIDY: lambda stack: None,
}


@contextmanager
def changed(arm: str) -> Iterator[None]:
    with ExitStack() as stack:
        ARMS[arm](stack)
        yield


def trained(arm: str, seed: int, weights: Path, pool: Pool, held_out: Pool, options: argparse.Namespace) -> None:
    torch.manual_seed(seed)
    network = build_network(replace(preset("lv-contour"), size=options.size))
    schedule = Schedule(steps=options.steps, strength=0.0 if arm == GRAY else Schedule.strength, seed=seed, checks=1)
    save_weights(weights, fit(network, pool, held_out, schedule, lambda *_: None), name=weights.stem)


def beside_masks(weights: Path, folder: Path) -> np.ndarray:
    """Dice, Dice of the smallest mask, correlation of areas, error of the area change: ``[loops, 4]``."""
    tracer, rows = load_tracer("torch", "cpu", weights), []
    for name, cine, masks in loops([], folder):
        beside = BesideMasks.of(tracer.trace(cine, find_sector(cine)), masks)
        found, true = beside.area_changes
        rows.append((beside.dice.mean(), beside.dice[beside.smallest], beside.correlation, found - true))
        print(f"    {name}: " + " ".join(f"{value:.3f}" for value in rows[-1]), flush=True)
    return np.array(rows)


def line(arm: str, seed: int, simulated: Check, real: np.ndarray) -> str:
    dice, smallest, correlation, change = real.T
    told = (f"| {arm} | {seed} | {simulated.ed:.3f}, {simulated.es:.3f} | {simulated.change:.1f} "
            f"({simulated.change_bias:+.1f}) | {dice.mean():.3f} ({dice.min():.3f} to {dice.max():.3f}) | "
            f"{smallest.mean():.3f} | {correlation.mean():.2f} | ")  # fmt: skip
    return f"{told}{np.abs(change).mean():.1f} ({change.mean():+.1f}) |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("borders", type=Path)
    for name in ("--held-out", "--masks", "--output"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--size", type=int, default=80)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    pool, held_out = load_pool(options.borders).part(slice(0, options.clips)), load_pool(options.held_out)
    tidy = pool
    if TIDY in options.arms:
        simulate_pool(options.output / "tidy", len(pool), pool.first_seed or 0, replace(CONFIG, **SPOILT))
        tidy = load_pool(options.output / "tidy")
    told = []
    for seed in options.seeds:
        for arm in options.arms:
            weights = options.output / f"{arm.replace(' ', '-')}-{seed}.safetensors"
            with changed(arm):
                if not weights.exists():
                    trained(arm, seed, weights, tidy if arm == TIDY else pool, held_out, options)
                network = load_weights(weights)[0]
                simulated = check(network, held_out, share=1, steps=0, minutes=0, loss=0)
                real = beside_masks(weights, options.masks)
            told.append(line(arm, seed, simulated, real))
            print(told[-1], flush=True)
    print("| | seed | SIMULATED Dice ED, ES | area change, points | REAL Dice | smallest | correlation | area change |")
    print("|---|---|---|---|---|---|---|---|", *told, sep="\n")


if __name__ == "__main__":
    main()
