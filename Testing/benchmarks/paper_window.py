"""Time of a 16-frame window through the paper's network, beside the paper's 10 ms at 112x112 and 21 ms at 224x224.

    python Testing/benchmarks/paper_window.py [--device cuda] [--sizes 112 224] [--batches 1 32] [--precisions 32-true]

A window is 16 frames of 8-bit pixels in main memory, through ResNet50 and Video Swin Transformer as this package runs
them, to curves in main memory: copies to a GPU and back are in it, reading and preparing the frames are not. Batch:
windows at once; the time is that of one of them. Weights are random, which take as long as trained ones. Of the repeats
the fastest counts, by the clock that timing.py names. The paper's times (J Nanjing Med Univ 2024;44(02):253-262) are
means over windows on a GeForce RTX 3090 Ti, so that a CPU's ratio says only how far away one is.

On a GPU the default is batches of 1 and 32, every precision; on a CPU one window in float32. float32 is
as torch sets it: on recent NVIDIA GPUs convolutions then round their factors to TF32.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from clip_speed import PAPER, noise_cine
from EchoKeyframeLib.models.device import choose_device
from EchoKeyframeLib.models.presets import PRESETS, build_network
from EchoKeyframeLib.models.registry import FLOAT32, PRECISIONS
from EchoKeyframeLib.models.runner import NetworkRunner
from timing import Clock, use_threads

PAPER_MS = {112: 10.0, 224: 21.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(PAPER_MS), choices=PAPER_MS)
    parser.add_argument("--batches", type=int, nargs="+", help="windows at once; default: 1, on a GPU 1 and 32")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS[1:], help="default: float32, on a GPU all")
    parser.add_argument("--repeats", type=int, help="default: 3, on a GPU 30")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    device = choose_device(options.device)
    gpu = device.type != "cpu"
    use_threads(options.threads)
    clock = Clock(str(device), options.threads, options.repeats or (30 if gpu else 3))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{options.threads} thread(s)"
    print(f"{device} ({name}), {clock.name}\n")
    print("| size | batch | precision | ms a window | times the paper's |\n" + "|---" * 5 + "|")
    for size in options.sizes:
        for precision in options.precisions or (PRECISIONS[1:] if gpu else [FLOAT32]):
            runner = NetworkRunner(build_network(PRESETS[PAPER[size]]), str(device), precision)
            for batch in options.batches or ([1, 32] if gpu else [1]):
                milliseconds = 1e3 * clock.seconds(windows(runner, batch)) / batch
                ratio = milliseconds / PAPER_MS[size]
                print(f"| {size} | {batch} | {precision} | {milliseconds:.3g} | {ratio:.2g} |", flush=True)


def windows(runner: NetworkRunner, batch: int) -> Callable[[], np.ndarray]:
    """Work that puts ``batch`` windows through the network, in as large pieces as the package allows itself."""
    config = runner.config
    frames = np.tile(noise_cine(config.frames, config.size).frames, (batch, 1, 1))

    def run() -> np.ndarray:
        encoded = [runner.encode(part, None) for part in pieces(frames, runner.frames_per_batch)]
        features = torch.cat(encoded).unflatten(0, (batch, config.frames))
        return np.concatenate([runner.temporal(part) for part in pieces(features, runner.windows_per_batch)])

    return run


def pieces(items: np.ndarray | torch.Tensor, length: int) -> list:
    return [items[start : start + length] for start in range(0, len(items), length)]


if __name__ == "__main__":
    main()
