"""Cost of a cine in the scene against bare nodes, and of the chart's cursor per step. Needs slicer-core.

python Testing/benchmarks/scene_load.py [--frames 200] [--height 600] [--width 800]
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time

import numpy as np
import psutil


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("frames", 200), ("height", 600), ("width", 800), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    shape = (arguments.frames, arguments.height, arguments.width, 3)
    print(f"{arguments.frames} frames of {arguments.height}x{arguments.width} RGB, {np.prod(shape) / 1e6:.0f} MB")
    bare = best([in_own_process(load_bare, shape) for _ in range(arguments.repeats)])
    ours = best([in_own_process(load_ours, shape) for _ in range(arguments.repeats)])
    for name, (seconds, megabytes) in (("bare nodes", bare), ("add_cine_sequence", ours)):
        print(f"{name:18} {seconds:6.2f} s  +{megabytes:5.0f} MB")
    print(f"{'ratio':18} {ours[0] / bare[0]:6.2f}    {ours[1] / bare[1]:6.2f}")
    with_cursor, without = in_own_process(step_costs, shape)
    print(f"a step of the browser: {without:.3f} ms without the cursor, {with_cursor:.3f} ms with it, "
          f"cursor {with_cursor - without:.3f} ms")  # fmt: skip


def best(runs: list[tuple[float, float]]) -> tuple[float, float]:
    """Least time and median memory: other work on the machine only ever adds time."""
    return min(seconds for seconds, _ in runs), statistics.median(megabytes for _, megabytes in runs)


def in_own_process(function, shape):
    """A fresh process each, so that memory that an earlier run freed does not hide what a later one takes."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, (shape,))


def load_bare(shape) -> tuple[float, float]:
    """The same volumes put into a sequence by hand, with nothing checked or described."""
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    scene, _logic = open_scene()
    frames = noise(shape)

    def load():
        sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode")
        template = slicer.vtkMRMLVectorVolumeNode()
        image = vtk.vtkImageData()
        image.SetDimensions(shape[2], shape[1], 1)
        for i, frame in enumerate(frames):
            image.GetPointData().SetScalars(numpy_to_vtk(frame.reshape(-1, 3)))
            template.SetAndObserveImageData(image)
            sequence.SetDataNodeAtValue(template, str(i))
        browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
        browser.AddSynchronizedSequenceNode(sequence)

    return cost(load)


def load_ours(shape) -> tuple[float, float]:
    from EchoKeyframeLib.scene import add_cine_sequence

    scene, _logic = open_scene()
    cine = noise_cine(shape)
    return cost(lambda: add_cine_sequence(scene, cine))


def step_costs(shape) -> tuple[float, float]:
    """Median ms of a browser step with and without the cursor, without any view that draws."""
    from EchoKeyframeLib.detection.keyframes import Curves
    from EchoKeyframeLib.scene import FrameCursor, add_cine_sequence, add_curves

    # Small images: what the step itself costs would drown the cursor's share.
    scene, _logic = open_scene()
    cine = noise_cine((shape[0], 32, 32, 3))
    sequence, browser = add_cine_sequence(scene, cine)
    chart = add_curves(sequence, Curves(np.full((len(cine), 2), 0.5, np.float32), cine.times, "noise"))
    without = step(browser, len(cine))
    cursor = FrameCursor(chart)
    with_cursor = step(browser, len(cine))
    cursor.stop()
    return with_cursor, without


def step(browser, count: int) -> float:
    durations = []
    for i in range(5 * count):
        started = time.perf_counter()
        browser.SetSelectedItemNumber((7 * i + 1) % count)
        durations.append(time.perf_counter() - started)
    return 1e3 * statistics.median(durations)


def cost(load) -> tuple[float, float]:
    process = psutil.Process()
    before, started = process.memory_info().rss, time.perf_counter()
    load()
    return time.perf_counter() - started, (process.memory_info().rss - before) / 1e6


def open_scene():
    """An empty scene with the logic that keeps proxies up to date."""
    import slicer

    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerSequencesLogic()
    logic.SetMRMLScene(scene)
    return scene, logic


def noise(shape) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def noise_cine(shape):
    from EchoKeyframeLib.cine.cine import Cine, Source

    return Cine(noise(shape), np.arange(shape[0]) / 50.0, Source("noise"), spacing=(0.3, 0.3), timing="made up")


if __name__ == "__main__":
    main()
