"""What is under way in the background: its progress in the panel, the Cancel button, and a line for each end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import qt
from slicer.i18n import tr as _

from ..cine.cine import CineError
from ..cine.orientation import Orientation
from ..detection.keyframes import Detection
from ..worker.process import WorkerError
from .jobs.jobs import Jobs, Report

POLL_MILLISECONDS = 10
"""Each call works for up to 30 ms while frames are handed over; the application has the time in between."""


class ProgressPanel:
    """Asks the jobs on a timer what happened.

    say: shows one line to the person. show: called with each report but progress. changed: called when something may
    have begun or ended.
    """

    def __init__(
        self,
        ui: Any,
        jobs: Jobs,
        say: Callable[[str], None],
        show: Callable[[Report], None],
        changed: Callable[[], None],
    ) -> None:
        self._ui, self._jobs, self._say, self._show, self._changed = ui, jobs, say, show, changed
        self._closed_while_busy = False
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MILLISECONDS)
        self._timer.connect("timeout()", self._on_timer)
        ui.cancelButton.connect("clicked()", self.cancel)
        ui.cancelButton.enabled = ui.progressBar.visible = False

    def start(self, request: Callable[[], Any]) -> None:
        """Make a request; what it raises is a line in the panel."""
        self._closed_while_busy = False
        try:
            request()
        except (CineError, WorkerError, RuntimeError) as error:
            self._say(str(error))
        if self._jobs.busy:
            self._timer.start()
        self._update()

    def cancel(self) -> None:
        """Give up everything that is under way."""
        self._take(self._jobs.cancel())

    def end_with_scene(self) -> None:
        """The scene is closed: what is under way is for nodes that go."""
        if self._jobs.busy:
            self.cancel()
            self._closed_while_busy = True
            self._say(_("The scene was closed: what was under way is cancelled."))

    def stop(self) -> None:
        """Ask no more. May be called more than once."""
        self._timer.stop()

    def _on_timer(self) -> None:
        self._timer.stop()  # an error that nobody expects is not met again and again; a dialog is not asked twice
        try:
            self._take(self._jobs.poll())
        except Exception:
            self._jobs.stop()
            self._say(_("What was under way ended by an unexpected error; the Python console says more."))
            raise
        finally:
            self._update()
        if self._jobs.busy:
            self._timer.start()

    def _take(self, reports: Iterable[Report]) -> None:
        for report in reports:
            if report.kind == "progress":
                self._show_progress(report)
            elif report.kind != "cancelled" or not self._closed_while_busy:  # the closing was told
                self._say("\n".join([report.message, *_noticed(report.detection)]))
                self._show(report)

    def _show_progress(self, report: Report) -> None:
        waiting = self._jobs.waiting - 1
        more = _(" ({count} more waiting)").format(count=waiting) if waiting else ""
        self._ui.progressBar.setValue(round(1000 * report.fraction))
        self._ui.statusLabel.text = f"{report.job.name}: {report.message}{more}"

    def _update(self) -> None:
        self._ui.cancelButton.enabled = self._ui.progressBar.visible = self._jobs.busy
        self._changed()


def _noticed(detection: Detection | None) -> tuple[str, ...]:
    """What a person should know about a detection, a line each."""
    if detection is None:
        return ()
    if detection.orientation is not Orientation.APEX_DOWN:
        return detection.warnings
    return (_("The apex of the image is at the bottom; the loop was looked at upside down."), *detection.warnings)
