"""Stretches of a file that one recording fills from end to end: what a cut film is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """Frames ``first`` to ``last``, the last included. replay: they show again what a piece before showed."""

    first: int
    last: int
    replay: bool = False

    @property
    def frames(self) -> slice:
        return slice(self.first, self.last + 1)


def pieces_between(cuts: Iterable[int], count: int, replayed: Sequence[bool] = ()) -> tuple[Piece, ...]:
    """The pieces of ``count`` frames that begin at 0 and at each of ``cuts``; ``replayed`` tells of each frame whether
    it is a replay."""
    starts = [0, *sorted({int(cut) for cut in cuts if 0 < cut < count})]
    stops = [*starts[1:], count]
    return tuple(
        Piece(start, stop - 1, 2 * sum(map(bool, replayed[start:stop])) > stop - start)
        for start, stop in zip(starts, stops, strict=True)
    )


def piece_at(pieces: Sequence[Piece], frame: int) -> int:
    """Index of the piece that holds a frame; 0 where there are none."""
    return max((i for i, piece in enumerate(pieces) if piece.first <= frame), default=0)
