"""Time of tracing the left ventricle in whole loops, and its share of their duration.

    python Testing/benchmarks/tracing_speed.py [--frames 100 500] [--size 112] [--runtime auto] [--threads 1]

Loops at 30 frames/s of a drawn ventricle that beats, of which every second one is looked at. Of a few runs the fastest
counts; timing.py says by which clock. The sector is found beforehand, as the detection has done when a loop is traced.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the drawing is the tests'

from timing import Clock, use_threads

FPS = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[100, 500])
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--runtime", choices=("auto", "onnxruntime", "torch"), default="auto")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    use_threads(options.threads)

    from drawn_ventricle import beating_frames
    from EchoKeyframeLib.cine.cine import Cine, Source
    from EchoKeyframeLib.cine.sector import find_sector
    from EchoKeyframeLib.measurement.automatic.tracer import load_tracer

    tracer, clock = load_tracer(options.runtime, "cpu"), Clock(threads=options.threads)
    print(f"{tracer.name} in {tracer.runtime}, {options.size} px, {clock.name}")
    print("| frames | s | ms a frame | of duration |")
    print("|---|---|---|---|")
    for count in options.frames:
        cine = Cine(beating_frames(count, FPS, size=options.size), np.arange(count) / FPS, Source("drawn"))
        sector = find_sector(cine)
        seconds = clock.seconds(lambda cine=cine, sector=sector: tracer.trace(cine, sector))
        print(f"| {count} | {seconds:.2f} | {1000 * seconds / count:.1f} | {seconds * FPS / count:.3f} |")


if __name__ == "__main__":
    main()
