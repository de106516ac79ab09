"""Time to read a cine and to find its keyframes, and the peak memory of both, in one run.

    python Testing/benchmarks/read_and_detect.py [--repeats 3] [--frames 100 500 5000] [--size 480 640]

Times are processor time of one thread, of the repeats the fastest (timing.py says why). Film: what it takes to find
repeated, blended and cut frames among those that the detector is shown anyway. Memory is measured in a process
of its own for each length, on a Motion JPEG AVI of uniform noise in a sector (a decoder's worst case); "growth" is
what comes on top of Python and its libraries.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--frames", nargs="*", type=int, default=[100, 500, 5000])
    parser.add_argument("--size", nargs=2, type=int, default=[480, 640], metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print_memory(options.memory_of)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare_times(Path(folder), options)
        for frames in options.frames:
            clip = write_clip(Path(folder) / f"{frames}.avi", frames, *options.size)
            subprocess.run([sys.executable, __file__, "--memory-of", str(clip)], check=True)
            clip.unlink()


def compare_times(folder: Path, options: argparse.Namespace) -> None:
    """One line for each clip: what reading, finding the sector and detecting cost a frame, and against the clip."""
    from EchoKeyframeLib.cine.prepare import prepare
    from EchoKeyframeLib.cine.read import read_cine
    from EchoKeyframeLib.cine.sector import find_sector
    from EchoKeyframeLib.detection.catalogue import load_detector
    from EchoKeyframeLib.detection.detect import detect
    from EchoKeyframeLib.detection.film import FRAME_SIZE, Film
    from EchoKeyframeLib.detection.motion import MotionDetector
    from pydicom.examples import get_path
    from timing import Clock, use_threads

    use_threads(1)
    clock = Clock(repeats=options.repeats)
    fused = load_detector("fused", "cpu")
    clips = {
        "DICOM sample": Path(get_path("ybr_color")),
        "AVI, 100 frames": write_clip(folder / "times.avi", 100, *options.size),
    }
    for name, path in clips.items():
        cine = read_cine(path)
        sector = find_sector(cine)
        reading = clock.seconds(lambda path=path: read_cine(path))
        finding = clock.seconds(lambda cine=cine: find_sector(cine))
        detecting = clock.seconds(lambda c=cine, s=sector: detect(c, MotionDetector(), sector=s))
        shown = prepare(cine, sector, FRAME_SIZE)
        filming = clock.seconds(lambda shown=shown: Film.of_prepared(shown))
        whole = clock.seconds(lambda c=cine, s=sector: detect(c, fused, sector=s))
        height, width = cine.size
        per_frame = ", ".join(f"{what} {1e3 * seconds / len(cine):.2f}" for what, seconds in
                              (("read", reading), ("sector", finding), ("motion detector", detecting),
                               ("fused", whole), ("film", filming)))
        share = (reading + finding + detecting) / (len(cine) * cine.frame_interval)
        print(f"{name} ({width}x{height}): {clock.name}, ms a frame: {per_frame}; "
              f"reading, sector and motion {share:.2f} of the clip's duration, film {filming / whole:.3f} of fused")


def print_memory(path: Path) -> None:
    """Peak memory of reading and detecting in this process, which has done nothing else."""
    import psutil
    from EchoKeyframeLib.cine.read import read_cine
    from EchoKeyframeLib.cine.sector import find_sector
    from EchoKeyframeLib.detection.detect import detect
    from EchoKeyframeLib.detection.motion import MotionDetector

    process, peak, done = psutil.Process(), 0, threading.Event()
    start = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    cine = read_cine(path)
    detect(cine, MotionDetector(), sector=find_sector(cine))
    done.set()
    watcher.join()
    print(f"memory for {len(cine):>5} frames: start {start / MIB:.0f} MiB, growth {(peak - start) / MIB:.0f} MiB, "
          f"of which decoded frames {cine.frames.nbytes / MIB:.0f} MiB")


def write_clip(path: Path, frames: int, height: int, width: int) -> Path:
    """A sector of noise that swells and shrinks once a second, as Motion JPEG at 30 frames a second."""
    import cv2
    import numpy as np

    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    sector = (np.abs(columns - width / 2) < rows * 0.8) & (np.hypot(columns - width / 2, rows) < height * 0.95)
    noise = np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30.0, (width, height))
    for index in range(frames):
        scale = np.float32(1.1 + 0.1 * np.cos(2 * np.pi * index / 30))
        x, y = (columns - width / 2) / scale + width / 2, (rows - height / 2) / scale + height / 2
        image = cv2.remap(noise, x, y, cv2.INTER_LINEAR) * sector
        writer.write(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


if __name__ == "__main__":
    main()
