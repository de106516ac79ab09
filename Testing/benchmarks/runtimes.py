"""The shipped network in torch and in ONNX Runtime, with windows 2 and 8 frames apart: time and largest deviation.

    python Testing/benchmarks/runtimes.py [--frames 100] [--presets paper-112 paper] [--no-start]

One thread of the CPU, processor time, the fastest of a few runs (timing.py). of duration: share of the clip's own
duration at 30 frames/s; ``fused`` with the motion detector. Then the start: processor time of ``detect
--sample``, figure included, in a process of its own. Presets have random weights; their graphs are exported first,
which takes a minute each; 16 frames go through their encoder. live: what pushing one frame of a stream costs.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace

from timing import Clock, use_threads  # isort: skip  (before what counts the threads)

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from clip_speed import FPS, noise_cine
from EchoKeyframeLib.cine.sector import whole_frame
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.fusion import FusedDetector
from EchoKeyframeLib.detection.motion import MotionDetector
from EchoKeyframeLib.detection.network import NetworkDetector
from EchoKeyframeLib.models.onnx_export import graphs_of
from EchoKeyframeLib.models.onnx_graph import ENCODE, TEMPORAL, read_graph
from EchoKeyframeLib.models.onnx_runner import OnnxRunner
from EchoKeyframeLib.models.onnx_weights import OnnxWeights, load_onnx_weights
from EchoKeyframeLib.models.presets import PRESETS, build_network
from EchoKeyframeLib.models.registry import DEFAULT_NETWORK, bundled_weights
from EchoKeyframeLib.models.runner import NetworkRunner
from EchoKeyframeLib.models.weights_card import WeightsCard
from EchoKeyframeLib.models.weights_file import load_weights

STEPS = (2, 8)
TORCH, ONNX = "torch", "onnxruntime"
LIVE_FROM, LIVE_COUNT = 140, 160
"""Frames of a stream before the measurement, and in it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--size", type=int, default=112, help="of the clip, in pixels")
    parser.add_argument("--presets", nargs="*", default=[], choices=("paper", "paper-112", "resnet18-112"))
    parser.add_argument("--no-start", action="store_true")
    options = parser.parse_args()
    use_threads(1)
    shipped(Clock(), options.frames, options.size)
    live(Clock())
    for name in options.presets:
        encoder(Clock(), name)
    if not options.no_start:
        starts()


def shipped(clock: Clock, frames: int, size: int) -> None:
    """A clip through the shipped network, both libraries, both distances of windows."""
    path = bundled_weights()[DEFAULT_NETWORK]
    network, _ = load_weights(path)
    weights = load_onnx_weights(path)
    cine = noise_cine(frames, size)
    sector, duration = whole_frame(cine), frames / FPS
    print("| windows every | runtime | two-stream, s | of duration | fused, s | of duration | largest deviation |")
    print("|---" * 7 + "|")
    for step in STEPS:
        reference = None
        for runtime in (TORCH, ONNX):
            network.config = replace(network.config, window_step=step)
            card = replace(weights.card, config=network.config)
            runner = NetworkRunner(network, "cpu") if runtime == TORCH else OnnxRunner(replace(weights, card=card))
            detector = NetworkDetector(runner, runtime)
            alone = clock.seconds(lambda detector=detector: detector.curves(cine, sector))
            fused = FusedDetector(MotionDetector(), detector)
            both = clock.seconds(lambda fused=fused: fused.curves(cine, sector))
            curves = detector.curves(cine, sector).probability
            reference = curves if reference is None else reference
            off = np.abs(curves - reference).max()
            print(f"| {step} frames | {runtime} | {alone:.3f} | {alone / duration:.3f} | {both:.3f} | "
                  f"{both / duration:.3f} | {off:.1e} |", flush=True)  # fmt: skip


def live(clock: Clock) -> None:
    """A frame of a stream at 30 frames/s, once both windows and surroundings are full, and what takes its time."""
    print("\n| live | ms a frame | encoder | head, every 8th frame | flow, preparation, rest |\n" + "|---" * 5 + "|")
    detectors = {name: load_detector(DEFAULT_NETWORK, "cpu", runtime=name) for name in (TORCH, ONNX)}
    calls = {name: (one.runner.encode, one.runner.temporal) for name, one in detectors.items()}
    fastest: dict[str, tuple[float, float, float]] = {}
    for _ in range(3):
        for name, detector in detectors.items():
            spent = np.zeros(2)
            detector.runner.encode, detector.runner.temporal = (
                counted(call, spent, place, clock) for place, call in enumerate(calls[name])
            )
            times = push_times(detector, clock, LIVE_FROM, lambda spent=spent: spent.fill(0))
            fastest[name] = min(fastest.get(name, (np.inf,)), (times, *spent / LIVE_COUNT))
    for name, (whole, encode, head) in fastest.items():
        cells = " | ".join(f"{1e3 * seconds:.1f}" for seconds in (whole, encode, head, whole - encode - head))
        print(f"| {name} | {cells} |", flush=True)


def push_times(detector: NetworkDetector, clock: Clock, warm: int, begin: Callable[[], None]) -> float:
    """Seconds a frame, of ``LIVE_COUNT`` after ``warm``; ``begin`` is called between."""
    cine = noise_cine(warm + LIVE_COUNT, detector.config.size)
    stream = detector.live(whole_frame(cine), FPS)
    start = 0.0
    for index, (frame, moment) in enumerate(zip(cine.frames, cine.times, strict=True)):
        if index == warm:
            begin()
            start = clock.read()
        stream.push(frame, moment)
    return (clock.read() - start) / LIVE_COUNT


def counted(call: Callable, spent: np.ndarray, place: int, clock: Clock) -> Callable:
    """The same call, its seconds added to ``spent[place]``."""

    def run(*arguments):
        start = clock.read()
        result = call(*arguments)
        spent[place] += clock.read() - start
        return result

    return run


def encoder(clock: Clock, name: str) -> None:
    """16 frames through the encoder of a preset."""
    network = build_network(PRESETS[name]).eval()
    graphs = {part: read_graph(data) for part, data in graphs_of(network).items()}
    tensors = {key: value.numpy() for key, value in network.state_dict().items()}
    weights = OnnxWeights(WeightsCard(name, network.config, ""), graphs[ENCODE], graphs[TEMPORAL], tensors)
    images = np.random.default_rng(0).integers(0, 256, (16, network.config.size, network.config.size), np.uint8)
    runners = {TORCH: NetworkRunner(network, "cpu"), ONNX: OnnxRunner(weights)}
    spent = {key: clock.seconds(lambda runner=runner: runner.encode(images, None)) for key, runner in runners.items()}
    off = np.abs(runners[TORCH].encode(images, None).numpy() - runners[ONNX].encode(images, None)).max()
    print(f"\n{name}, 16 frames: torch {spent[TORCH]:.2f} s, onnxruntime {spent[ONNX]:.2f} s, ratio "
          f"{spent[TORCH] / spent[ONNX]:.2f}, deviation of features {off:.1e}", flush=True)  # fmt: skip


def starts() -> None:
    """Processor time of the first command, by detector and runtime."""
    print("\n| detect --sample | processor time, s |\n|---|---|")
    for arguments in (["--model", "motion"], ["--runtime", ONNX], ["--runtime", TORCH]):
        print(f"| {' '.join(arguments)} | {min(start(arguments) for _ in range(2)):.1f} |", flush=True)


def start(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "EchoKeyframeLib", "detect", "--sample", "--output", folder, *arguments]
        subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
