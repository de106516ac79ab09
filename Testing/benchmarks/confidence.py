"""What a keyframe's confidence is worth: how often keyframes of each level are right, on labelled clips.

Run: python Testing/benchmarks/confidence.py STORE [--model fused] [--clips 150]
A keyframe is right if it answers a labelled one within the tolerance of ``echokeyframe evaluate``. Beats: those that
are called measurable beside those that are not, and the share of them with a wrong or far-off (over 2 frames) keyframe.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.detect import interpret
from EchoKeyframeLib.detection.detector import Detector
from EchoKeyframeLib.detection.keyframes import Detection, Phase
from EchoKeyframeLib.evaluation.evaluate import Case, stored_clips
from EchoKeyframeLib.evaluation.matching import match, tolerances
from EchoKeyframeLib.training.stores.clip_store import ClipStore

LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)
FAR = 2.0


class Judged(NamedTuple):
    """error: distance in frames to the labelled keyframe that it answers, inf if it answers none."""

    confidence: float
    measurable: bool
    error: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, help="as 'echokeyframe phantom --store' makes it")
    parser.add_argument("--model", default="fused")
    parser.add_argument("--clips", type=int, default=150)
    options = parser.parse_args()
    torch.set_num_threads(1)
    detector = load_detector(options.model, "cpu")
    judged = [k for case in stored_clips(ClipStore(options.store), options.clips) for k in judge(case, detector)]
    print(f"{options.model} on {options.clips} clips, {len(judged)} keyframes")
    print("| confidence | keyframes | right | AFD of these, frames |\n|---|---|---|---|")
    for low, high in pairwise(LEVELS):
        line(f"{low:.1f} to {min(high, 1.0):.1f}", [k for k in judged if low <= k.confidence < high])
    for measurable, name in ((True, "in measurable beats"), (False, "in others")):
        line(name, [k for k in judged if k.measurable is measurable])


def judge(case: Case, detector: Detector) -> Iterator[Judged]:
    detection = interpret(detector.curves(case.cine, case.sector), case.cine, "beats", case.sector)
    measurable = {beat.number for beat in detection.beats if beat.measurable}
    for phase in Phase:
        errors = answered(case, detection, phase)
        for keyframe in (k for k in detection.keyframes if k.phase is phase):
            yield Judged(keyframe.confidence, keyframe.beat in measurable, errors.get(keyframe.frame, np.inf))


def answered(case: Case, detection: Detection, phase: Phase) -> dict[int, float]:
    """Distance in frames by detected frame, for those that answer a labelled keyframe (virtual ones as well)."""
    times, truth = case.cine.times, case.labels.of(phase)
    interval = times[1] - times[0]
    found = [k for k in detection.keyframes if k.phase is phase]
    pairs = match(truth * interval, np.array([k.time for k in found]), tolerances(truth * interval)).pairs
    return {found[j].frame: abs(found[j].frame - truth[i]) for i, j in pairs}


def line(name: str, keyframes: list[Judged]) -> None:
    if not keyframes:
        return
    errors = np.array([k.error for k in keyframes])
    right = errors[np.isfinite(errors)]
    distance = f"{right.mean():.2f} ({np.mean(right > FAR):.1%} over {FAR:g})" if len(right) else ""
    print(f"| {name} | {len(errors)} | {len(right) / len(errors):.1%} | {distance} |")


if __name__ == "__main__":
    main()
