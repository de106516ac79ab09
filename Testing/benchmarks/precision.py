"""How far curves in half precision lie from float32, and what it gains in time.

    python Testing/benchmarks/precision.py [--networks paper-112 two-stream] [--frames 40] [--device auto]

Without trained weights the networks are random, with a final layer that is large enough for the curves to swing: the
deviation is then that of the arithmetic. ``--weights FILE`` measures trained ones. Times are relative to float32; of
the repeats the fastest counts, by the clock that timing.py names. What the processor has no units for is told.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.detection.network import NetworkDetector
from EchoKeyframeLib.models.presets import PRESETS, build_network
from EchoKeyframeLib.models.registry import PRECISIONS
from EchoKeyframeLib.models.weights_file import load_weights
from timing import Clock, use_threads


def moving_clip(frames: int, size: int) -> np.ndarray:
    """A beating ring on a textured ground: motion and texture, one beat in 22 frames."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size] - size / 2
    ground = rng.integers(10, 70, (size, size))
    radius = size * (0.27 + 0.06 * np.cos(2 * np.pi * np.arange(frames) / 22))
    rings = 170 * np.exp(-((np.hypot(rows, columns) - radius[:, None, None]) ** 2) / 30)
    return np.clip(ground + rings, 0, 255).astype(np.uint8)


def networks(options: argparse.Namespace):
    for name in options.networks:
        torch.manual_seed(0)
        network = build_network(PRESETS[name])
        torch.nn.init.normal_(network.vst.linear.weight, std=0.1)
        yield name + " (random)", network
    for path in options.weights:
        network, card = load_weights(path)
        yield card.title, network


def compare(name: str, network: torch.nn.Module, options: argparse.Namespace) -> None:
    clip = moving_clip(options.frames, network.config.size)
    reference, base = None, 0.0
    for precision in PRECISIONS[1:]:
        try:
            detector = NetworkDetector.in_torch(network, name, options.device, precision)
        except CineError as error:
            print(f"  {error}", flush=True)
            continue
        clock = Clock(detector.device, options.threads, options.repeats)
        seen = detector.look_at(clip)
        values = detector.outputs(seen, 22.0)[:, :2]
        taken = clock.seconds(lambda detector=detector, seen=seen: detector.outputs(seen, 22.0))
        if reference is None:
            reference, base = values, taken
            print(f"{name} on {detector.device}: curves swing over {np.ptp(reference):.3f}")
        deviation = np.abs(values - reference).max()
        print(f"  {precision:<10} largest deviation {deviation:.4f}, {clock.name} x {taken / base:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="*", default=["paper-112", "two-stream"], choices=list(PRESETS))
    parser.add_argument("--weights", nargs="*", default=[])
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    use_threads(options.threads)
    for name, network in networks(options):
        compare(name, network, options)


if __name__ == "__main__":
    main()
