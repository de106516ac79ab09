"""Clips per second that the phantom simulates.

Run: python Testing/benchmarks/phantom_speed.py [--processes 2] [--device cuda --clips 512 --chunk 64]

On a CPU each process uses one thread: clips are independent, and threads within a clip gain less than they cost.
Clips per second are by the wall clock, of all processes together: to be trusted on an idle machine. Processor time is
what a clip costs on one CPU core, whatever else runs there; on a GPU it says nothing of the GPU's own work.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

from EchoKeyframeLib.simulator.config import PhantomConfig
from EchoKeyframeLib.simulator.phantom import simulate
from timing import use_threads, wait_for


def timed(first: int, options: argparse.Namespace) -> tuple[float, float]:
    """Seconds of wall clock and of processor time for ``options.clips`` clips, after a warm-up."""
    use_threads(1)
    config = PhantomConfig(frames=options.frames, size=options.size)
    simulate(range(options.chunk or 4), config, options.device, options.chunk)
    wait_for(options.device)
    wall, processor = time.perf_counter(), time.process_time()
    simulate(range(first, first + options.clips), config, options.device, options.chunk)
    wait_for(options.device)
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--clips", type=int, default=24, help="clips for each process")
    parser.add_argument("--chunk", type=int, default=None, help="clips at a time")
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--size", type=int, default=112)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        times = list(pool.map(timed, range(0, 10**6 * options.processes, 10**6), [options] * options.processes))
    rate = sum(options.clips / wall for wall, _ in times)
    processor = sum(seconds for _, seconds in times) / (options.clips * options.processes)
    print(
        f"{options.frames} frames at {options.size}x{options.size}, {options.device}, {options.processes} process(es): "
        f"wall clock {rate:.1f} clips/s; processor time {1000 * processor:.0f} ms a clip"
    )


if __name__ == "__main__":
    main()
