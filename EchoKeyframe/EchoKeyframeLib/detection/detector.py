"""What every detector offers, and the way from a cine to its keyframes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..cine.cine import Cine
from ..cine.sector import Sector
from .keyframes import Curves

Progress = Callable[[float], None]
"""Called with the fraction done in [0, 1]. It may raise ``Cancelled``, which ends the detection."""


class Detector(Protocol):
    """Turns a cine into ED and ES curves.

    name: what results are signed with. device: where it computes, as torch names it: ``"cpu"``, ``"cuda:0"``...
    """

    name: str
    device: str

    def curves(self, cine: Cine, sector: Sector, progress: Progress | None = None) -> Curves:
        """ED and ES probability of every frame of the cine."""
        ...
