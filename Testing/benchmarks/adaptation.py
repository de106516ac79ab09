"""Does adaptation without labels help on another vendor's cines, and fine-tuning with labels? On simulated clips only.

Run: python Testing/benchmarks/adaptation.py FOLDER --held-out STORE [--domain NAME] [--seeds 0 1 2]
Simulates cines as another system would show them (files, as a person has them), adapts the shipped network by
``echokeyframe adapt`` and fine-tunes it by ``echokeyframe train --init``, and scores all on new cines of that system
and on STORE, clips such as the shipped network learned from. What is done already is not done again. Prints a table and
writes it to FOLDER/DOMAIN/adaptation.csv: frames off (AFD) and F1 with 95 % intervals over clips.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.cine.video_writer import write_video
from EchoKeyframeLib.commands.replay_option import REPLAY_CLIPS
from EchoKeyframeLib.datasets.labels import read_labels, write_labels
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.detector import Detector
from EchoKeyframeLib.detection.keyframes import Curves, Phase
from EchoKeyframeLib.evaluation.evaluate import Case, Evaluation, score_case, stored_clips
from EchoKeyframeLib.models.registry import MOTION
from EchoKeyframeLib.simulator.clip_labels import clip_labels, clip_name
from EchoKeyframeLib.simulator.config import PhantomConfig
from EchoKeyframeLib.simulator.phantom import simulate
from EchoKeyframeLib.training.samples.replay import simulated_replay
from EchoKeyframeLib.training.stores.clip_store import ClipStore


@dataclass(frozen=True)
class Domain:
    """How another system shows hearts: the simulator's settings, and what is done to its frames ``[T, S, S]``."""

    phantom: PhantomConfig
    display: Callable[[np.ndarray], np.ndarray]


def contrast(frames: np.ndarray) -> np.ndarray:
    """Gray levels to the power of 2.2: dark, with few middle tones."""
    return np.round(255 * (frames / 255.0) ** 2.2).astype(np.uint8)


def persistence(frames: np.ndarray) -> np.ndarray:
    """Each frame is three tenths new; the shipped network knows no more than half old, over two frames."""
    shown = frames.astype(np.float32)
    for before, frame in pairwise(shown):
        frame += 0.7 * (before - frame)
    return np.round(shown).astype(np.uint8)


DOMAINS = {
    "apex-down": Domain(
        PhantomConfig(frames=64, rows=40, beams=24, fps=(12.0, 30.0), upended=False),
        lambda frames: np.ascontiguousarray(contrast(frames)[:, ::-1]),
    ),
    "coarse": Domain(PhantomConfig(frames=64, rows=32, beams=18, fps=(12.0, 30.0), upended=False), contrast),
    "persistence": Domain(PhantomConfig(frames=64, fps=(15.0, 70.0), upended=False), persistence),
}
"""``apex-down``: upside down, as many paediatric laboratories show hearts, few lines and samples, dark, 12-30 frames/s.
``coarse``: the same the right way up, still coarser. ``persistence``: strong smoothing over time, which shows each
keyframe late. The shipped network learned from 112 rows and 72 beams, the apex up."""

UNLABELLED, LABELLED, HELD_OUT = (80, 6_000_000), (30, 6_100_000), (100, 6_200_000)
"""Number of clips and first seed of each set."""


def main() -> None:
    options = parse_options()
    torch.set_num_threads(1)
    folder = options.folder / options.domain
    data = {
        "unlabelled": cines(folder / "unlabelled", *UNLABELLED, options.domain),
        "labelled": cines(folder / "labelled", *LABELLED, options.domain, whole_frames=True),
        "held out": cines(folder / "held out", *HELD_OUT, options.domain),
    }
    replay = simulated_replay(options.folder / "replay", 112, REPLAY_CLIPS).folder
    sets = {
        options.domain: lambda: folder_cases(data["held out"]),
        "as trained on": lambda: stored_clips(ClipStore(options.held_out), options.clips),
    }
    table = Table(folder / "adaptation.csv", sets)
    table.add({MOTION: MOTION, "two-stream": "two-stream"})
    for seed in options.seeds:
        weights = adapted(folder, data["unlabelled"], replay, seed)
        if weights:
            table.add({f"adapted, seed {seed}": weights})
        table.add({f"fine-tuned, seed {seed}": fine_tuned(folder, data["labelled"], replay, seed)})


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for cines, runs and the table")
    parser.add_argument("--held-out", type=Path, required=True, help="store of clips as the network learned from")
    parser.add_argument("--clips", type=int, default=100, help="of that store")
    parser.add_argument("--domain", choices=DOMAINS, default="apex-down")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    return parser.parse_args()


def cines(folder: Path, count: int, seed: int, domain: str, whole_frames: bool = False) -> Path:
    """A folder of lossless AVI files with labels.csv. whole_frames: keyframes as a reader marks them."""
    if (folder / "labels.csv").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    labels = []
    for number in range(seed, seed + count):
        batch = simulate([number], DOMAINS[domain].phantom)
        name = f"{clip_name(number)}.avi"
        labels.append(clip_labels(name, batch, 0, whole_frames))
        write_video(folder / name, DOMAINS[domain].display(batch.frames[0].numpy()), labels[-1].fps)
    write_labels(folder / "labels.csv", labels)
    return folder


def adapted(folder: Path, data: Path, replay: Path, seed: int) -> Path | None:
    """The weights, None where the command's own check refused them."""
    run = folder / f"adapted seed {seed}"
    if not (run / "adaptation.json").exists():
        command("adapt", data, "--output", run, *own(seed, replay))
    return weights if (weights := run / "weights.safetensors").exists() else None


def fine_tuned(folder: Path, data: Path, replay: Path, seed: int) -> Path:
    run = folder / f"fine-tuned seed {seed}"
    weights = run / "weights.safetensors"
    if not weights.exists():
        command("train", data, "--init", "two-stream", "--output", run, *own(seed, replay))
    return weights


def own(seed: int, replay: Path) -> list[object]:
    """The seed, and what is no part of the question: replayed clips are simulated once for all runs."""
    return ["--seed", seed, "--replay", replay, "--threads", 1, "--device", "cpu"]


def command(*arguments: object) -> None:
    # 1 is the answer of weights that were refused; the table then lacks them.
    subprocess.run([sys.executable, "-m", "EchoKeyframeLib", *map(str, arguments)], check=False)


def folder_cases(folder: Path) -> Iterable[Case]:
    for labels in read_labels(folder):
        cine = read_cine(folder / labels.file)
        yield Case(cine, find_sector(cine), labels)


class Table:
    """Rows of figures for each set and detector, on disk as soon as they are known."""

    def __init__(self, path: Path, sets: dict[str, Callable[[], Iterable[Case]]]) -> None:
        self.path, self.sets = path, sets
        self.watching = load_detector(MOTION)
        self.motion: dict[tuple[str, str], Curves] = {}
        self.rows: list[dict[str, object]] = []
        if path.exists():
            with path.open(encoding="utf-8", newline="") as stream:
                self.rows = list(csv.DictReader(stream))

    def add(self, models: dict[str, Path | str]) -> None:
        """Score the detectors that have no row yet, networks alone and averaged with motion."""
        for data, cases in self.sets.items():
            known = {r["detector"] for r in self.rows if r["data"] == data}
            detectors = {name: load_detector(model, "cpu") for name, model in models.items() if name not in known}
            results: dict[str, list] = {}
            for case in cases() if detectors else ():
                for name, curves in self._curves(data, case, detectors).items():
                    results.setdefault(name, []).append(score_case(case, curves, "beats", case.sector)[1])
            self.rows += [row(data, Evaluation(name, "beats", data, tuple(found))) for name, found in results.items()]
            self._write()

    def _curves(self, data: str, case: Case, detectors: dict[str, Detector]) -> dict[str, Curves]:
        key = data, case.labels.file
        if key not in self.motion:
            self.motion[key] = self.watching.curves(case.cine, case.sector)
        moving, curves = self.motion[key], {}
        for name, detector in detectors.items():
            if name == MOTION:
                curves[name] = moving
            else:
                curves[name] = detector.curves(case.cine, case.sector)
                curves[f"{name}, with motion"] = mean(curves[name], moving)
        return curves

    def _write(self) -> None:
        with self.path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, self.rows[0])
            writer.writeheader()
            writer.writerows(self.rows)


def mean(network: Curves, motion: Curves) -> Curves:
    """As the default detector has it: the network alone where nothing moves."""
    if not motion.probability.any():
        return network
    return Curves((network.probability + motion.probability) / 2, network.times, network.detector)


def row(data: str, evaluation: Evaluation) -> dict[str, object]:
    """Figures of one detector on one set, printed at once."""
    both = {r.phase: r for r in evaluation.rows() if r.group == "all"}
    fields: dict[str, object] = {"data": data, "clips": len(evaluation.results), "detector": evaluation.detector}
    for phase in Phase:
        found = both[phase]
        fields[f"{phase} off"] = with_interval(found.metrics.afd_frames, found.afd_interval, 2)
        fields[f"{phase} bias, ms"] = f"{found.metrics.bias_ms:+.0f}"
    fields["F1"] = with_interval(both[None].metrics.f1, both[None].f1_interval, 3)
    print("|", " | ".join(map(str, fields.values())), "|", flush=True)
    return fields


def with_interval(value: float, interval: tuple[float, float], digits: int) -> str:
    return f"{value:.{digits}f} [{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]"


if __name__ == "__main__":
    main()
