"""Traced borders, volumes and ejection fractions of simulated hearts beside the truth. All figures: SIMULATED.

    python Testing/benchmarks/tracing_accuracy.py --count 400 --seed 70000000 [--weights FILE] [--scatter FILE.png]

Loops of 48 frames at 20 to 60 frames/s in all views, with all that makes them hard. Keyframes are the true ones; truth
is the border as readers trace it, cut into disks as the traced one is. A loop is *sound* where it shows an apical view,
at most 5 % of the true cavity lies outside the sector, and neither colour nor a sweeping shadow lies over it. A beat
has a number where the loop has no doubts and both borders were found; measuring refuses those that are not plausible.

--scatter: ejection fractions over the true ones, and as Bland-Altman with bias and limits of agreement.
interval: the 90 % interval of the ejection fraction, beside the narrowest one of a constant width that holds as many.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.sector import Sector, find_sector
from EchoKeyframeLib.datasets.masks import filled
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.evaluation.agreement import Agreement
from EchoKeyframeLib.evaluation.agreement_figure import FractionPairs, draw_agreement
from EchoKeyframeLib.measurement.automatic.tracer import Tracer, load_tracer
from EchoKeyframeLib.measurement.automatic.tracing import LoopTracing, TracedFrame
from EchoKeyframeLib.measurement.automatic.uncertainty import ejection_fraction_interval
from EchoKeyframeLib.measurement.contour import Contour, MeasurementError
from EchoKeyframeLib.measurement.disks import cut
from EchoKeyframeLib.measurement.volume import single_plane
from EchoKeyframeLib.models.registry import CONTOUR_WEIGHTS
from EchoKeyframeLib.report.figure import save
from EchoKeyframeLib.simulator.config import PhantomConfig
from EchoKeyframeLib.simulator.phantom import PhantomBatch, simulate

APICAL = ("A4C", "A2C", "A3C")
CONFIG = PhantomConfig(frames=48, fps=(20, 60), traced=True, view_weights=(5, 2, 2, 1, 1, 0.5))
MOST_OUTSIDE = 0.05
SPOILT = {"colour", "sweeping_shadow"}
PLAUSIBLE = 3.0, 85.0
"""Ejection fractions in per cent that measuring lets pass."""
EDGES = (10, 25, 40, 55, 75)
SURE = (0.0, 0.35, 0.5, 0.65, 1.0)


@dataclass(frozen=True)
class Beat:
    """One beat: true and traced volumes (ED, ES), Dice of both borders, interval of the ejection fraction in per cent,
    confidences of both borders."""

    view: str
    sound: bool
    doubted: bool
    true: tuple[float, float]
    traced: tuple[float, float]
    dice: tuple[float, float]
    interval: tuple[float, float]
    sure: tuple[float, float] = (0.0, 0.0)

    @property
    def fractions(self) -> tuple[float, float]:
        true, traced = (100 * (1 - es / ed) for ed, es in (self.true, self.traced))
        return true, traced

    @property
    def measured(self) -> bool:
        return not self.doubted and bool(np.isfinite(self.traced).all())

    @property
    def plausible(self) -> bool:
        return self.measured and PLAUSIBLE[0] <= self.fractions[1] <= PLAUSIBLE[1]


@dataclass(frozen=True)
class Loop:
    view: str
    sound: bool
    doubts: tuple[str, ...]
    beats: tuple[Beat, ...]


def volume(points: np.ndarray, spacing: tuple[float, float], apex: tuple[float, float] | None = None) -> float:
    try:
        return single_plane(cut(Contour(Phase.ED, 0, points, apex), spacing))
    except MeasurementError:
        return float("nan")


def dice(one: np.ndarray, other: np.ndarray, shape: tuple[int, int]) -> float:
    a, b = filled(one, shape, 4), filled(other, shape, 4)
    return float(2 * (a & b).sum() / max(a.sum() + b.sum(), 1))


def beats_of(batch: PhantomBatch, index: int) -> Iterator[tuple[int, int]]:
    """True ED and the ES after it, where both lie in the loop."""
    count = batch.frames.shape[1]
    ed, es = (np.round(times[index] * batch.fps[index]).astype(int) for times in (batch.ed, batch.es))
    for end in es[(es >= 0) & (es < count)]:
        before = ed[(ed >= 0) & (ed < end)]
        if len(before):
            yield int(before.max()), int(end)


def judged(batch: PhantomBatch, index: int, tracer: Tracer) -> Loop:
    frames, view = batch.frames[index].numpy(), batch.view[index]
    spacing = (float(batch.pixel_mm[index]),) * 2
    times = np.arange(len(frames)) / float(batch.fps[index])
    cine = Cine(frames, times, Source(f"seed {batch.seeds[index]}"), spacing=spacing)
    sector, beats = find_sector(cine), list(beats_of(batch, index))
    loop = tracer.trace(cine, sector, keyframes=sorted({frame for beat in beats for frame in beat}))
    if view not in APICAL:
        return Loop(view, False, loop.doubts, ())
    contours = batch.contour[index].numpy()
    sound = not SPOILT & set(batch.variants[index].split()) and _outside(contours[0], sector) <= MOST_OUTSIDE
    found = tuple(_beat(view, sound, loop, contours, beat, spacing, cine.size) for beat in beats)
    return Loop(view, sound, loop.doubts, found)


def _outside(contour: np.ndarray, sector: Sector) -> float:
    height, width = sector.mask.shape
    whole = filled(contour + np.array([width, height]), (3 * height, 3 * width), 1)
    return 1 - (whole[height : 2 * height, width : 2 * width] & sector.mask).sum() / max(whole.sum(), 1)


def _beat(
    view: str, sound: bool, loop: LoopTracing, contours: np.ndarray, beat: tuple[int, int], spacing, size
) -> Beat:
    ends = [loop.frames[frame] for frame in beat]
    true = tuple(volume(contours[frame], spacing) for frame in beat)
    if not all(isinstance(end, TracedFrame) for end in ends):
        return Beat(view, sound, bool(loop.doubts), true, (np.nan,) * 2, (0.0, 0.0), (np.nan,) * 2)
    traced = tuple(volume(end.points, spacing, end.apex) for end in ends)
    overlap = tuple(dice(end.points, contours[end.frame], size) for end in ends)
    interval, sure = (np.nan,) * 2, tuple(end.confidence for end in ends)
    if np.isfinite(traced).all():
        interval = ejection_fraction_interval(*traced, *sure)
    return Beat(view, sound, bool(loop.doubts), true, traced, overlap, interval, sure)


def table(beats: list[Beat]) -> None:
    print("| | beats | Dice ED | Dice ES | EF error, points | bias | limits of agreement | EDV, ESV bias, % |")
    print("|---|---|---|---|---|---|---|---|")
    for view in (*APICAL, "all"):
        some = [beat for beat in beats if view in (beat.view, "all")]
        if not some:
            continue
        true, traced = np.array([beat.fractions for beat in some]).T
        (ed, es), shown = np.array([beat.dice for beat in some]).T, Agreement.of(traced, true)
        volumes = 100 * (np.array([beat.traced for beat in some]) / [beat.true for beat in some] - 1).mean(axis=0)
        print(f"| {view} | {len(some)} | {ed.mean():.3f} | {es.mean():.3f} | {shown.mae:.1f} | {shown.bias:+.1f} | "
              f"{shown.low:+.0f} to {shown.high:+.0f} | {volumes[0]:+.0f}, {volumes[1]:+.0f} |")  # fmt: skip


def by_fraction(beats: list[Beat]) -> None:
    true, traced = np.array([beat.fractions for beat in beats]).T
    parts = []
    for low, high in pairwise(EDGES):
        some = (true >= low) & (true < high)
        if some.any():
            parts.append(f"{low} to {high} %: {(traced - true)[some].mean():+.1f} (n {some.sum()})")
    print("bias by true EF:", "; ".join(parts))


def by_confidence(beats: list[Beat]) -> None:
    """Of the border of each beat that is less sure."""
    parts = []
    for low, high in pairwise(SURE):
        some = [beat for beat in beats if low <= min(beat.sure) < high]
        if some:
            true, traced = np.array([beat.fractions for beat in some]).T
            ed, es = np.mean([beat.dice for beat in some], axis=0)
            error = np.abs(traced - true).mean()
            parts.append(f"{low} to {high}: {error:.1f}, Dice {ed:.3f}, {es:.3f} (n {len(some)})")
    print("EF error by confidence:", "; ".join(parts))


def intervals(beats: list[Beat]) -> None:
    true, traced = np.array([beat.fractions for beat in beats]).T
    low, high = np.array([beat.interval for beat in beats]).T
    holds = ((low <= true) & (true <= high)).mean()
    constant = 2 * np.quantile(np.abs(traced - true), holds)
    print(f"interval holds {holds:.1%}, {np.mean(high - low):.1f} points wide on average (median "
          f"{np.median(high - low):.1f}); a constant width that holds as many: {constant:.1f}")  # fmt: skip


def draw(beats: list[Beat], name: str, path: Path) -> None:
    """Ejection fractions over the true ones and as Bland-Altman plot, of beats with a number; hollow where measuring
    refuses them for implausible numbers, and once more without these."""
    rows = []
    for title, chosen in (
        ("beats with a number", [beat for beat in beats if beat.measured]),
        ("of these, plausible ones", [beat for beat in beats if beat.plausible]),
    ):
        true, traced = np.array([beat.fractions for beat in chosen]).reshape(-1, 2).T
        rows.append(FractionPairs.of(title, traced, true, [not beat.plausible for beat in chosen]))
    save(path, draw_agreement(rows, f"Ejection fraction by {name}", "SIMULATED hearts"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=75_000_000)
    parser.add_argument("--weights", type=Path, default=CONTOUR_WEIGHTS)
    parser.add_argument("--scatter", type=Path)
    options = parser.parse_args()
    tracer = load_tracer("onnxruntime", "cpu", options.weights)
    loops = []
    for seed in range(options.seed, options.seed + options.count):
        loops.append(judged(simulate([seed], CONFIG), 0, tracer))
    report(loops, tracer.name, options.scatter)


def report(loops: list[Loop], name: str, picture: Path | None) -> None:
    print(f"{name}: {len(loops)} simulated loops")
    beats = [beat for loop in loops for beat in loop.beats]
    for title, chosen in (
        ("all apical beats with a border", [b for b in beats if np.isfinite(b.traced).all()]),
        ("sound beats with a border", [b for b in beats if b.sound and np.isfinite(b.traced).all()]),
        ("beats with a number", [b for b in beats if b.measured]),
        ("of these, with a plausible ejection fraction", [b for b in beats if b.plausible]),
    ):
        if chosen:
            print(f"\n{title}")
            table(chosen)
            by_fraction(chosen)
            by_confidence(chosen)
            intervals(chosen)
    sound = [beat for beat in beats if beat.sound]
    print(f"\nsound apical beats with a number: {np.mean([b.measured for b in sound]):.1%} of {len(sound)}; all apical "
          f"beats: {np.mean([b.measured for b in beats]):.1%} of {len(beats)}; sound ones with a plausible number: "
          f"{np.mean([b.plausible for b in sound]):.1%}")  # fmt: skip
    for view in ("PLAX", "PSAX", "SC4C"):
        some = [bool(loop.doubts) for loop in loops if loop.view == view]
        if some:
            print(f"{view} refused: {np.mean(some):.1%} of {len(some)}")
    words = Counter(doubt.text.split(" in ")[0] for loop in loops if loop.sound for doubt in loop.doubts)
    print("doubts of sound loops:", "; ".join(f"{count} {word}" for word, count in words.most_common()) or "none")
    if picture and beats:
        draw(beats, name, picture)


if __name__ == "__main__":
    main()
