"""The benchmarks' clock: which time it reads, and of which runs."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def timing():
    spec = importlib.util.spec_from_file_location("benchmark_timing", BENCHMARKS / "timing.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Seconds:
    """A clock that only work moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, *durations: float):
        """Work that takes each of these in turn."""
        left = iter(durations)

        def run() -> None:
            self.now += next(left)

        return run


@pytest.fixture
def processor(monkeypatch) -> Seconds:
    seconds = Seconds()
    monkeypatch.setattr(time, "process_time", seconds)
    monkeypatch.setattr(time, "perf_counter", lambda: pytest.fail("wall clock"))
    return seconds


@pytest.fixture
def wall(monkeypatch) -> Seconds:
    seconds = Seconds()
    monkeypatch.setattr(time, "perf_counter", seconds)
    monkeypatch.setattr(time, "process_time", lambda: pytest.fail("processor time"))
    return seconds


def test_the_fastest_run_counts_and_not_the_one_that_warms_up(timing, processor):
    assert timing.Clock(repeats=3).seconds(processor.work(0.5, 3.0, 2.0, 4.0)) == 2.0


def test_long_work_runs_once_on_a_cpu(timing, processor):
    assert timing.Clock().seconds(processor.work(timing.PATIENCE + 1)) == timing.PATIENCE + 1


def test_several_threads_are_timed_by_the_wall(timing, wall):
    clock = timing.Clock(threads=2, repeats=1)
    assert (clock.seconds(wall.work(1.0, 2.0)), clock.name) == (2.0, "wall clock")


def test_a_gpu_is_warmed_up_and_waited_for_before_each_reading(timing, wall, monkeypatch):
    waited = []

    def synchronize(device) -> None:
        """The work of a GPU takes its time only while it is waited for."""
        waited.append(device)
        wall.now += queued.pop() if queued else 0.0

    queued: list[float] = []
    durations = iter([60.0, 3.0, 2.0])
    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    clock = timing.Clock("cuda:1", repeats=2)
    assert clock.seconds(lambda: queued.append(next(durations))) == 2.0
    assert waited == ["cuda:1"] * 6


def test_every_part_of_the_whole_run_is_a_script_that_takes_its_arguments(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import run_all

    for quick in (False, True):
        for script, *arguments in run_all.parts(quick, "cuda"):
            source = (BENCHMARKS / script).read_text(encoding="utf-8")
            assert [word for word in arguments if word.startswith("--") and f'"{word}"' not in source] == []
