"""Trains the network with and without a part of its design or of the simulator and scores each on the same clips.

Run: python Testing/benchmarks/ablations.py FOLDER --held-out STORE [--arms NAME ...] [--seeds 0 1 2] [--steps 600]
Arms that are done already are not trained again. Every figure is on simulated clips, except those of ``--real``.
Writes FOLDER/ablations.csv: one row for each arm, seed and decoder, with 95 % intervals over clips (low, high); prints
for each arm the mean over its seeds and their range.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from EchoKeyframeLib.datasets.open_dataset import open_dataset
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.evaluation.evaluate import Evaluation, evaluate, labelled_cines, stored_clips
from EchoKeyframeLib.training.stores.clip_store import ClipStore

DESIGN = {
    "both": ["--preset", "two-stream"],
    "motion": ["--preset", "motion-only"],
    "image": ["--preset", "image-only"],
    "motion T16": ["--preset", "motion-only", "--window", "16"],
    "motion sigma 10": ["--preset", "motion-only", "--targets", "paper"],
}
"""Network and targets, trained on the whole simulator."""

PARTS = {
    "moving probe": ["drift", "breathing"],
    "arrhythmia": ["arrhythmia"],
    "regional": ["regional"],
    "leaflets": ["leaflets"],
    "dropout": ["dropout", "degradation"],
    "clutter, noise": ["clutter", "noise"],
    "post-processing": ["processing", "overlays", "compression"],
}
"""What the simulator is run without; each arm is trained as ``both`` on as many clips as the arm ``small``."""


def main() -> None:
    options = parse_options()
    torch.set_num_threads(1)
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed in options.seeds:
        for arm in options.arms:
            rows += scored(arm, train(arm, seed, options), seed, options)
            write(rows, options.folder / "ablations.csv")
    for line in summary(rows):
        print(line)


def parse_options() -> argparse.Namespace:
    arms = [*DESIGN, "small", *(f"without {part}" for part in PARTS)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for stores, runs and the table")
    parser.add_argument("--held-out", type=Path, required=True, help="store of clips that no arm is trained on")
    parser.add_argument("--train", type=Path, help="store for the arms of the design (default: made in FOLDER)")
    parser.add_argument("--arms", nargs="+", choices=arms, default=arms)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--clips", type=int, default=150, help="of the held-out store")
    parser.add_argument("--small", type=int, default=1500, help="clips of the simulator's arms")
    parser.add_argument("--real", type=Path, help="labels.csv of real clips, scored beside")
    return parser.parse_args()


def store(name: str, count: int, without: list[str], folder: Path) -> Path:
    """A store of simulated clips, made or finished."""
    path = folder / name
    part = ["--without", *without] if without else []
    clips = ["--count", count, "--seed", 1_000_000, "--frames", 80, "--fps", 15, 70]
    command("phantom", path, "--store", *clips, *part)
    return path


def train(arm: str, seed: int, options: argparse.Namespace) -> Path:
    """Weights of one arm and seed."""
    run = options.folder / f"{arm} seed {seed}"
    weights = run / "weights.safetensors"
    if weights.exists():
        return weights
    if arm in DESIGN:
        data = options.train or store("whole", 6000, [], options.folder)
        network = DESIGN[arm]
    else:
        without = PARTS.get(arm.removeprefix("without "), [])
        data = store(f"store {arm}", options.small, without, options.folder)
        network = DESIGN["both"]
    command("train", data, "--output", run, *network, "--steps", options.steps, "--seed", seed, "--threads", 1)
    return weights


def command(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "EchoKeyframeLib", *map(str, arguments)], check=True)


def scored(arm: str, weights: Path, seed: int, options: argparse.Namespace) -> list[dict[str, object]]:
    detector = load_detector(weights, "cpu")
    cases = stored_clips(ClipStore(options.held_out), options.clips)
    results = [("simulated", e) for e in evaluate(cases, detector, ("beats", "maxima"))]
    if options.real:
        results += [("real", e) for e in evaluate(labelled_cines(open_dataset(options.real).cines), detector)]
    return [row(arm, seed, data, evaluation) for data, evaluation in results]


def row(arm: str, seed: int, data: str, evaluation: Evaluation) -> dict[str, object]:
    fields: dict[str, object] = {"arm": arm, "seed": seed, "data": data, "decoder": evaluation.decoder}
    for phase in Phase:
        found = next(r for r in evaluation.rows() if r.group == "all" and r.phase == phase)
        low, high = found.afd_interval
        fields |= {f"{phase} AFD": found.metrics.afd_frames, f"{phase} low": low, f"{phase} high": high}
        fields |= {f"{phase} {name}": getattr(found.metrics, name) for name in ("f1", "missed", "extra", "true")}
    print(*(f"{value:.3f}" if isinstance(value, float) else value for value in fields.values()), sep=" | ", flush=True)
    return fields


def summary(rows: list[dict[str, object]]) -> Iterator[str]:
    """A Markdown table: for each arm, data and decoder the mean over the seeds, and in brackets their range."""
    yield "| arm | data | decoder | seeds | ED | ES | missed | extra | F1 ED | F1 ES |"
    yield "|---" * 10 + "|"
    groups: dict[tuple, list[dict[str, object]]] = {}
    for one in rows:
        groups.setdefault((one["arm"], one["data"], one["decoder"]), []).append(one)
    for key, group in groups.items():
        cells = [over_seeds([one[f"{phase} AFD"] for one in group], 2) for phase in Phase]
        for name in ("missed", "extra"):
            cells.append(over_seeds([sum(one[f"{phase} {name}"] for phase in Phase) for one in group], 0))
        cells += [over_seeds([one[f"{phase} f1"] for one in group], 3) for phase in Phase]
        yield "| " + " | ".join([*key, str(len(group)), *cells]) + " |"


def over_seeds(values: list[float], digits: int) -> str:
    return f"{statistics.mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def write(rows: list[dict[str, object]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
