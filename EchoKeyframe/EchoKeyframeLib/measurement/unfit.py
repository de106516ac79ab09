"""Words for what makes a measured beat doubtful, or leaves it without a number."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ..detection.keyframes import Unfit


class Doubt(StrEnum):
    """Why a number is doubtful, or not given, beside what makes a beat unfit for measurement (``Unfit``)."""

    VIEW = "view not measured"
    """The view is known and none that the method of disks is for."""

    NOT_APICAL = "not apical"
    """The loop does not look like an apical view of the LV."""

    FORESHORTENED = "foreshortened"
    """The long axis changes as it cannot where the plane goes through the true apex."""

    LEAVES_SECTOR = "leaves the sector"
    """Part of the wall lies beyond the edge of the scan sector."""

    COLOUR = "colour over the cavity"
    """Flow or tissue Doppler hides the wall."""

    BORDER = "border uncertain"
    """The wall is not seen well enough on the frame."""

    ENDS = "apex or annulus uncertain"
    SIDES = "left and right uncertain"
    BROKEN = "no contour"
    """What was found on the frame is no ventricle: nothing, several parts, a border that crosses itself."""

    IMPLAUSIBLE = "implausible values"
    """No ventricle, or hardly one, has such numbers."""


ORDER = (*map(str, Unfit), *map(str, Doubt))
"""All words, in the order in which they are told; a tracer may have further ones."""


def in_order(*words: str) -> tuple[str, ...]:
    """Each word once, the known ones in ``ORDER``, others behind them."""
    known = [word for word in ORDER if word in words]
    return (*known, *dict.fromkeys(str(word) for word in words if word not in ORDER))


class LoopDoubt(NamedTuple):
    """What speaks against the borders of a whole loop. word: a value of ``Doubt`` or ``Unfit``. text: one line."""

    word: str
    text: str


@dataclass(frozen=True)
class RefusedBeat:
    """A beat that got no number. beat: 1-based number. unfit: why, in words. reason: one line that says more."""

    beat: int
    unfit: tuple[str, ...]
    reason: str
