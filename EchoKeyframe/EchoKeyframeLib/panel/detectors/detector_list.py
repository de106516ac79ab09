"""The panel's list of detectors, in step with the weights folder and the parameter node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from ...models.registry import SUFFIX
from .weights_folder import Detectors


class DetectorList:
    """Fills a QComboBox. parameters: gives the parameter node, or None while there is no scene to speak of.

    A scene keeps a detector's name: weights that a person added lie elsewhere on another computer.
    """

    def __init__(self, selector: Any, detectors: Detectors, parameters: Callable[[], Any | None]) -> None:
        self._selector, self._detectors, self._parameters = selector, detectors, parameters
        selector.connect("currentIndexChanged(int)", self._on_chosen)

    @property
    def chosen(self) -> str:
        """What ``load_detector`` takes."""
        return self._selector.itemData(self._selector.currentIndex)

    def update(self) -> None:
        """Fill the list anew, which changes when weights are added or removed."""
        parameters = self._parameters()
        self._selector.blockSignals(True)
        self._selector.clear()
        for title, model in self._detectors.names().items():
            self._selector.addItem(title, model)
        self._selector.setCurrentIndex(max(0, self._row(parameters.detector if parameters else "auto")))
        self._selector.blockSignals(False)
        self._on_chosen(self._selector.currentIndex)

    def show(self, detector: str) -> None:
        """Choose a detector by its name; one that is not in the list leaves the choice as it is."""
        row = self._row(detector)
        if row >= 0:
            self._selector.setCurrentIndex(row)

    def _row(self, detector: str) -> int:
        """-1 where there is none. Scenes of version 0.1.0 keep the path of added weights."""
        return self._selector.findText(PurePath(detector.replace("\\", "/")).name.removesuffix(SUFFIX))

    def _on_chosen(self, index: int) -> None:
        parameters = self._parameters()
        if parameters and index >= 0:
            parameters.detector = self._selector.itemText(index)
