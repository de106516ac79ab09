"""The panel's choice of where the apex is, in step with the parameter node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ...cine.orientation import CHOICES


class OrientationList:
    """Fills a QComboBox. parameters: gives the parameter node, or None while there is no scene to speak of."""

    def __init__(self, selector: Any, parameters: Callable[[], Any | None]) -> None:
        self._selector, self._parameters = selector, parameters
        for words, choice in zip((_("found by itself"), _("at the top"), _("at the bottom")), CHOICES, strict=True):
            selector.addItem(words, choice)
        selector.connect("currentIndexChanged(int)", self._on_chosen)

    @property
    def chosen(self) -> str:
        """A word of ``orientation.CHOICES``."""
        return self._selector.itemData(self._selector.currentIndex)

    def show(self, orientation: str) -> None:
        """Choose one by its word."""
        self._selector.setCurrentIndex(list(CHOICES).index(orientation))

    def _on_chosen(self, index: int) -> None:
        parameters = self._parameters()
        if parameters and index >= 0:
            parameters.orientation = self._selector.itemData(index)
