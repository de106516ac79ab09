"""Waiting while the application works, and how long it was held up meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

import qt
import slicer
from outcome import Failed

TICK_MILLISECONDS = 4


class Pulse:
    """A timer whose longest pause is the longest hold of the event loop."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.monotonic()
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK_MILLISECONDS)
        self._timer.connect("timeout()", self._beat)
        self._timer.start()

    def restart(self) -> None:
        self.longest, self._last = 0.0, time.monotonic()

    def _beat(self) -> None:
        now = time.monotonic()
        self.longest, self._last = max(self.longest, now - self._last), now


def let_work(seconds: float = 0.0) -> None:
    """Let the application handle its events, for so long at least."""
    deadline = time.monotonic() + seconds
    while True:
        slicer.app.processEvents()
        if time.monotonic() >= deadline:
            return
        time.sleep(0.002)


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Let the application work until something holds; Failed after so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not after {seconds:g} s")
        slicer.app.processEvents()
        time.sleep(0.001)
    slicer.app.processEvents()
