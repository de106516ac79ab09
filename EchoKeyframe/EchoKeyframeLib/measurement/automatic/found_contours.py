"""Which contours are to be found, and what came of it. Imports nothing that Slicer does not bring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...detection.keyframes import Beat, Keyframe, Phase
from ..contour import Contour
from ..unfit import RefusedBeat

Wanted = Mapping[int, tuple[Keyframe, ...]]
"""Of beats, by their number, the keyframes whose contours are to be found."""


@dataclass(frozen=True, eq=False)
class FoundContours:
    """contours: those of beats in which all could be found. refused: the other beats. notes: one line each."""

    contours: tuple[Contour, ...]
    refused: tuple[RefusedBeat, ...] = ()
    notes: tuple[str, ...] = ()


def wanted_keyframes(beats: Iterable[Beat], given: Sequence[Contour] = ()) -> dict[int, tuple[Keyframe, ...]]:
    """What is to be found in beats that show both phases, where ``given`` contours stay."""
    wanted = {beat.number: _missing(beat, given) for beat in beats}
    return {number: keyframes for number, keyframes in wanted.items() if keyframes}


def none_whole(beats: Sequence[Beat]) -> tuple[RefusedBeat, ...]:
    """Why nothing can be found: no beat shows both phases."""
    reason = "no beat shows both ED and ES, so there is nothing to measure"
    return tuple(RefusedBeat(beat.number, tuple(map(str, beat.unfit)), reason) for beat in beats) or (
        RefusedBeat(0, (), "neither ED nor ES was found, so there is nothing to measure"),
    )


def _missing(beat: Beat, given: Sequence[Contour]) -> tuple[Keyframe, ...]:
    eds = [k for k in (beat.ed, beat.next_ed) if k is not None]
    if beat.es is None or not eds:
        return ()
    have = {(c.phase, c.frame) for c in given}
    missing = () if any((Phase.ED, k.frame) in have for k in eds) else (eds[0],)
    return missing if (Phase.ES, beat.es.frame) in have else (*missing, beat.es)
