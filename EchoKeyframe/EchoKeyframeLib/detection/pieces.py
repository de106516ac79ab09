"""Stretches of a file that one recording fills from end to end: what a cut film is made of."""

from __future__ import annotations

import re
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


def pieces_text(pieces: Iterable[Piece]) -> str:
    """Such as ``0-39 40-79r``: first and last frame of each, ``r`` behind replays."""
    return " ".join(f"{piece.first}-{piece.last}{'r' * piece.replay}" for piece in pieces)


def pieces_of_text(text: str) -> tuple[Piece, ...]:
    """What ``pieces_text`` told; none where it is something else."""
    found = re.fullmatch(r"(\d{1,9}-\d{1,9}r?( |$))*", text)
    parts = re.findall(r"(\d+)-(\d+)(r?)", text) if found else []
    return tuple(Piece(int(first), int(last), bool(replay)) for first, last, replay in parts)


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
