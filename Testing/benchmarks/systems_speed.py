"""Every system side by side: time of a 16-frame window and of whole clips, and how many times faster than the slowest.

    python Testing/benchmarks/systems_speed.py [--quick] [--devices cpu cuda] [--size 112] [--frames 30 100 500]

The systems are the presets of ``models.presets`` (at the same input size; those that are then alike once) with random
weights, which take as long as trained ones, and the detectors ``motion`` and ``fused``.

window: 16 frames through the whole network, T set to 16 for all. It includes optical flow where a network looks at it.
The detectors ``motion`` and ``fused`` get a clip of 16 frames, which fused fills up to the 32 of its network.
published: the clip in the way in which the system's authors run it. Systems with sliding windows put every window
through the whole network, one after the other, so that each frame is encoded T times; systems of one beat take one
window a beat (30 frames here); segmentation takes each frame once. Windows are alike, so only some are run: ``~`` marks
a time that is extrapolated from them. Detectors that encode each frame once have no other way.
here: the clip as this package runs it, each frame encoded once; always run whole. For systems of one beat it includes
finding the beats, which the published ones leave to others.

All is measured in turn within one run: only the ratios are to be trusted. Of the repeats the fastest counts; on a CPU,
one thread. timing.py says by which clock.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from clip_speed import FPS, noise_cine
from EchoKeyframeLib.cine.cine import Cine
from EchoKeyframeLib.cine.sector import whole_frame
from EchoKeyframeLib.detection.beat_network import BeatNetworkDetector
from EchoKeyframeLib.detection.detector import Detector
from EchoKeyframeLib.detection.fusion import FusedDetector
from EchoKeyframeLib.detection.motion import MotionDetector
from EchoKeyframeLib.detection.motion_features import clip_motion, normalise
from EchoKeyframeLib.detection.network import NetworkDetector
from EchoKeyframeLib.detection.windows import window_starts
from EchoKeyframeLib.models.config import NetworkConfig
from EchoKeyframeLib.models.presets import PRESETS, build_network
from EchoKeyframeLib.models.runner import NetworkRunner
from timing import Clock, use_threads

WINDOW = 16
ENCODED_ONCE = ("two-stream",)
"""Architectures of this project: there is no other way to run them."""


@dataclass(frozen=True)
class Seconds:
    """A measured time; ``extrapolated`` where only part of the work was done."""

    value: float
    extrapolated: bool = False

    def __str__(self) -> str:
        return f"{'~' if self.extrapolated else ''}{self.value:.3g}"


class System:
    """A preset with random weights."""

    def __init__(self, name: str, config: NetworkConfig, device: str) -> None:
        self.name, self.config, self.device = name, config, device
        self._sixteen = self._runner(replace(config, frames=WINDOW, window_step=1))

    def window(self, clock: Clock) -> Seconds:
        clip = noise_cine(WINDOW, self.config.size).frames
        return Seconds(clock.seconds(lambda: _whole_network(self._sixteen, clip)))

    def published(self, frames: int, clock: Clock, windows: int) -> Seconds | None:
        """Time of ``frames`` frames, measured on at most ``windows`` windows; None where there is no such way."""
        if self.config.architecture in ENCODED_ONCE:
            return None
        length = self.config.frames
        step = length if self.config.one_beat else self.config.window_step
        needed = len(window_starts(frames, length, step))
        run = min(needed, windows)
        runner, clip = self._runner(self.config), noise_cine(length, self.config.size).frames
        spent = clock.seconds(lambda: [_whole_network(runner, clip) for _ in range(run)])
        return Seconds(spent * needed / run, run < needed)

    def detector(self) -> Detector:
        kind = BeatNetworkDetector if self.config.one_beat else NetworkDetector
        return kind.in_torch(build_network(self.config), self.name, self.device)

    def _runner(self, config: NetworkConfig) -> NetworkRunner:
        torch.manual_seed(0)
        return NetworkRunner(build_network(config), self.device)


def _whole_network(runner: NetworkRunner, clip: np.ndarray) -> None:
    """One window of frames ``[T, S, S]`` from pixels to curves."""
    motion = normalise(clip_motion(clip).features) if runner.uses_motion else None
    images = clip if runner.uses_images else None
    runner.temporal(runner.encode(images, motion)[None])


def systems_at(size: int, device: str, wanted: Sequence[str]) -> list[System]:
    """Presets at one input size; a preset that then equals one before it is left out."""
    systems: dict[NetworkConfig, System] = {}
    for name in wanted:
        config = replace(PRESETS[name], size=size)
        if config not in systems:
            systems[config] = System(name, config, device)
    return list(systems.values())


def measure(device: str, options: argparse.Namespace) -> None:
    clock = Clock(device, repeats=options.repeats)
    systems = systems_at(options.size, device, options.systems)
    windows = {system.name: system.window(clock) for system in systems}
    sequence = noise_cine(WINDOW, options.size)
    here = {system.name: system.detector() for system in systems} | _other_detectors(options.size, device)
    windows |= {name: Seconds(clock.seconds(_curves(here[name], sequence))) for name in here if name not in windows}
    print(f"\n## {device}: one {WINDOW}-frame window at {options.size}x{options.size}\n")
    _table(["system", "s"], {name: [value] for name, value in windows.items()})
    for frames in options.frames:
        cine = noise_cine(frames, options.size)
        rows: dict[str, list[Seconds | None]] = {name: [None, None] for name in here}
        for system in systems:
            rows[system.name][0] = system.published(frames, clock, options.windows)
        for name, detector in here.items():
            rows[name][1] = Seconds(clock.seconds(_curves(detector, cine)))
        print(f"\n## {device}: a clip of {frames} frames, {frames / FPS:.1f} s\n")
        _table(["system", "published, s", "here, s"], rows)


def _other_detectors(size: int, device: str) -> dict[str, Detector]:
    network = NetworkDetector.in_torch(build_network(replace(PRESETS["two-stream"], size=size)), "two-stream", device)
    return {"motion": MotionDetector(), "fused": FusedDetector(MotionDetector(), network)}


def _curves(detector: Detector, cine: Cine) -> Callable[[], object]:
    return lambda: detector.curves(cine, whole_frame(cine))


def _table(columns: Sequence[str], rows: dict[str, list[Seconds | None]]) -> None:
    """Each time with how many times faster it is than the slowest of all in the table."""
    slowest = max(value.value for values in rows.values() for value in values if value)
    cells = [column for name in columns[1:] for column in (name, "times faster than the slowest")]
    print("| " + " | ".join([columns[0], *cells]) + " |\n" + "|---" * (len(cells) + 1) + "|")
    for name, values in rows.items():
        shown = [f"{value} | {slowest / value.value:.1f}" if value else "– | –" for value in values]
        print("| " + " | ".join([name, *shown]) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    usual = [name for name in PRESETS if not name.endswith("-small")]
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    parser.add_argument("--systems", nargs="+", default=usual, choices=PRESETS, metavar="PRESET")
    parser.add_argument("--devices", nargs="+", default=devices, help="default: cpu, and cuda where there is one")
    parser.add_argument("--size", type=int, default=112, help="height and width of all networks' frames")
    parser.add_argument("--frames", type=int, nargs="+", default=[30, 100, 500])
    parser.add_argument("--windows", type=int, default=8, help="windows that are run of a clip, the rest extrapolated")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one repeat, two windows, clips of 30 and 100 frames")
    options = parser.parse_args()
    if options.quick:
        options.repeats, options.windows, options.frames = 1, 2, [30, 100]
    use_threads(1)
    for device in options.devices:
        measure(device, options)


if __name__ == "__main__":
    main()
