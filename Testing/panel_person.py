"""A person at the module's panel, in the Slicer stand-in."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="needs PySide6-Essentials and Qt's libraries", exc_type=ImportError)
pytest.importorskip("mrml_scene")

import slicer
import slicer_standin

MODULE = Path(__file__).resolve().parent.parent / "EchoKeyframe" / "EchoKeyframe.py"


@functools.cache
def application():
    """The one application of this process, with the module loaded."""
    folder = Path(tempfile.mkdtemp(prefix="echokeyframe-standin-"))
    app = slicer_standin.install(folder)
    app.load_module(MODULE)
    return app


class Person:
    """Presses buttons and waits for what comes of it."""

    def __init__(self, app):
        self.app = app
        self.widget = slicer.util.selectModule("EchoKeyframe")
        self.ui = self.widget.ui

    @property
    def status(self) -> str:
        return self.ui.statusLabel.text

    @property
    def found(self) -> list[tuple[str, int]]:
        """Phase and frame of each row of the panel's table."""
        table = self.ui.keyframeTable
        return [(table.item(row, 1).text(), int(table.item(row, 2).text())) for row in range(table.rowCount)]

    @property
    def table(self):
        """The keyframe table node of the chosen sequence."""
        return self.ui.sequenceSelector.currentNode().GetNodeReference("EchoKeyframe.KeyframeTable")

    @property
    def frame(self) -> int:
        """The frame on show."""
        from EchoKeyframeLib.scene import current_frame

        return current_frame(self.ui.sequenceSelector.currentNode())

    def choose(self, sequence) -> None:
        self.ui.sequenceSelector.setCurrentNode(sequence)
        self.app.processEvents()

    def press(self, button: str) -> None:
        """Click a button; one that is greyed out does not react."""
        getattr(self.ui, button).click()
        self.app.processEvents()

    def click_row(self, row: int) -> None:
        self.ui.keyframeTable.setCurrentCell(row, 0)
        self.ui.keyframeTable.cellClicked.emit(row, 0)

    def wait(self, until=None, seconds: float = 60.0) -> None:
        """Let the application run until nothing is under way, or ``until`` holds."""
        until = until or (lambda: not self.widget.logic.jobs.busy)
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, f"still busy after {seconds} s: {self.status}"
            self.app.processEvents()
            time.sleep(0.005)
        self.app.processEvents()


@contextmanager
def at_the_panel() -> Iterator[Person]:
    """A person with the module open on an empty scene. At the end nothing may have raised."""
    app = application()
    app.failures.clear()
    slicer.mrmlScene.Clear()
    person = Person(app)
    person.ui.detectOnLoadCheckBox.checked = True
    yield person
    person.widget.cancel()
    person.wait()
    slicer.mrmlScene.Clear()
    app.processEvents()
    assert app.failures == []


def beating_sequence(count: int = 60, size: int = 96, rate: float = 30.0):
    """A drawn ring that pulses once a second, as a sequence in the scene: ED at 0, 30, ...; ES at 15, 45, ..."""
    from drawn_ventricle import beating_frames
    from EchoKeyframeLib.cine.cine import Cine, Source
    from EchoKeyframeLib.scene import add_cine_sequence

    cine = Cine(beating_frames(count, rate, size=size), np.arange(count) / rate, Source("beating.avi"))
    return add_cine_sequence(slicer.mrmlScene, cine)[0]
