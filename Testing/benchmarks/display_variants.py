"""Labelled clips as other machines, exports and archives would show them: what a detector loses by it.

Run: python Testing/benchmarks/display_variants.py LABELS [--models motion two-stream fused] [--output FILE.csv]
LABELS: a labelled set, e.g. a labels.csv. Each variant changes every clip in one respect and keeps its keyframes.
Prints one line for each model and variant: distance in frames of the clip as it is labelled, missed and extra
keyframes. Few clips in many variants show what a detector bears, not how good it is.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from EchoKeyframeLib.cine.cine import Cine
from EchoKeyframeLib.cine.prepare import prepare
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.datasets.clip_labels import ClipLabels
from EchoKeyframeLib.datasets.open_dataset import open_dataset
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.evaluation.evaluate import Case, Evaluation, evaluate, labelled_cines

FrameChange = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--models", nargs="+", default=["motion", "two-stream", "fused"])
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--output", type=Path, help="table as CSV")
    options = parser.parse_args()
    torch.set_num_threads(1)
    originals = [case for case in labelled_cines(open_dataset(options.labels).cines) if isinstance(case, Case)]
    rows = []
    for model in options.models:
        detector = load_detector(model, "cpu")
        print(f"\n{model}, {len(originals)} clips\n| variant | AFD, frames | missed | extra | true |")
        print("|---|---|---|---|---|")
        for name in options.variants:
            cases = (changed for case in originals for changed in VARIANTS[name](case))
            rows.append(row(model, name, evaluate(cases, detector)[0]))
            print("| " + " | ".join(str(value) for value in list(rows[-1].values())[1:]) + " |", flush=True)
    if options.output:
        with options.output.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def row(model: str, variant: str, evaluation: Evaluation) -> dict[str, object]:
    if evaluation.failures:
        print(*(f"{file}: {reason}" for file, reason in evaluation.failures), sep="\n", file=sys.stderr)
    found = evaluation.metrics()
    return {
        "model": model, "variant": variant, "AFD": f"{found.afd_frames:.2f}",
        "missed": found.missed, "extra": found.extra, "true": found.true,
    }  # fmt: skip


def looks(change: FrameChange) -> Callable[[Case], Iterator[Case]]:
    """Every frame changed in the same way; nothing is told of where the sector is."""

    def cases(case: Case) -> Iterator[Case]:
        frames = np.stack([change(frame) for frame in case.cine.gray()])
        yield Case(replace(case.cine, frames=frames, region=None, spacing=None), None, case.labels)

    return cases


def turned(degrees: float) -> FrameChange:
    def change(frame: np.ndarray) -> np.ndarray:
        height, width = frame.shape
        matrix = cv2.getRotationMatrix2D((width / 2, height / 3), degrees, 1.0)
        return cv2.warpAffine(frame, matrix, (width, height))

    return change


def gamma(exponent: float) -> FrameChange:
    table = (255 * (np.arange(256) / 255) ** exponent).round().astype(np.uint8)
    return lambda frame: table[frame]


def jpeg(quality: int) -> FrameChange:
    def change(frame: np.ndarray) -> np.ndarray:
        return cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)

    return change


def scaled(share: float) -> FrameChange:
    return lambda frame: cv2.resize(frame, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)


def noisy(sigma: float) -> FrameChange:
    generator = np.random.default_rng(0)
    return lambda frame: np.clip(frame + generator.normal(0, sigma, frame.shape), 0, 255).astype(np.uint8)


def enlarged(share: float) -> FrameChange:
    """The middle of the image alone, as where a person zooms in: the sector's corners are cut off."""

    def change(frame: np.ndarray) -> np.ndarray:
        height, width = frame.shape
        dy, dx = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
        return np.ascontiguousarray(frame[dy : height - dy, dx : width - dx])

    return change


def small_square(case: Case) -> Iterator[Case]:
    """The sector alone in 112x112 pixels, as in EchoNet-Dynamic, compressed as there (motion JPEG)."""
    prepared = prepare(case.cine, find_sector(case.cine), 112)
    frames = np.stack([jpeg(75)(frame) for frame in prepared])
    yield Case(replace(case.cine, frames=frames, region=None, spacing=None), None, case.labels)


def every_second(case: Case) -> Iterator[Case]:
    """Half the frame rate, once from the first and once from the second frame on."""
    for start in (0, 1):
        yield part(case, start, len(case.cine), 2)


def cut(case: Case) -> Iterator[Case]:
    """A fifth of the clip missing, at its start or at its end."""
    count, fifth = len(case.cine), len(case.cine) // 5
    yield part(case, fifth, count)
    yield part(case, 0, count - fifth)


def part(case: Case, start: int, stop: int, step: int = 1) -> Case:
    """Frames ``start`` to ``stop - 1``, each or every second; keyframes outside them stay as virtual ones."""
    cine, labels = case.cine, case.labels
    frames = cine.frames[start:stop:step]
    times = cine.times[start:stop:step] - cine.times[start]
    ed, es = (tuple((frame - start) / step for frame in phase) for phase in (labels.ed, labels.es))
    kept: ClipLabels = replace(
        labels, ed=ed, es=es, frames=len(frames), fps=labels.fps and labels.fps / step, decided=None
    )
    changed: Cine = replace(cine, frames=frames, times=times, r_waves=())
    return Case(changed, case.sector, kept)


VARIANTS: dict[str, Callable[[Case], Iterator[Case]]] = {
    "as it is": lambda case: iter([case]),
    "112x112, motion JPEG": small_square,
    "a third of the size": looks(scaled(1 / 3)),
    "JPEG, quality 20": looks(jpeg(20)),
    "mirrored": looks(lambda frame: np.ascontiguousarray(frame[:, ::-1])),
    "turned by 10 degrees": looks(turned(10)),
    "turned by -10 degrees": looks(turned(-10)),
    "darker (gamma 1.8)": looks(gamma(1.8)),
    "brighter (gamma 0.6)": looks(gamma(0.6)),
    "noise (SD 15)": looks(noisy(15)),
    "blurred": looks(lambda frame: cv2.GaussianBlur(frame, (0, 0), frame.shape[0] / 112)),
    "middle 80 % of the image": looks(enlarged(0.8)),
    "half the frame rate": every_second,
    "a fifth cut off": cut,
}


if __name__ == "__main__":
    main()
