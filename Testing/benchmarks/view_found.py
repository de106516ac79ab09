"""How often a loop is rightly told apical or not, and the constants that make a confidence of the network's logits.

    python Testing/benchmarks/view_found.py --loops views.npz [--weights FILE] [--count 120] [--seed 81000000]
    python Testing/benchmarks/view_found.py --loops views.npz --real FOLDER [FOLDER...]

SIMULATED loops of all views, as many apical as others, in three pictures: upright; upside down, as the file shows them,
so that what is made of their orientation counts; and *poor*, far worse than the simulator makes them, for on the others
the network errs too seldom to tell what its logits are worth. They are simulated once and kept in the file --loops;
other weights then take seconds. Constants are fitted on the first half of the hearts, tables show the second half.
--real: folders of loops; where labels.csv or labels.json names their view it stands beside what is found; nothing is
fitted on them.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from EchoKeyframeLib.cine.cine import Cine, CineError, Source
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.detection import find_view
from EchoKeyframeLib.detection.film import Film
from EchoKeyframeLib.detection.seen_view import ViewFound
from EchoKeyframeLib.models.contour_runner import ContourRunner, OnnxContourRunner
from EchoKeyframeLib.models.registry import VIEW_WEIGHTS

APICAL = ("A4C", "A2C", "A3C")
OTHERS = ("PLAX", "PSAX", "SC4C")
FRAMES, SIZE = 40, 112
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)
_STEPS, _PRIOR = 50, 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loops", type=Path, required=True, help="simulated loops, made here where they are missing")
    parser.add_argument("--weights", type=Path, default=VIEW_WEIGHTS)
    parser.add_argument("--count", type=int, default=240, help="simulated hearts, each in all three pictures")
    parser.add_argument("--seed", type=int, default=81_000_000)
    parser.add_argument("--real", type=Path, nargs="+", default=[])
    options = parser.parse_args()
    if not options.loops.is_file():
        simulate_loops(options.loops, options.count, options.seed)
    runner, stored = OnnxContourRunner(options.weights), np.load(options.loops)
    views, pictures, hearts = stored["views"], stored["pictures"], stored["hearts"]
    logits = np.array([find_view.view_logits(looked_at, runner).mean() for looked_at in stored["looks"]])
    apical, half = np.isin(views, APICAL), hearts < np.median(hearts)
    slope, offset = fitted(logits[half], apical[half])
    print(f"{options.weights.name}: SLOPE, OFFSET = {slope:.2f}, {offset:.2f} (fitted on {half.sum()} simulated loops)")
    find_view.SLOPE, find_view.OFFSET = round(slope, 2), round(offset, 2)
    table(views[~half], pictures[~half], logits[~half])
    for folder in options.real:
        real_table(folder, runner)


def simulate_loops(path: Path, count: int, seed: int) -> None:
    """Keep what the network is shown of each loop: uint8 ``[n, LOOKED_AT, S, S, 3]``."""
    from EchoKeyframeLib.simulator.config import PhantomConfig
    from EchoKeyframeLib.simulator.phantom import simulate

    weights = (1.0,) * len(APICAL + OTHERS)
    config = PhantomConfig(
        frames=FRAMES, size=SIZE, fps=(12, 80), upended=False, views=APICAL + OTHERS, view_weights=weights
    )
    rows = []
    for heart in range(count):
        batch = simulate([seed + heart], config)
        frames, times = batch.frames[0].numpy(), np.arange(FRAMES) / float(batch.fps[0])
        for picture, change in PICTURES.items():
            cine = Cine(change(frames, np.random.default_rng(seed + heart)), times, Source("simulated"))
            shown = find_view.looks(Film.of(cine, find_sector(cine)), times)
            places = np.linspace(0, len(shown) - 1, find_view.LOOKED_AT).round().astype(int)
            rows.append((batch.view[0], picture, heart, shown[places]))
        print(f"{heart + 1} of {count}", end="\r", flush=True)
    views, pictures, hearts, looked_at = zip(*rows, strict=True)
    with path.open("wb") as stream:
        np.savez(stream, views=views, pictures=pictures, hearts=hearts, looks=np.stack(looked_at))


def _poor(frames: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Worse than the simulator makes them: turned or cut out, blurred, in haze and noise, of little contrast."""
    centre, (angle, scale) = (SIZE / 2, SIZE / 2), draws.uniform((-40, 0.8), (40, 1.8))
    turned = cv2.getRotationMatrix2D(centre, angle, scale)
    turned[:, 2] += draws.uniform(-20, 20, 2)
    blur, haze, noise, contrast = draws.uniform((0.3, 0, 3, 0.25), (3.0, 80, 40, 1.0))
    poor = []
    for frame in frames:
        image = cv2.GaussianBlur(cv2.warpAffine(frame, turned, (SIZE, SIZE)).astype(np.float32), (0, 0), blur)
        seen = image > 0
        image = image * contrast + haze + draws.normal(0, noise, image.shape)
        poor.append(np.where(seen, np.clip(image, 0, 255), 0).astype(np.uint8))
    return np.stack(poor)


PICTURES = {
    "upright": lambda frames, _: frames,
    "upside down": lambda frames, _: np.ascontiguousarray(frames[:, ::-1]),
    "poor": _poor,
}


def logit_of(cine: Cine, runner: ContourRunner) -> float:
    return float(find_view.view_logits(find_view.looks(Film.of(cine, find_sector(cine)), cine.times), runner).mean())


def fitted(logits: np.ndarray, apical: np.ndarray) -> tuple[float, float]:
    """Logistic regression by Newton's method; both kinds weigh alike."""
    inputs = np.stack([logits, np.ones_like(logits)], axis=1)
    weights = np.where(apical, 0.5 / apical.mean(), 0.5 / (~apical).mean())
    found = np.array([0.5, 0.0])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-inputs @ found))
        slope = inputs.T @ (weights * (apical - chance)) - _PRIOR * found
        bend = (inputs * (weights * chance * (1 - chance))[:, None]).T @ inputs + _PRIOR * np.eye(2)
        found = found + np.clip(np.linalg.solve(bend, slope), -1, 1)
    return float(found[0]), float(found[1])


def table(views: np.ndarray, pictures: np.ndarray, logits: np.ndarray) -> None:
    seen = [find_view.seen_view(logit) for logit in logits]
    right = np.array([(s.found is ViewFound.APICAL) == (v in APICAL) for s, v in zip(seen, views, strict=True)])
    confidence = np.array([s.confidence for s in seen])
    print("| SIMULATED | loops | right | mean confidence | logit, median (5th to 95th percentile) |")
    print("|---|---|---|---|---|")
    groups = [(view, views == view) for view in (*APICAL, *OTHERS)]
    groups += [(picture, pictures == picture) for picture in PICTURES] + [("all", np.ones(len(views), bool))]
    for name, some in groups:
        low, middle, high = np.quantile(logits[some], (0.05, 0.5, 0.95))
        print(f"| {name} | {some.sum()} | {right[some].mean():.1%} | {confidence[some].mean():.3f} | "
              f"{middle:.1f} ({low:.1f} to {high:.1f}) |")  # fmt: skip
    print("| confidence | loops | right |\n|---|---|---|")
    for low, high in pairwise(LEVELS):
        some = (confidence >= low) & (confidence < high)
        if some.any():
            print(f"| {low} to {min(high, 1.0)} | {some.sum()} | {right[some].mean():.1%} |")


def real_table(folder: Path, runner: ContourRunner) -> None:
    named = named_views(folder)
    print(f"| {folder.name} | view | found | confidence | logit |\n|---|---|---|---|---|")
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".md", ".csv", ".json", ".txt") or not path.is_file():
            continue
        try:
            logit = logit_of(read_cine(path), runner)
        except CineError as error:
            print(f"| {path.name} | {named.get(path.name, '')} | {error.reason} | | |")
            continue
        seen, view = find_view.seen_view(logit), named.get(path.name, "")
        wrong = view and (seen.found is ViewFound.APICAL) != (view in APICAL)
        print(f"| {path.name} | {view} | {seen.found}{' (wrong)' if wrong else ''} | {seen.confidence:.2f} | "
              f"{logit:.1f} |")  # fmt: skip


def named_views(folder: Path) -> dict[str, str]:
    csv_path, json_path = folder / "labels.csv", folder / "labels.json"
    if csv_path.is_file():
        with csv_path.open(encoding="utf-8", newline="") as stream:
            return {row["file"]: row.get("view") or "" for row in csv.DictReader(stream)}
    if json_path.is_file():
        return {row["file"]: row["view"] for row in json.loads(json_path.read_text(encoding="utf-8"))}
    return {}


if __name__ == "__main__":
    main()
