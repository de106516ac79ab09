"""A folder of loops in as many processes as there are cores: clips a second by runtime, and against another checkout.

    python Testing/benchmarks/folder.py [--loops 200] [--jobs 2] [--against FOLDER] [--runtimes onnxruntime torch]

``detect FOLDER --model fused`` as a person runs it, start and results included, on copies of a few simulated loops of
64 frames (112 px, Motion JPEG), in turn. Clips a second are by the clock on the wall and need an idle machine;
processor time, of all processes, does not. Ratios are to the first row. A checkout that knows no ``--runtime`` runs
its only one.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from first_command import HERE, environment

DIFFERENT = 10
"""Loops that are simulated; the others are copies."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loops", type=int, default=200)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--runtimes", nargs="+", default=["onnxruntime", "torch"])
    parser.add_argument("--against", type=Path, help="folder of another checkout")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        compiled = str(Path(scratch) / "compiled")
        here = environment(HERE, compiled)
        loops = write_loops(Path(scratch) / "loops", options.loops, options.frames, here)
        runs = {f"this, {name}": (here, ["--runtime", name]) for name in options.runtimes}
        if options.against:
            runs["the other"] = environment(options.against.resolve(), compiled), []
        print("| checkout, runtime | clips a second | ratio | processor time a clip, s | ratio |\n" + "|---" * 5 + "|")
        first = None
        for name, (env, flags) in runs.items():
            output = Path(scratch) / "results"
            wall, spent = run(env, loops, output, ["--jobs", str(options.jobs), *flags])
            found = len(list(output.glob("*.keyframes.json")))
            shutil.rmtree(output)
            if found != options.loops:
                raise SystemExit(f"{name}: results of {found} of {options.loops} loops")
            first = first or (wall, spent)
            print(f"| {name} | {options.loops / wall:.2f} | {first[0] / wall:.2f} | {spent / options.loops:.3f} | "
                  f"{spent / first[1]:.2f} |", flush=True)  # fmt: skip


def write_loops(folder: Path, count: int, frames: int, env: dict[str, str]) -> Path:
    """``count`` files; each of ``DIFFERENT`` is copied as often as it takes."""
    simulated = folder.with_name("simulated")
    few = min(DIFFERENT, count)
    command = [sys.executable, "-m", "EchoKeyframeLib", "phantom", str(simulated), "--count", str(few), "--frames",
               str(frames), "--size", "112", "--format", "mjpg", "--seed", "4000000"]  # fmt: skip
    subprocess.run(command, env=env, check=True, capture_output=True)
    files = sorted(path for path in simulated.iterdir() if path.suffix in (".avi", ".mp4", ".dcm", ".mkv"))
    folder.mkdir()
    for index in range(count):
        source = files[index % len(files)]
        shutil.copyfile(source, folder / f"loop-{index:04d}{source.suffix}")
    return folder


def run(env: dict[str, str], loops: Path, output: Path, flags: list[str]) -> tuple[float, float]:
    """Seconds on the wall and of processor time that detecting in a folder takes."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "EchoKeyframeLib", "detect", str(loops), "--model", "fused", "--output",
               str(output), *flags]  # fmt: skip
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name not in os.environ}
    done = subprocess.run(command, env=env | threads, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, spent


if __name__ == "__main__":
    main()
