"""What a loop was found to show: an apical view of the left ventricle, or another one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

APICAL_VIEWS = ("A4C", "A2C", "A3C", "A5C")


class ViewFound(StrEnum):
    """The values stand in result files: none is ever renamed."""

    APICAL = "apical"
    NOT_APICAL = "not apical"

    @classmethod
    def of_view(cls, view: str | None) -> ViewFound | None:
        """What a view's name says (``"A4C"``, ``"PLAX"``); None where there is none."""
        if not view:
            return None
        return cls.APICAL if view.upper() in APICAL_VIEWS else cls.NOT_APICAL


@dataclass(frozen=True)
class SeenView:
    """confidence: probability in [0.5, 1] that the loop shows what ``found`` says (``find_view``)."""

    found: ViewFound
    confidence: float
