"""Peak memory of detection with a network, for clips of several lengths.

    python Testing/benchmarks/memory.py [--networks paper-112 motion-only] [--frames 100 500 5000]

Each measurement is a process of its own. "Start" is what Python, torch and the network take before the first frame;
"growth" is the peak above that, which holds the clip's own frames. The time is by the wall clock, for orientation only:
clip_speed.py measures it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time

MIB = 2**20


def measure(name: str, frames: int, threads: int) -> None:
    import numpy as np
    import psutil
    import torch
    from EchoKeyframeLib.cine.cine import Cine, Source
    from EchoKeyframeLib.cine.sector import whole_frame
    from EchoKeyframeLib.detection.network import NetworkDetector
    from EchoKeyframeLib.models.presets import PRESETS, build_network

    torch.set_num_threads(threads)
    detector = NetworkDetector.in_torch(build_network(PRESETS[name]), name, "cpu")
    size = detector.config.size
    warm = np.zeros((detector.config.frames, size, size), np.uint8)
    detector.outputs(detector.look_at(warm[:1]), 25.0)
    process, peak, running = psutil.Process(), 0, True
    start = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while running:
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    clip = np.random.default_rng(0).integers(0, 256, (frames, size, size), np.uint8)
    cine = Cine(clip, np.arange(frames) / 25.0, Source("clip"))
    begun = time.perf_counter()
    detector.curves(cine, whole_frame(cine))
    taken = time.perf_counter() - begun
    running = False
    watcher.join()
    print(
        f"{name:<12} {frames:>5} frames: start {start / MIB:4.0f} MiB, growth {(peak - start) / MIB:4.0f} MiB "
        f"(frames {clip.nbytes / MIB:.0f} MiB), wall clock {1e3 * taken / frames:.1f} ms a frame"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["paper-112", "motion-only"])
    parser.add_argument("--frames", nargs="+", type=int, default=[100, 500, 5000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        measure(options.networks[0], options.frames[0], options.threads)
        return
    for name in options.networks:
        for frames in options.frames:
            command = [sys.executable, __file__, "--alone", "--networks", name, "--frames", str(frames)]
            subprocess.run([*command, "--threads", str(options.threads)], check=True)


if __name__ == "__main__":
    main()
