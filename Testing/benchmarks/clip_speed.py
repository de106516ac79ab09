"""Time of each detector over whole clips: seconds, share of the clip's duration, and where they go.

    python Testing/benchmarks/clip_speed.py [--quick] [--frames 30 100 500] [--threads 1] [--device cpu]

Clips at 30 frames/s of moving noise. Detectors: the motion curve; ``two-stream``, the shipped network; ``fused``, the
mean of both, which is the default; the paper's network at the clip's size. Networks have random weights, which take as
long as trained ones. All is measured in turn within one run, and of a few runs the fastest counts (timing.py says by
which clock): trust ratios rather than seconds.

of duration: below 1 is faster than real time. times motion: time over that of the motion curve of the same clip. Then
ms a frame: ``flow``, the optical flow that the network looks at; ``encoder``, image encoder and motion encoder;
``head``, the Video Swin Transformer over all windows. What is left is preparation. Live: ms a frame early and late in a
stream, which must not grow.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.prepare import prepare
from EchoKeyframeLib.cine.sector import whole_frame
from EchoKeyframeLib.detection.detector import Detector
from EchoKeyframeLib.detection.fusion import FusedDetector
from EchoKeyframeLib.detection.motion import MotionDetector
from EchoKeyframeLib.detection.motion_features import clip_motion
from EchoKeyframeLib.detection.network import NetworkDetector
from EchoKeyframeLib.models.presets import PRESETS, build_network
from timing import Clock, use_threads

FPS = 30.0
SHIPPED = "two-stream"
PAPER = {112: "paper-112", 224: "paper"}
LIVE_SPAN = 100
"""Frames early and late in a stream that are compared."""


@dataclass(frozen=True)
class Spent:
    """Seconds on one clip: as a whole, and on the parts of a network."""

    total: float
    flow: float | None = None
    encoder: float | None = None
    head: float | None = None


def main() -> None:
    options = parse_options()
    use_threads(options.threads)
    shipped = network(SHIPPED, options.device)
    paper = {size: network(PAPER[size], options.device) for size in options.sizes}
    clock = Clock(shipped.device, options.threads, options.repeats)
    print(f"{clock.device}, {options.threads} thread(s), {clock.name}\n")
    print("| clip | detector | s | of duration | times motion | flow, ms a frame | encoder | head | head / encoder |")
    print("|---" * 9 + "|")
    for size in options.sizes:
        detectors = [MotionDetector(), shipped, FusedDetector(MotionDetector(), shipped), paper[size]]
        for count in options.frames:
            cine = noise_cine(count, size)
            times = {detector.name: spent_on(detector, cine, clock) for detector in detectors}
            print("\n".join(rows(cine, times)), flush=True)
    if options.live:
        print(f"\nlive, {SHIPPED}: {live_cost(shipped, clock, max(options.live, 3 * LIVE_SPAN))}")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[112, 224], choices=PAPER, help="height and width")
    parser.add_argument("--frames", type=int, nargs="+", default=[30, 100, 500])
    parser.add_argument(
        "--live", type=int, default=600, help=f"frames of the live stream, 0 for none, else {3 * LIVE_SPAN} or more"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one repeat, 112x112, 30 and 100 frames, a shorter stream")
    options = parser.parse_args()
    if options.quick:
        options.repeats, options.sizes, options.frames, options.live = 1, [112], [30, 100], 3 * LIVE_SPAN
    return options


def noise_cine(count: int, size: int) -> Cine:
    """Noise that moves to and fro once a second: gray frames ``[count, size, size]``."""
    rng = np.random.default_rng(0)
    large = rng.integers(0, 255, (size + 16, size + 16), dtype=np.uint8)
    shifts = (8 + 6 * np.sin(2 * np.pi * np.arange(count) / FPS)).astype(int)
    frames = np.stack([large[s : s + size, s : s + size] for s in shifts])
    return Cine(frames, np.arange(count, dtype=np.float64) / FPS, Source("noise"))


def network(preset: str, device: str) -> NetworkDetector:
    return NetworkDetector.in_torch(build_network(PRESETS[preset]), preset, device)


def spent_on(detector: Detector, cine: Cine, clock: Clock) -> Spent:
    sector = whole_frame(cine)
    if not isinstance(detector, NetworkDetector):
        return Spent(clock.seconds(lambda: detector.curves(cine, sector)))
    runner = detector.runner
    encode, temporal = runner.encode, runner.temporal
    runs: list[dict[str, float]] = []

    def run() -> None:
        spent = {"encoder": 0.0, "head": 0.0}
        runner.encode = timed(encode, "encoder", spent, clock)
        runner.temporal = timed(temporal, "head", spent, clock)
        detector.curves(cine, sector)
        runs.append(spent)

    try:
        total = clock.seconds(run)
    finally:
        runner.encode, runner.temporal = encode, temporal
    frames = prepare(cine, sector, detector.config.size)
    flow = clock.seconds(lambda: clip_motion(frames)) if runner.uses_motion else None
    return Spent(total, flow, min(run["encoder"] for run in runs), min(run["head"] for run in runs))


def timed(call: Callable, part: str, spent: dict[str, float], clock: Clock) -> Callable:
    """The same call, its seconds added to ``spent[part]``."""

    def run(*arguments):
        start = clock.read()
        result = call(*arguments)
        spent[part] += clock.read() - start
        return result

    return run


def rows(cine: Cine, times: dict[str, Spent]) -> list[str]:
    """Lines of the table; the first of ``times`` is the motion curve."""
    count, size = len(cine), cine.size[0]
    slowness = next(iter(times.values())).total
    lines = []
    for name, spent in times.items():
        parts = [spent.flow, spent.encoder, spent.head]
        cells = [f"{size}x{size}, {count} frames", name, f"{spent.total:.2f}", f"{spent.total / (count / FPS):.3f}"]
        cells.append(f"{spent.total / slowness:.1f}")
        cells += ["–" if part is None else f"{1e3 * part / count:.1f}" for part in parts]
        cells.append("–" if spent.head is None else f"{spent.head / spent.encoder:.1%}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def live_cost(detector: NetworkDetector, clock: Clock, count: int) -> str:
    """What pushing a frame costs early and late in a stream of ``count`` frames; of the repeats the fastest."""
    runs = [push_times(detector, clock, count) for _ in range(clock.repeats)]
    spans = {"early": slice(LIVE_SPAN, 2 * LIVE_SPAN), "late": slice(count - LIVE_SPAN, count)}
    early, late = (min(run[span].mean() for run in runs) for span in spans.values())
    latency = detector.live(whole_frame(noise_cine(1, detector.config.size)), FPS).latency
    return (
        f"{1e3 * early:.1f} ms a frame for frames {LIVE_SPAN} to {2 * LIVE_SPAN - 1}, {1e3 * late:.1f} ms for frames "
        f"{count - LIVE_SPAN} to {count - 1}, late / early {late / early:.2f}; {late * FPS:.2f} of the time between "
        f"frames at {FPS:.0f}/s; latency {latency} frames"
    )


def push_times(detector: NetworkDetector, clock: Clock, count: int) -> np.ndarray:
    """Seconds for each frame."""
    cine = noise_cine(count, detector.config.size)
    live = detector.live(whole_frame(cine), FPS)
    times = np.zeros(count)
    for index, (frame, moment) in enumerate(zip(cine.frames, cine.times, strict=True)):
        start = clock.read()
        live.push(frame, moment)
        times[index] = clock.read() - start
    return times


if __name__ == "__main__":
    main()
