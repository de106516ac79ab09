"""The panel of Slicer's module Sample Data: a button for each sample that a module has registered."""

from __future__ import annotations

import SampleData
import slicer
from PySide6 import QtWidgets

from .pythonqt import QToolButton


class SampleDataWidget:
    """Its buttons bear the names that the true one gives them."""

    def __init__(self, parent):
        self.parent = parent

    def setup(self):
        for source in (source for sources in slicer.modules.sampleDataSources.values() for source in sources):
            button = QToolButton()
            button.text, button.objectName = source.sampleDescription, f"{source.sampleName}PushButton"
            button.connect("clicked()", lambda source=source: source.customDownloader(source))
            QtWidgets.QWidget.layout(self.parent).addWidget(button)

    def enter(self):
        """Slicer's."""

    exit = cleanup = enter


def install():
    """Let the person open the module."""
    SampleData.SampleDataWidget = SampleDataWidget
    slicer.modules.sampledata = None
