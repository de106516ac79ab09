"""A loop is played as fast as it was taken."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import vtk


@dataclass
class _Run:
    """One stretch of playing at one rate. start, last: items, counted on over the loop's end; now: s, of ``last``."""

    rate: float
    began: float
    start: int
    last: int
    now: float


class PlaybackClock:
    """Corrects the frame on show while a sequence browser plays, until ``stop``.

    Slicer looks every 20 ms whether it is time for the next frame, and rounds to whole frames without keeping the rest:
    15 frames/s are played at 25, 25 to 40 at up to 50. Here the frame that is due by the clock takes the place of the
    one that Slicer chose, within the same event and so before it is drawn. Where frames must not be skipped
    (PlaybackItemSkippingEnabled off), it only holds back.

    seconds: the time, for tests.
    """

    def __init__(self, browser: Any, seconds: Callable[[], float] = time.monotonic) -> None:
        self._browser, self._seconds = browser, seconds
        self._run: _Run | None = None
        self._correcting = False
        # Before Slicer's own observers, which bring up the frame.
        self._tag: int | None = browser.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_modified, 1.0)

    def stop(self) -> None:
        """Leave the browser alone. May be called more than once."""
        if self._tag is not None:
            self._browser.RemoveObserver(self._tag)
            self._tag = None

    def _on_modified(self, *_arguments: Any) -> None:
        if self._correcting:
            return
        browser, count = self._browser, self._browser.GetNumberOfItems()
        if not browser.GetPlaybackActive() or count < 2:
            self._run = None
            return
        item, now, rate = browser.GetSelectedItemNumber(), self._seconds(), browser.GetPlaybackRateFps()
        run = self._run
        if run is None or run.rate != rate or not self._is_step(run, item, now, count):
            self._run = _Run(rate, now, item, item, now)
            return
        step = (item - run.last) % count
        if step:
            self._show(run, run.last + step, now, count)

    def _is_step(self, run: _Run, item: int, now: float, count: int) -> bool:
        """Whether playing can have led to an item; otherwise a person went there."""
        return (item - run.last) % count <= 1.5 + (now - run.now) * run.rate

    def _show(self, run: _Run, chosen: int, now: float, count: int) -> None:
        due = run.start + math.floor((now - run.began) * run.rate + 0.5)
        if not self._browser.GetPlaybackItemSkippingEnabled() and due > chosen:
            run.began, run.start, due = now, chosen, chosen  # late, and stays so: no frame is left out
        if not self._browser.GetPlaybackLooped():
            due = min(due, count - 1)
        run.last, run.now = due, now
        if due != chosen:
            self._correcting = True
            self._browser.SetSelectedItemNumber(due % count)
            self._correcting = False
