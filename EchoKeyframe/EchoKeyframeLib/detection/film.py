"""What each frame of a file shows: something new, or again what was there; and where one stretch ends.

A loop that went through a film, or was cut, holds frames that the heart never made. Detectors are shown the
others; curves are carried back to all frames, so that keyframes keep the file's numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..cine.cine import Cine
from ..cine.finding import Finding, FindingKind
from ..cine.prepare import prepare
from ..cine.sector import Sector
from .cuts import find_cuts
from .pieces import Piece, pieces_between
from .repeats import Repeats, find_repeats, grain_changes, outlines, stretches
from .replays import shown_first

FRAME_SIZE = 112
"""Side in px of the frames that are looked at, as detectors see them."""

MOST_TOLD = 4
"""Places that a finding lists."""


@dataclass(frozen=True, eq=False)
class Film:
    """frames: prepared, uint8 ``[T, 112, 112]``. shows: int ``[T]``, the frame in which what is seen came first; itself
    where it is new. repeats: see there. pieces: from the first frame to the last, in order; one where nothing is cut.
    """

    frames: np.ndarray
    shows: np.ndarray
    repeats: Repeats
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, cine: Cine, sector: Sector) -> Film:
        """Look at a cine. Raises CineError where memory does not suffice."""
        return cls.of_prepared(prepare(cine, sector, FRAME_SIZE))

    @classmethod
    def of_prepared(cls, frames: np.ndarray) -> Film:
        """The same from prepared frames, uint8 ``[T, S, S]``."""
        count, (changes, strength) = len(frames), grain_changes(frames)
        repeats = find_repeats(frames, changes, strength)
        new = np.flatnonzero(repeats.new)
        latest = np.searchsorted(new, np.arange(count), side="right") - 1  # the new frame that is still to be seen
        shown = frames
        if len(new) < count:
            shown = frames[new]
            changes, _ = grain_changes(shown)
        small = outlines(shown)
        first = shown_first(shown, small, changes)
        again = first < np.arange(len(new))
        cuts = {*_seams(first), *(cut for cut in find_cuts(small, changes) if not again[cut])}
        pieces = pieces_between(new[sorted(cuts)], count, again[latest].tolist())
        return cls(frames, new[first][latest], repeats, pieces)

    @property
    def new(self) -> np.ndarray:
        """bool ``[T]``: shows what no frame before showed, and no mixture."""
        return self.shows == np.arange(len(self.shows))

    @property
    def replayed(self) -> np.ndarray:
        """bool ``[T]``: lies in a piece that shows again what was there."""
        replayed = np.zeros(len(self.shows), bool)
        for piece in self.pieces:
            replayed[piece.frames] = piece.replay
        return replayed

    def findings(self) -> tuple[Finding, ...]:
        """What a person should know about the film, one line for each kind."""
        frozen = self.repeats.frozen
        told = [
            _told(FindingKind.REPEATED, self.repeats.repeated & ~frozen, "repeat the one before and were left out"),
            _told(FindingKind.BLENDED, self.repeats.blended, "are mixtures of those beside them and were left out"),
            _told(FindingKind.FROZEN, frozen, "stand still and were left out"),
            _told(FindingKind.REPLAY, self.replayed, "show again what was there before, the same heart beats"),
            _told_cuts(self.pieces),
        ]
        return tuple(finding for finding in told if finding is not None)


def _seams(first: np.ndarray) -> list[int]:
    """Frames that do not show what follows, or in a run backwards precedes, that of the frame before."""
    steps = np.diff(first)
    turns = np.abs(steps) != 1
    turns[1:] |= steps[1:] != steps[:-1]
    turns[1:] &= ~((np.abs(steps[:-1]) != 1) & (np.abs(steps[1:]) == 1))  # told by the jump before
    return [int(turn) + 1 for turn in np.flatnonzero(turns)]


def _told(kind: FindingKind, flags: np.ndarray, what: str) -> Finding | None:
    runs = stretches(flags)
    if not runs:
        return None
    places = [f"{first} to {last}" if first < last else str(first) for first, last in runs[:MOST_TOLD]]
    more = f" and {len(runs) - MOST_TOLD} more places" if len(runs) > MOST_TOLD else ""
    count = int(flags.sum())
    text = f"{count} of {len(flags)} frames ({', '.join(places)}{more}) {what}"
    return Finding(kind, text, (runs[0][0], runs[-1][1]))


def _told_cuts(pieces: Sequence[Piece]) -> Finding | None:
    cuts = [piece.first for before, piece in pairwise(pieces) if not (before.replay or piece.replay)]
    if not cuts:
        return None
    more = f" and {len(cuts) - MOST_TOLD} more places" if len(cuts) > MOST_TOLD else ""
    places = ", ".join(map(str, cuts[:MOST_TOLD]))
    return Finding(FindingKind.SPLICE, f"the film is cut before frame {places}{more}", (cuts[0] - 1, cuts[-1]))
