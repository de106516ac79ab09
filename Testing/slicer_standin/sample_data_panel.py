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
        for _category, name, downloader, _thumbnail in SampleData.SampleDataLogic.sources:
            button = QToolButton()
            button.text, button.objectName = name, f"{name}PushButton"
            button.connect("clicked()", lambda downloader=downloader: downloader())
            QtWidgets.QWidget.layout(self.parent).addWidget(button)

    def enter(self):
        """Slicer's."""

    exit = cleanup = enter


def install():
    """Let the person open the module."""
    SampleData.SampleDataWidget = SampleDataWidget
    slicer.modules.sampledata = None
