"""What a keyframe's confidence is worth: how often keyframes of each level are right, on labelled clips.

Run: python Testing/benchmarks/confidence.py CLIPS [--model fused] [--clips 150]
A keyframe is right if it lies within one frame or 40 ms, whichever is more, of a labelled one. Keyframes of beats that
are called measurable stand beside the others. Where readers have not decided nothing is counted.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.datasets.open_dataset import open_dataset
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.confidence import WITHIN_FRAMES, WITHIN_SECONDS
from EchoKeyframeLib.detection.detect import interpret
from EchoKeyframeLib.detection.detector import Detector
from EchoKeyframeLib.evaluation.evaluate import Case, labelled_cines, stored_clips
from EchoKeyframeLib.training.stores.clip_store import ClipStore, is_store

LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


class Judged(NamedTuple):
    """error: distance in frames to the nearest labelled keyframe of its kind, inf if there is none."""

    confidence: float
    measurable: bool
    error: float
    right: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="store of 'echokeyframe phantom', or folder with labels.csv")
    parser.add_argument("--model", default="fused")
    parser.add_argument("--clips", type=int, default=150)
    options = parser.parse_args()
    torch.set_num_threads(1)
    detector = load_detector(options.model, "cpu")
    judged = [k for case in cases(options.data, options.clips) for k in judge(case, detector)]
    print(f"{options.model} on {options.data.name}, {len(judged)} keyframes")
    print("| confidence | keyframes | right | distance of these, frames |\n|---|---|---|---|")
    for low, high in pairwise(LEVELS):
        line(f"{low:.1f} to {min(high, 1.0):.1f}", [k for k in judged if low <= k.confidence < high])
    for measurable, name in ((True, "in measurable beats"), (False, "in others")):
        line(name, [k for k in judged if k.measurable is measurable])


def cases(data: Path, most: int) -> Iterable[Case]:
    if is_store(data):
        return stored_clips(ClipStore(data), most)
    labelled = labelled_cines(open_dataset(data).sound().cines[:most])
    return (case for case in labelled if isinstance(case, Case))


def judge(case: Case, detector: Detector) -> Iterator[Judged]:
    sector = case.sector or find_sector(case.cine)
    detection = interpret(detector.curves(case.cine, sector), case.cine, "beats", sector)
    measurable = {beat.number for beat in detection.beats if beat.measurable}
    decided = case.labels.decided_frames(len(case.cine))
    interval = float(np.median(np.diff(case.cine.times)))
    for keyframe in detection.keyframes:
        labelled = np.asarray(case.labels.of(keyframe.phase), float)
        error = float(np.abs(labelled - keyframe.frame).min()) if len(labelled) else np.inf
        right = error * interval <= max(WITHIN_FRAMES * interval, WITHIN_SECONDS) + 1e-6
        if right or decided is None or decided[keyframe.frame]:
            yield Judged(keyframe.confidence, keyframe.beat in measurable, error, right)


def line(name: str, keyframes: list[Judged]) -> None:
    if not keyframes:
        return
    right = np.array([k.error for k in keyframes if k.right])
    distance = f"{right.mean():.2f}" if len(right) else ""
    print(f"| {name} | {len(keyframes)} | {len(right) / len(keyframes):.1%} | {distance} |")


if __name__ == "__main__":
    main()
