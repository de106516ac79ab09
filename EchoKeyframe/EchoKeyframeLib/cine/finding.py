"""What was understood of a file where it is odd: as data, beside the words for a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """What a finding is about. The values stand in result files: none is ever renamed."""

    TIMING = "timing"
    SPACING = "spacing"
    PHOTOMETRIC = "photometric"
    SYNTAX = "syntax"
    LOST_FRAMES = "lost frames"
    REPEATED = "repeated"
    BLENDED = "blended"
    FROZEN = "frozen"
    SPLICE = "splice"
    REPLAY = "replay"
    COLOUR = "colour"
    ORIENTATION = "orientation"
    NO_BEATS = "no beats"


@dataclass(frozen=True)
class Finding:
    """One odd thing about a cine.

    frames: first and last frame concerned, counted from 0, the last included; None where it is the whole cine.
    text: what was contradictory, which was believed and what follows, in one line without the file's name.
    """

    kind: FindingKind
    text: str
    frames: tuple[int, int] | None = None
