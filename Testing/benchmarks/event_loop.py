"""How long the module holds Slicer's event loop, and how long a click takes to become bookmarks.

    python Testing/benchmarks/event_loop.py [--detector NAME] [--beside FOLDER] [FRAMES ...]

The panel in the Slicer stand-in, on drawn loops of 600x800 gray pixels. *held*: the longest time that the event loop
did not turn, once by the clock and once as this thread's own processor time, which other programs on the machine cannot
lengthen. *click to bookmark*: from the press of Detect to the filled table, with a worker that has to be started (cold)
and one that lives (warm); *in process*: the same detection without worker or panel, as the command line does it, by
the same detector (by default ``motion``, the fastest, for which the way to the worker and back weighs most), loaded
and used once before, as the warm worker's is.

*loading*: a DICOM file of 64 frames of 600x800 JPEG colour pixels, with a warm worker: seconds to the first picture in
the scene and to the whole loop, beside those that reading it takes in this process; least of five. ``--beside``
measures another checkout of the project in the same run, in turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

TESTING = Path(sys.argv[2] if sys.argv[1:2] == ["--testing"] else Path(__file__).parent.parent).resolve()
sys.path[:0] = [str(TESTING), str(TESTING.parent / "EchoKeyframe")]

import slicer  # noqa: E402
from drawn_ventricle import beating_frames, write_video  # noqa: E402
from EchoKeyframeLib.cine.cine import Cine, Source  # noqa: E402
from panel_person import Person, application  # noqa: E402

FPS, HEIGHT, WIDTH = 50.0, 600, 800


@dataclass
class Held:
    """The longest turn of the event loop, in ms: by the clock, and of this thread's processor time."""

    clock: float = 0.0
    processor: float = 0.0

    def turn(self, act) -> None:
        clock, processor = time.perf_counter(), time.thread_time()
        act()
        self.clock = max(self.clock, 1e3 * (time.perf_counter() - clock))
        self.processor = max(self.processor, 1e3 * (time.thread_time() - processor))

    def __str__(self) -> str:
        return f"{self.clock:5.0f} ms ({self.processor:3.0f} ms processor)"


def run(person: Person, press: str, until=None) -> tuple[Held, float]:
    """Press a button and let the application run until nothing is under way, or ``until`` holds."""
    held, started = Held(), time.perf_counter()
    held.turn(lambda: person.press(press))
    until = until or (lambda: not person.widget.logic.jobs.busy)
    while not until():
        held.turn(person.app.processEvents)
        time.sleep(0.002)
    return held, time.perf_counter() - started


def drawn_loop(count: int) -> np.ndarray:
    """A beating ring, uint8 [count, HEIGHT, WIDTH], the same second over and over."""
    second = beating_frames(int(FPS), FPS, size=HEIGHT)
    margin = (WIDTH - HEIGHT) // 2
    return np.pad(second, ((0, 0), (0, 0), (margin, margin)))[np.arange(count) % len(second)]


def measure(person: Person, count: int, model: str) -> None:
    from EchoKeyframeLib.detection.catalogue import load_detector
    from EchoKeyframeLib.detection.detect import detect

    frames = drawn_loop(count)
    path = write_video(Path(person.app.temporaryPath) / f"{count}.avi", frames, FPS)
    selector = person.ui.detectorSelector
    selector.setCurrentIndex(selector.findData(model))
    person.ui.detectOnLoadCheckBox.checked = False
    person.ui.filePathLineEdit.currentPath = str(path)
    loading, load_seconds = run(person, "loadButton")
    person.widget.logic.jobs.worker.stop()
    cold_held, cold = run(person, "detectButton")
    warm_held, warm = run(person, "detectButton")
    cancel_held, _ = run(person, "detectButton", lambda: "detecting" in person.status)
    held, cancel = run(person, "cancelButton")
    detector = load_detector(model)
    cine = Cine(frames, np.arange(count) / FPS, Source("drawn"))
    detect(replace(cine, frames=frames[:30], times=cine.times[:30]), detector)
    started = time.perf_counter()
    detect(cine, detector)
    inference = time.perf_counter() - started
    print(f"{count} frames of {WIDTH}x{HEIGHT} pixels, {model}")
    print(f"  event loop held  load {loading}, detect cold {cold_held}, warm {warm_held}")
    print(f"                   detect again {cancel_held}, cancel {held}; cancelled after {cancel:.2f} s")
    print(f"  load {load_seconds:.1f} s; click to bookmark cold {cold:.2f} s, warm {warm:.2f} s; "
          f"in process {inference:.2f} s, warm / in process {warm / inference:.2f}")
    slicer.mrmlScene.Clear()
    path.unlink()


def jpeg_loop(path: Path) -> Path:
    """A DICOM file of 64 drawn frames."""
    from dicom_files import write_dicom

    frames = np.repeat(drawn_loop(64)[..., None], 3, axis=3)
    return write_dicom(path, frames, "1.2.840.10008.1.2.4.50", "YBR_FULL_422")


def measure_loading(person: Person, path: Path) -> tuple[float, float, float, Held]:
    """Seconds to read in this process, to the first picture, to the whole loop; how long the event loop was held."""
    from EchoKeyframeLib.cine.read import read_cine

    person.ui.detectOnLoadCheckBox.checked = False
    person.ui.filePathLineEdit.currentPath = str(path)
    started = time.perf_counter()
    read_cine(path)
    reading = time.perf_counter() - started
    shown: list[float] = []
    started = time.perf_counter()

    def done() -> bool:
        if not shown and slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode"):
            shown.append(time.perf_counter() - started)
        return not person.widget.logic.jobs.busy

    held, seconds = run(person, "loadButton", done)
    slicer.mrmlScene.Clear()
    return reading, shown[0], seconds, held


def loading_only(file: Path) -> None:
    """For ``--beside``: a round of loads each time a line comes, its figures as a line."""
    person = Person(application())
    measure_loading(person, file)
    for _ in sys.stdin:
        reading, first, whole, held = measure_loading(person, file)
        print("figures", reading, first, whole, held.clock, held.processor, flush=True)
    person.app.unload_module("EchoKeyframe")


def compare_loading(checkouts: list[Path], file: Path) -> None:
    """Loads by several checkouts in turns, so that whatever else the machine does meets all of them."""
    running = []
    for checkout in checkouts:
        testing = str(checkout / "Testing")
        command = [sys.executable, __file__, "--testing", testing, "--loading-only", str(file)]
        running.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    figures = np.zeros((len(checkouts), 5, 5))
    for turn in range(5):
        for number, process in enumerate(running):
            process.stdin.write("next\n")
            process.stdin.flush()
            line = next(line for line in process.stdout if line.startswith("figures"))
            figures[number, turn] = [float(value) for value in line.split()[1:]]
    for checkout, process, rounds in zip(checkouts, running, figures, strict=True):
        process.communicate()
        (reading, first, whole, _, _), worst = rounds.min(axis=0), rounds.max(axis=0)
        beyond = (rounds[:, 2] - rounds[:, 0]).min()
        print(f"loading, {checkout.name}: first picture {first:.2f} s, all {whole:.2f} s, reading {reading:.2f} s "
              f"(all beyond reading {beyond:.2f}); event loop held at most {worst[3]:.0f} ms "
              f"({worst[4]:.0f} ms processor)")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("frames", nargs="*", type=int, default=[30, 200, 1000], metavar="FRAMES")
    parser.add_argument("--detector", default="motion", metavar="NAME", help="as the panel lists them")
    parser.add_argument("--beside", type=Path, metavar="FOLDER", help="another checkout, to compare loading with")
    parser.add_argument("--testing", help=argparse.SUPPRESS)
    parser.add_argument("--loading-only", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.loading_only:
        loading_only(arguments.loading_only)
        return
    with tempfile.TemporaryDirectory() as folder:
        others = [arguments.beside] if arguments.beside else []
        compare_loading([TESTING.parent, *others], jpeg_loop(Path(folder) / "loop.dcm"))
    if not arguments.frames:
        return
    person = Person(application())
    for count in arguments.frames:
        measure(person, count, arguments.detector)
    person.app.unload_module("EchoKeyframe")


if __name__ == "__main__":
    main()
