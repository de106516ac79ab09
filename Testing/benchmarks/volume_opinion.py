"""Whether the traced volume curve knows ED and ES better: keyframes as detected, and moved to the curve's extreme.

    python Testing/benchmarks/volume_opinion.py LOOPS [--weights FILE]
    python Testing/benchmarks/volume_opinion.py --count 60 --seed 82100000 [--weights FILE]

LOOPS: a folder of cines with labels.csv; else simulated apical loops (SIMULATED) with all that makes them hard. The
volume is smoothed over time; each keyframe that is not at the clip's edge moves to the largest (ED) or smallest (ES)
volume within a reach, or halfway there. Loops whose tracing is doubted keep theirs. Two tables: of all loops, and of
those that were traced without a doubt, where something can change at all.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.datasets.open_dataset import open_dataset
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.keyframes import Keyframe, Phase
from EchoKeyframeLib.evaluation.clip_score import ClipResult, score_clip
from EchoKeyframeLib.evaluation.evaluate import Case, case_curves, labelled_cines, score_case
from EchoKeyframeLib.evaluation.metrics import Selection, summarise
from EchoKeyframeLib.measurement.automatic.tracer import Tracer, load_tracer
from EchoKeyframeLib.measurement.automatic.volume_curve import VolumeCurve
from EchoKeyframeLib.models.registry import CONTOUR_WEIGHTS
from EchoKeyframeLib.simulator.clip_labels import clip_labels, clip_name
from EchoKeyframeLib.simulator.config import PhantomConfig
from EchoKeyframeLib.simulator.phantom import simulate

CONFIG = PhantomConfig(frames=72, fps=(20, 60), view_weights=(5, 2, 2, 0, 0, 0))
SMOOTHED, REACHES, SHARES = (0.02, 0.04), (0.07, 0.12), (0.5, 1.0)
"""Standard deviation of the smoothing and reach in s; how far a keyframe goes to the extreme."""


def simulated(count: int, seed: int) -> Iterator[Case]:
    for number in range(seed, seed + count):
        batch = simulate([number], CONFIG)
        times = np.arange(CONFIG.frames) / float(batch.fps[0])
        cine = Cine(batch.frames[0].numpy(), times, Source(clip_name(number)), timing="known frame rate",
                    spacing=(float(batch.pixel_mm[0]),) * 2)  # fmt: skip
        yield Case(cine, None, clip_labels(clip_name(number), batch, 0))


def smoothed(volume: np.ndarray, times: np.ndarray, sigma: float) -> np.ndarray:
    """NaN where none was traced nearby."""
    known = np.isfinite(volume)
    weight = np.exp(-0.5 * ((times[:, None] - times[None]) / sigma) ** 2) * known
    total = weight.sum(axis=1)
    return np.where(total > 0.5, (weight @ np.where(known, volume, 0)) / np.maximum(total, 1e-9), np.nan)


def moved(keyframes: Sequence[Keyframe], volume: np.ndarray, times: np.ndarray, reach: float, share: float
          ) -> list[Keyframe]:  # fmt: skip
    found = []
    for key in keyframes:
        near = np.flatnonzero((np.abs(times - times[key.frame]) <= reach) & np.isfinite(volume))
        if key.at_edge or not len(near):
            found.append(key)
            continue
        values = volume[near]
        extreme = int(near[values.argmax() if key.phase is Phase.ED else values.argmin()])
        frame = round(key.frame + share * (extreme - key.frame))
        found.append(replace(key, frame=frame, time=float(times[frame])))
    return found


def ways(case: Case, detector, tracer: Tracer) -> tuple[bool, dict[str, ClipResult]]:
    """Whether the loop was traced without a doubt, and the score of each way to tell its keyframes."""
    curves, sector, film = case_curves(case, detector)
    detection, result = score_case(case, curves, "beats", sector, film)
    cine, times = case.cine, np.asarray(case.cine.times)
    tracing = tracer.trace(cine, sector, None, sorted({key.frame for key in detection.keyframes}))
    sure, found = not tracing.doubts, {"as detected": result}
    volume = VolumeCurve.of(cine, tracing).volume
    truth = {phase: case.labels.of(phase) for phase in Phase}
    decided = case.labels.decided_frames(len(times))
    for sigma, reach, share in product(SMOOTHED, REACHES, SHARES):
        keys = detection.keyframes
        if sure:
            keys = moved(keys, smoothed(volume, times, sigma), times, reach, share)
        how = "halfway" if share < 1 else "to the extreme"
        name = f"{how} within {1000 * reach:.0f} ms, smoothed by {1000 * sigma:.0f} ms"
        found[name] = score_clip(case.labels.file, times, truth, keys, case.labels.view, decided)
    return sure, found


def table(title: str, scored: list[dict[str, ClipResult]]) -> None:
    print(f"\n{title}: {len(scored)} loops\n")
    print("| | ED, frames (ms, bias ms) | ES, frames (ms, bias ms) | F1 ED, ES |")
    print("|---|---|---|---|")
    for name in scored[0] if scored else ():
        shown = [summarise([loop[name] for loop in scored], Selection(phase)) for phase in Phase]
        cells = [f"{m.afd_frames:.2f} ({m.afd_ms:.0f}, {m.bias_ms:+.0f})" for m in shown]
        print(f"| {name} | {cells[0]} | {cells[1]} | {shown[0].f1:.3f}, {shown[1].f1:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loops", nargs="?", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=82_100_000)
    parser.add_argument("--weights", type=Path, default=CONTOUR_WEIGHTS)
    options = parser.parse_args()
    detector, tracer = load_detector("fused"), load_tracer("onnxruntime", "cpu", options.weights)
    real = options.loops and labelled_cines(open_dataset(options.loops).cines)
    cases = real or simulated(options.count, options.seed)
    scored = [ways(case, detector, tracer) for case in cases if isinstance(case, Case)]
    print(f"{detector.name}, {tracer.name}; {'real' if options.loops else 'SIMULATED'}")
    table("all", [found for _, found in scored])
    table("traced without a doubt", [found for sure, found in scored if sure])


if __name__ == "__main__":
    main()
