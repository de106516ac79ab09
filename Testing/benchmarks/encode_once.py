"""How much is saved by encoding each frame once, and what the transformer costs beside the encoder.

    python Testing/benchmarks/encode_once.py [--networks paper paper-112] [--frames 32] [--repeats 3] [--threads 1]

Weights are random: time does not depend on them. Everything is timed in turn within one run, so that only ratios are to
be trusted; of the repeats the fastest counts, and on a CPU it is the process's own time, which other programs disturb
less (with more than one thread it counts their waiting too). "Naive" puts every stride-1 window of T frames through the
whole network: T encoded frames and one pass of the transformer for each frame of a long clip. "Once" encodes each frame
once. The bound on the ratio is T.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from EchoKeyframeLib.detection.network import NetworkDetector
from EchoKeyframeLib.models.presets import PRESETS, build_network


def seconds(work: Callable[[], object]) -> float:
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    start = clock()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - start


def compare(name: str, frames: int, repeats: int, device: str) -> None:
    torch.manual_seed(0)
    detector = NetworkDetector(build_network(PRESETS[name]), name, device)
    runner, window, size = detector.runner, detector.config.frames, detector.config.size
    clip = np.random.default_rng(0).integers(0, 256, (max(frames, window), size, size), np.uint8)
    features = runner.encode(clip[:window], None)
    several = features.expand(min(runner.windows_per_batch, frames), *features.shape).contiguous()

    def naive_window() -> None:
        runner.temporal(runner.encode(clip[:window], None)[None])

    naive_window()
    rows = []
    for _ in range(repeats):
        naive = seconds(naive_window)
        encoder = seconds(lambda: detector._encode(clip, None, lambda done: None)) / len(clip)
        head = seconds(lambda: runner.temporal(several)) / len(several)
        rows.append((naive, encoder, head))
    naive, encoder, head = (min(column) for column in zip(*rows, strict=True))
    ratio, share = naive / (encoder + head), head / encoder
    print(
        f"{name:<12} {runner.device} {str(runner.dtype)[6:]}: naive/once {ratio:5.1f} (bound {window})   "
        f"head/encoder over all windows {share:6.1%}   encoder {1e3 * encoder:.1f} ms, head {1e3 * head:.1f} ms a frame"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["paper", "paper-112"], choices=["paper", "paper-112"])
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.networks:
        compare(name, options.frames, options.repeats, options.device)


if __name__ == "__main__":
    main()
