"""Isolates the scan sector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cine import Box


@dataclass(frozen=True, eq=False)
class Sector:
    """Where in the image echoes are drawn.

    mask: bool ``[H, W]``, True inside the scan sector; ECG, text, colour bars and logos lie outside.
    box: the mask's bounding box. shape: ``"sector"`` (phased array), ``"curved"``, ``"linear"`` or ``"frame"``, the last
    where no sector was found and the whole frame is used (``note`` says why).
    """

    mask: np.ndarray
    box: Box
    shape: str
    note: str = ""

    @property
    def found(self) -> bool:
        return self.shape != "frame"
