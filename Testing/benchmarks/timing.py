"""Time as the benchmarks count it: the fastest of a few runs, by the clock that suits the device.

CPU, one thread: processor time of the process. Other programs cannot lengthen it by taking turns, only (by some ten per
cent) by sharing caches and memory, so that ratios hold on a busy machine too.
CPU, several threads: wall clock. Processor time would add up all threads, those that wait for others in a busy loop
included, as OpenMP's do: it says what the work costs, not how long it takes. Wall clock needs an idle machine.
GPU: wall clock, after waiting for the device: when a call returns, its work is only queued
(https://docs.pytorch.org/docs/stable/notes/cuda.html#asynchronous-execution).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec

import cv2

PATIENCE = 5.0
"""Seconds. On a CPU, work that takes longer is run once."""


class Clock:
    """Times work on a device, named as torch names it. threads: what ``use_threads`` allowed."""

    def __init__(self, device: str = "cpu", threads: int = 1, repeats: int = 3) -> None:
        self.device, self.repeats = device, max(1, repeats)
        self._on_cpu = device == "cpu"
        self._own_time = self._on_cpu and threads == 1

    @property
    def name(self) -> str:
        """What is measured, in words."""
        return "processor time" if self._own_time else "wall clock"

    def read(self) -> float:
        """Seconds since some moment, when all that the device was given to do is done."""
        wait_for(self.device)
        return time.process_time() if self._own_time else time.perf_counter()

    def seconds(self, work: Callable[[], object]) -> float:
        """Seconds of the fastest of ``repeats`` runs, after one to warm up.

        On a CPU that one is the measurement where it takes longer than ``PATIENCE``; a GPU spends as long on loading
        its kernels.
        """
        first = self._once(work)
        if self._on_cpu and first > PATIENCE:
            return first
        return min(self._once(work) for _ in range(self.repeats))

    def _once(self, work: Callable[[], object]) -> float:
        start = self.read()
        work()
        return self.read() - start


def wait_for(device: str) -> None:
    """Return when the device has done all that it was given; at once for a CPU, which is never behind."""
    kind = device.partition(":")[0]
    if kind == "cpu":
        return
    import torch

    if kind == "mps":
        torch.mps.synchronize()
    else:
        torch.cuda.synchronize(device)


def use_threads(count: int) -> None:
    """Let OpenCV, and torch where it is installed, use as many threads in this process."""
    cv2.setNumThreads(count)
    if find_spec("torch"):
        import torch

        torch.set_num_threads(count)
