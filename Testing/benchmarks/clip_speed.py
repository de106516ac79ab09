"""Time of each detector over whole clips, in one run: seconds, share of the clip's duration, and where they go.

``python Testing/benchmarks/clip_speed.py [--frames 30 100 500] [--networks two-stream paper-112 paper] [--device cpu]``

Clips at 30 frames/s of moving noise; networks have random weights, which take as long as trained ones. ``encode`` is
the image encoder (for the two-stream network with its motion encoder), ``flow`` the optical flow that it looks at,
``head`` the Video Swin Transformer over all windows. Live: time a frame early and late in a stream: it must not grow.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.sector import Sector, whole_frame
from EchoKeyframeLib.detection.motion import MotionDetector
from EchoKeyframeLib.detection.motion_features import motion_features
from EchoKeyframeLib.detection.network import NetworkDetector
from EchoKeyframeLib.models.presets import PRESETS, build_network

FPS = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, nargs="+", default=[30, 100, 500])
    parser.add_argument("--networks", nargs="+", default=["two-stream", "paper-112", "paper"], choices=PRESETS)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    print(f"{options.device}, {torch.get_num_threads()} threads; seconds, and share of the clip's duration")
    for count in options.frames:
        cine = noise_cine(count, 112)
        _row("motion", count, _seconds(lambda c=cine: MotionDetector().curves(c, whole_frame(c))))
    for name in options.networks:
        detector = NetworkDetector(build_network(PRESETS[name]), name, options.device)
        for count in options.frames:
            cine = noise_cine(count, PRESETS[name].size)
            _network(detector, cine, whole_frame(cine))
    if "two-stream" in options.networks:
        _live(NetworkDetector(build_network(PRESETS["two-stream"]), "two-stream", options.device))


def noise_cine(count: int, size: int) -> Cine:
    rng = np.random.default_rng(0)
    large = rng.integers(0, 255, (size + 16, size + 16), dtype=np.uint8)
    shifts = (8 + 6 * np.sin(2 * np.pi * np.arange(count) / FPS)).astype(int)
    frames = np.stack([large[s : s + size, s : s + size] for s in shifts])
    return Cine(frames, np.arange(count, dtype=np.float64) / FPS, Source("noise"))


def _network(detector: NetworkDetector, cine: Cine, sector: Sector) -> None:
    spent = {"encode": 0.0, "head": 0.0}
    runner = detector.runner
    encode, temporal = runner.encode, runner.temporal

    def timed(part: str, call: Callable) -> Callable:
        def run(*arguments):
            start = time.perf_counter()
            result = call(*arguments)
            if runner.device.type == "cuda":
                torch.cuda.synchronize()
            spent[part] += time.perf_counter() - start
            return result

        return run

    runner.encode, runner.temporal = timed("encode", encode), timed("head", temporal)
    total = _seconds(lambda: detector.curves(cine, sector))
    runner.encode, runner.temporal = encode, temporal
    flow = _seconds(lambda: motion_features(cine.frames)) if runner.uses_motion else 0.0
    # _seconds runs everything twice: once to warm up.
    parts = {"flow": flow, "encode": spent["encode"] / 2, "head": spent["head"] / 2}
    shares = ", ".join(f"{name} {value:.2f} s" for name, value in parts.items() if value)
    _row(detector.name, len(cine), total, f"{shares}; head / encode {parts['head'] / parts['encode']:.2f}")


def _live(detector: NetworkDetector) -> None:
    cine = noise_cine(400, 112)
    live = detector.live(whole_frame(cine), FPS)
    spent = np.zeros(len(cine))
    for index, (frame, moment) in enumerate(zip(cine.frames, cine.times, strict=True)):
        start = time.perf_counter()
        live.push(frame, moment)
        spent[index] = time.perf_counter() - start
    early, late = spent[100:200].mean(), spent[300:400].mean()
    print(
        f"live, ms a frame: {1000 * early:.1f} (100 to 199), {1000 * late:.1f} (300 to 399), ratio {late / early:.2f}; "
        f"latency {live.latency} frames; share of a frame's time {late * FPS:.2f}"
    )


def _seconds(run: Callable[[], object]) -> float:
    run()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _row(name: str, count: int, seconds: float, more: str = "") -> None:
    print(f"{name:12} {count:5} frames  {seconds:7.2f} s  x{seconds / (count / FPS):.2f}  {more}", flush=True)


if __name__ == "__main__":
    main()
