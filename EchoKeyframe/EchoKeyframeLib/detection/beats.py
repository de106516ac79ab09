"""From keyframes to beats and heart rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from .keyframes import Beat, Keyframe, Phase
from .pieces import Piece, piece_at


def form_beats(
    keyframes: Sequence[Keyframe], pieces: Sequence[Piece] = ()
) -> tuple[tuple[Keyframe, ...], tuple[Beat, ...]]:
    """Group keyframes into beats: an ED opens a beat, the ES after it belongs to it, the next ED ends it.

    What the clip cuts off is missing from its first or last beat. A recording of half a cycle that runs from ES to ED
    (one of each, in that order) counts as one beat, because the two belong to one measurement.

    pieces: of the film; an ED in another piece ends no beat.

    Returns the keyframes in time order with their beat's number, and the beats.
    """
    ordered = sorted(keyframes, key=lambda k: (k.frame, k.phase))
    groups: list[list[Keyframe]] = []
    for keyframe in ordered:
        opens = keyframe.phase is Phase.ED or not groups or groups[-1][-1].phase is Phase.ES
        if opens:
            groups.append([keyframe])
        else:
            groups[-1].append(keyframe)
    if [[k.phase for k in group] for group in groups] == [[Phase.ES], [Phase.ED]]:
        groups = [groups[0] + groups[1]]
    groups = [[replace(k, beat=number) for k in group] for number, group in enumerate(groups, 1)]
    beats = []
    for number, group in enumerate(groups, 1):
        ed, es = _first(group, Phase.ED), _first(group, Phase.ES)
        following = _first(groups[number], Phase.ED) if number < len(groups) else None
        beats.append(_in_film(Beat(number, ed, es, following), groups[number - 2] if number > 1 else [], pieces))
    return tuple(k for group in groups for k in group), tuple(beats)


def without_unseen_end(keyframes: Sequence[Keyframe], frames: int) -> tuple[Keyframe, ...]:
    """The keyframes without one that the clip ends at: what sets off there is not seen, only expected.

    ED and ES are the moments at which the ventricle sets off, contracting or filling. At the clip's start the frames
    that follow show that; at its end nothing does, and readers mark nothing. The only keyframe of its kind stays: of a
    recording of systole alone, its last frame is the best there is. frames: how many the clip has.
    """
    return tuple(
        k for k in keyframes
        if not k.at_edge or 2 * k.frame < frames or not any(o.phase is k.phase and o is not k for o in keyframes)
    )


def _in_film(beat: Beat, before: Sequence[Keyframe], pieces: Sequence[Piece]) -> Beat:
    """The beat with what cuts make of it. before: keyframes of the beat before."""
    found = [k for k in (beat.ed, beat.es) if k is not None]
    if len(pieces) < 2 or not found:
        return beat
    places = {piece_at(pieces, k.frame) for k in found}
    following = beat.next_ed
    if following is not None and piece_at(pieces, following.frame) not in places:
        following = None
    alone = len(found) == 1 and (
        (beat.next_ed is not None and following is None)
        or (bool(before) and piece_at(pieces, before[-1].frame) not in places)
    )
    replayed = any(pieces[place].replay for place in places)
    return replace(beat, next_ed=following, spliced=len(places) > 1 or alone, replayed=replayed)


EDGE_RATE = "the heart rate is uncertain: it rests on keyframes at the clip's edge, whose true place may lie outside"
"""Warning where there is a ``heart_rate`` but no ``certain_heart_rate``."""


def heart_rate(keyframes: Iterable[Keyframe], pieces: Sequence[Piece] = ()) -> float | None:
    """Beats per minute: 60 over the median interval between neighbouring keyframes of one kind.

    Intervals that touch the clip's edge count only if there are no others; those across a cut of the film, or in a
    replay, do not. None where no kind occurs twice.
    """
    certain, uncertain = _intervals(keyframes, pieces)
    return _rate(certain or uncertain)


def certain_heart_rate(keyframes: Iterable[Keyframe], pieces: Sequence[Piece] = ()) -> float | None:
    """``heart_rate`` from intervals that do not touch the clip's edge, None where there are none."""
    return _rate(_intervals(keyframes, pieces)[0])


def _intervals(keyframes: Iterable[Keyframe], pieces: Sequence[Piece]) -> tuple[list[float], list[float]]:
    """Seconds between neighbouring keyframes of one kind: those inside the clip, and those that touch its edge."""
    certain: list[float] = []
    uncertain: list[float] = []
    for before, after in pairwise(sorted(keyframes, key=lambda k: (k.phase, k.time))):
        place = piece_at(pieces, before.frame)
        within = not pieces or (place == piece_at(pieces, after.frame) and not pieces[place].replay)
        if before.phase is after.phase and within:
            (uncertain if before.at_edge or after.at_edge else certain).append(after.time - before.time)
    return certain, uncertain


def _rate(intervals: list[float]) -> float | None:
    return float(60.0 / np.median(intervals)) if intervals else None


def _first(keyframes: Sequence[Keyframe], phase: Phase) -> Keyframe | None:
    return next((k for k in keyframes if k.phase is phase), None)
