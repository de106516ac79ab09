"""What each group of rare hearts, views and pictures brings: short trainings, each without the clips of one group.

    python Testing/benchmarks/group_ablation.py STORE --held-out STORE2 --init WEIGHTS --output DIR
        [--real LOOPS] [--steps 300] [--seeds 0 1] [--arms whole pose disease picture time]

STORE, STORE2: stores of 'phantom --store', other seeds. Groups: *pose* (short axis, subcostal, upside down), *disease*
(large right ventricle, bundle branch block, effusion, ballooning, EF below 18 %), *picture* (handheld, sweeping
shadows, annotations, devices, colour), *time* (below 20 or above 60 frames/s, films whose frames are repeated or
blended). Every arm begins with the same weights and takes the same steps. Told are the network alone and fused, on the
clips of STORE2 that are of the group, by the arm that has seen its clips and the one that has not, and on LOOPS, a
labelled folder; *wrong* are missed and extra keyframes. Weights and scores are kept in DIR, so that a run that was
stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
from collections.abc import Iterable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.cli import main as run
from EchoKeyframeLib.datasets.open_dataset import open_dataset
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.fusion import FusedDetector
from EchoKeyframeLib.detection.keyframes import Curves, Phase
from EchoKeyframeLib.evaluation.clip_score import ClipResult
from EchoKeyframeLib.evaluation.evaluate import Case, Evaluation, labelled_cines, score_case, stored_clips
from EchoKeyframeLib.simulator.clip_labels import seed_of
from EchoKeyframeLib.simulator.config import PhantomConfig
from EchoKeyframeLib.simulator.draws import Draws
from EchoKeyframeLib.simulator.phantom import _draw_patients
from EchoKeyframeLib.simulator.probe import Scan
from EchoKeyframeLib.simulator.scan_conversion import ScanConversion
from EchoKeyframeLib.simulator.variants import SHORT_AXIS, Variants
from EchoKeyframeLib.training.stores.clip_store import ClipStore

WHOLE = "whole"
PARTS = {
    "pose": set(), "disease": {"right_overload", "bundle_branch", "effusion", "ballooning"},
    "picture": {"handheld", "sweeping_shadow", "annotations", "device", "colour"}, "time": {"transcoding"},
}  # fmt: skip
LOW_EJECTION, USUAL_RATES = 0.18, (20, 60)

Results = dict[str, ClipResult]


class Computed:
    """A detector whose curves of one cine are known."""

    device = "cpu"

    def __init__(self, name: str, curves: Curves) -> None:
        self.name, self._curves = name, curves

    def curves(self, cine, sector, progress=None) -> Curves:
        return self._curves


def groups_of(store: Path) -> dict[str, set[str]]:
    """Groups of each clip of a store, by its name; the simulator draws them anew."""
    drawn = json.loads((store / "store.json").read_text(encoding="utf-8"))["phantom"]
    config = PhantomConfig(**{name: tuple(v) if isinstance(v, list) else v for name, v in drawn.items()})
    found = {}
    for clip in np.load(store / "clips.npy"):
        seeds = [seed_of(str(clip["name"]))]
        views, _, ejection = _draw_patients(Draws(seeds, "patient"), config)
        variants = Variants(seeds, views, ejection, config)
        scan = Scan.draw(Draws(seeds, "probe"), variants)
        upended = ScanConversion(Draws(seeds, "frame"), scan, config.size, config.upended).upended.item()
        has = set(variants.names()[0].split())
        groups = {group for group, parts in PARTS.items() if parts & has}
        if upended or views[0] in (SHORT_AXIS, "SC4C"):
            groups.add("pose")
        if float(np.ravel(ejection)[0]) < LOW_EJECTION:
            groups.add("disease")
        if not USUAL_RATES[0] <= clip["fps"] <= USUAL_RATES[1]:
            groups.add("time")
        found[str(clip["name"])] = groups
    return found


def without(group: str, store: Path, groups: dict[str, set[str]], folder: Path) -> Path:
    """A store of the clips that are not of a group: the same arrays, in which the others do not count as done."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in store.iterdir():
        if path.name != "clips.npy" and not (folder / path.name).exists():
            (folder / path.name).symlink_to(path.resolve())
    clips = np.load(store / "clips.npy")
    clips["done"] = [group not in groups[str(name)] for name in clips["name"]]
    np.save(folder / "clips.npy", clips)
    return folder


def trained(arm: str, seed: int, options: argparse.Namespace, groups: dict[str, set[str]]) -> Path:
    weights = options.output / f"{arm}-{seed}" / "weights.safetensors"
    if not weights.exists():
        clips = without(arm, options.store, groups, options.output / f"clips-{arm}")
        run(["train", str(clips), "--output", str(weights.parent), "--preset", "two-stream", "--recipe", "modern",
             "--init", str(options.init), "--replay", "0", "--lr", "6e-4", "--steps", str(options.steps),
             "--seed", str(seed), "--threads", "1", "--device", "cpu"])  # fmt: skip
    return weights


def scored(weights: Path, cases: Iterable[Case], motion: dict[str, Curves]) -> dict[str, Results]:
    network, still = load_detector(str(weights), "cpu"), load_detector("motion", "cpu")
    found: dict[str, Results] = {"alone": {}, "fused": {}}
    for case in cases:
        name, sector = case.labels.file, case.sector or find_sector(case.cine)
        if name not in motion:
            motion[name] = still.curves(case.cine, sector)
        own = network.curves(case.cine, sector)
        fused = FusedDetector(Computed("motion", motion[name]), Computed("two-stream", own))
        found["alone"][name] = score_case(case, own, "beats", sector)[1]
        found["fused"][name] = score_case(case, fused.curves(case.cine, sector), "beats", sector)[1]
    return found


def line(what: str, arm: str, results: dict[str, Results], names: list[str]) -> str:
    cells = []
    for detector in ("alone", "fused"):
        evaluation = Evaluation(detector, "beats", "", tuple(results[detector][name] for name in names))
        phases = [evaluation.metrics(phase) for phase in Phase]
        cells += ["; ".join(f"{m.afd_frames:.2f} ({m.bias_ms:+.0f} ms), {m.f1:.3f}" for m in phases),
                  str(sum(m.missed + m.extra for m in phases))]  # fmt: skip
    return f"| {what} | {len(names)} | {arm} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    for name in ("--held-out", "--init", "--output"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--arms", nargs="+", choices=[WHOLE, *PARTS], default=[WHOLE, *PARTS])
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.output.mkdir(parents=True, exist_ok=True)
    learned, held_out = groups_of(options.store), groups_of(options.held_out)
    loops = list(labelled_cines(open_dataset(options.real).cines)) if options.real else []
    names = [case.labels.file for case in loops]
    motion: dict[str, Curves] = {}
    told = []
    for seed in options.seeds:
        arms = {}
        for arm in options.arms:
            weights, kept = trained(arm, seed, options, learned), options.output / f"{arm}-{seed}.pickle"
            if not kept.exists():
                cases = [*stored_clips(ClipStore(options.held_out), None), *loops]
                kept.write_bytes(pickle.dumps(scored(weights, cases, motion)))
            arms[arm] = pickle.loads(kept.read_bytes())
        for arm, results in arms.items():
            shown = f"{arm}, {seed}" if arm == WHOLE else f"without {arm}, {seed}"
            for group in PARTS if arm == WHOLE else [arm]:
                told.append(line(group, shown, results, [name for name in held_out if group in held_out[name]]))
            told.append(line("all", shown, results, list(held_out)))
            if names:
                told.append(line("real", shown, results, names))
    print("| clips | n | training, seed | alone: ED; ES | wrong | fused: ED; ES | wrong |")
    print("|---|---|---|---|---|---|---|", *sorted(told), sep="\n")


if __name__ == "__main__":
    main()
