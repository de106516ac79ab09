"""What several readers marked in one clip, and their majority vote."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..detection.keyframes import Phase
from .clip_labels import ClipLabels, LabelError
from .decided import intersection, spans_between, typical_beat, union
from .split import Split

LARGEST_DISTANCE = 0.25
"""Readers' frames further apart than this, in s, are never the same keyframe (as in the evaluation's matching)."""

FRAMES_WITHOUT_RATE = 8.0
"""The same in frames where a clip's frame rate is unknown and no beat is labelled: 0.25 s at about 30 per second."""


@dataclass(frozen=True)
class Mark:
    """One keyframe and the readers who marked it. frame: median of theirs; spread: largest less smallest, frames."""

    phase: Phase
    frame: float
    readers: tuple[str, ...]
    spread: float


@dataclass(frozen=True)
class Consensus:
    """A clip's labels by majority vote.

    accepted: marked by more than half of the readers. disputed: by exactly half (one of two), so that nothing is
    decided around them. rejected: by fewer.
    """

    labels: ClipLabels
    accepted: tuple[Mark, ...]
    disputed: tuple[Mark, ...]
    rejected: tuple[Mark, ...]


@dataclass(frozen=True)
class ClipReadings:
    """One clip's labels by reader (``""`` where the table names none).

    A second reading by the same person is named ``NAME:2``: it serves the agreement within a reader and has no vote.
    patient: any key that tells patients apart; never shown.
    """

    by_reader: Mapping[str, ClipLabels]
    patient: str | None = field(default=None, repr=False)
    split: Split | None = None

    @property
    def file(self) -> str:
        return next(iter(self.by_reader.values())).file

    @property
    def voters(self) -> dict[str, ClipLabels]:
        """The first reading of each person."""
        first: dict[str, str] = {}
        for name in sorted(self.by_reader, key=reading_number):
            first.setdefault(person(name), name)
        return {name: labels for name, labels in self.by_reader.items() if name in first.values()}

    @cached_property
    def consensus(self) -> Consensus:
        """See ``majority``."""
        return majority(self.voters)


def person(reader: str) -> str:
    """Whose reading it is: ``anna`` for ``anna:2``."""
    name, colon, number = reader.rpartition(":")
    return name if colon and number.isdigit() else reader


def reading_number(reader: str) -> int:
    """Which of a person's readings it is: 2 for ``anna:2``, 1 for ``anna``."""
    return 1 if person(reader) == reader else int(reader.rpartition(":")[2])


def majority(readings: Mapping[str, ClipLabels]) -> Consensus:
    """The keyframes that more than half of the readers marked, each at the median of their frames.

    Frames of one phase are the same keyframe if they come from different readers and lie within ``tolerance``. Those
    who vote on a keyframe are the readers whose labels decide its frame. The median is the frame that most readers
    chose wherever more than half chose one; for two readers it is the mean. Exactly half of the votes (one reader of
    two) decide nothing: between the accepted keyframes on both sides, all frames are then undecided, and likewise
    where accepted keyframes do not alternate. A disputed virtual keyframe outside the clip is left out without that.

    One reader: their own labels, unchanged. Raises LabelError where readings differ on length, rate or view.
    """
    first = next(iter(readings.values()))
    if len(readings) == 1:
        marks = tuple(Mark(phase, frame, tuple(readings), 0.0) for frame, phase in first.in_order())
        return Consensus(first, marks, (), ())
    marks = {"accepted": [], "disputed": [], "rejected": []}
    for mark in _marks(readings):
        marks[_verdict(mark, readings)].append(mark)
    accepted = marks["accepted"]
    frames = _shared([r.frames for r in readings.values()], first.file, "frames")
    inside = [m for m in marks["disputed"] if 0 <= m.frame <= (math.inf if frames is None else frames - 1)]
    labels = ClipLabels(
        first.file,
        *(tuple(m.frame for m in accepted if m.phase is phase) for phase in Phase),
        frames,
        _shared([r.fps for r in readings.values()], first.file, "fps"),
        _shared([r.view for r in readings.values()], first.file, "view"),
        _decided(accepted, inside, readings, frames),
    )
    return Consensus(labels, *(tuple(marks[verdict]) for verdict in ("accepted", "disputed", "rejected")))


def tolerance(readings: Sequence[ClipLabels]) -> float:
    """How far apart, in frames, two readers' marks of one keyframe may lie: 0.25 s, at most half the shortest beat."""
    beats = [float(np.diff(r.of(phase)).min()) for r in readings for phase in Phase if len(r.of(phase)) > 1]
    if not beats:
        beats = [typical_beat(r.es[0] - r.ed[0]) for r in readings if r.ed and r.es]
    limits = [0.5 * min(beats)] if beats else []
    rates = [r.fps for r in readings if r.fps]
    limits += [LARGEST_DISTANCE * rates[0]] if rates else []
    return min(limits) if limits else FRAMES_WITHOUT_RATE


def _marks(readings: Mapping[str, ClipLabels]) -> list[Mark]:
    """Every reader's keyframes, those of one keyframe together, by position."""
    limit = tolerance(list(readings.values()))
    marks = []
    for phase in Phase:
        groups: list[list[tuple[float, str]]] = []
        for frame, reader in sorted((f, name) for name, r in readings.items() for f in r.of(phase).tolist()):
            group = groups[-1] if groups else []
            if group and frame - group[0][0] <= limit and reader not in {name for _, name in group}:
                group.append((frame, reader))
            else:
                groups.append([(frame, reader)])
        for group in groups:
            at = [frame for frame, _ in group]
            marks.append(Mark(phase, float(np.median(at)), tuple(name for _, name in group), at[-1] - at[0]))
    return sorted(marks, key=lambda mark: (mark.frame, mark.phase))


def _verdict(mark: Mark, readings: Mapping[str, ClipLabels]) -> str:
    at = max(0, round(mark.frame))
    voters = {name for name, r in readings.items() if r.decided is None or r.decided_frames(at + 1)[at]}
    votes = 2 * len(mark.readers)
    total = len(voters | set(mark.readers))
    return "accepted" if votes > total else "disputed" if votes == total else "rejected"


def _decided(
    accepted: Sequence[Mark], disputed: Sequence[Mark], readings: Mapping[str, ClipLabels], frames: int | None
) -> tuple[tuple[int, int], ...] | None:
    positions = [mark.frame for mark in accepted]
    unclear = {int(np.searchsorted(positions, mark.frame)) for mark in disputed}
    unclear |= {i for i in range(1, len(accepted)) if accepted[i].phase is accepted[i - 1].phase}
    seen = union([r.decided for r in readings.values()])
    if not unclear:
        return seen
    return intersection(seen, spans_between([(m.frame, m.phase) for m in accepted], unclear, frames))


def _shared(values: Sequence, file: str, what: str):
    known = {value for value in values if value is not None}
    if len(known) > 1:
        raise LabelError(file, f"its readers give different {what} ({', '.join(map(str, sorted(known)))})")
    return known.pop() if known else None

