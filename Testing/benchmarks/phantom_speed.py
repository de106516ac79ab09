"""Clips per second that the phantom simulates on a device. Run: python Testing/benchmarks/phantom_speed.py [--device cuda]"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "EchoKeyframe"))
from EchoKeyframeLib.training.phantom.config import PhantomConfig
from EchoKeyframeLib.training.phantom.phantom import simulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--chunk", type=int, default=None, help="clips at a time")
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--size", type=int, default=112)
    options = parser.parse_args()
    config = PhantomConfig(frames=options.frames, size=options.size)
    warm_up = min(options.clips, options.chunk or 32)
    simulate(range(warm_up), config, options.device, options.chunk)
    _finish(options.device)
    wall, processor = time.perf_counter(), time.process_time()
    simulate(range(100, 100 + options.clips), config, options.device, options.chunk)
    _finish(options.device)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{options.clips} clips of {options.frames} frames at {options.size}x{options.size} on {options.device},")
    print(f"{torch.get_num_threads()} threads: {options.clips / wall:.1f} clips/s, {1000 * processor / options.clips:.0f} ms of processor a clip")


def _finish(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
