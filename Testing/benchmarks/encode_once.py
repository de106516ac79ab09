"""How much is saved by encoding each frame once, and what the transformer costs beside the encoder.

    python Testing/benchmarks/encode_once.py [--networks paper paper-112] [--frames 32] [--device cpu] [--threads 1]

Weights are random: time does not depend on them. Everything is timed within one run, so that only ratios are to be
trusted; of the repeats the fastest counts, by the clock that timing.py names. "Naive" puts every stride-1 window of T
frames through the whole network: T encoded frames and one pass of the transformer for each frame of a long clip. "Once"
encodes each frame once. The bound on the ratio is T.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from EchoKeyframeLib.detection.network import NetworkDetector
from EchoKeyframeLib.models.presets import PRESETS, build_network
from timing import Clock, use_threads


def compare(name: str, options: argparse.Namespace) -> None:
    torch.manual_seed(0)
    detector = NetworkDetector.in_torch(build_network(PRESETS[name]), name, options.device)
    clock = Clock(detector.device, options.threads, options.repeats)
    runner, window, size = detector.runner, detector.config.frames, detector.config.size
    count = max(options.frames, window)
    clip = np.random.default_rng(0).integers(0, 256, (count, size, size), np.uint8)
    features = runner.encode(clip[:window], None)
    several = features.expand(min(runner.windows_per_batch, count), *features.shape).contiguous()

    naive = clock.seconds(lambda: runner.temporal(runner.encode(clip[:window], None)[None]))
    encoder = clock.seconds(lambda: detector._encode(clip, None, lambda done: None)) / count
    head = clock.seconds(lambda: runner.temporal(several)) / len(several)
    print(
        f"{name:<12} {runner.device} {str(runner.dtype)[6:]}, {clock.name}: naive/once {naive / (encoder + head):5.1f} "
        f"(bound {window})   head/encoder over all windows {head / encoder:6.1%}   "
        f"encoder {1e3 * encoder:.1f} ms, head {1e3 * head:.1f} ms a frame",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["paper", "paper-112"], choices=["paper", "paper-112"])
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    use_threads(options.threads)
    for name in options.networks:
        compare(name, options)


if __name__ == "__main__":
    main()
