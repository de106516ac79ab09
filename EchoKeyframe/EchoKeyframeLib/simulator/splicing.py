"""A film cut from a loop: it jumps within it, starts it again, or runs it forwards and backwards.

Each piece shows frames of the loop one after another, so the keyframes of a piece are those of the loop, moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .draws import Draws
from .variants import Variants

SHORTEST = 8
"""Frames of a piece."""

LEAST_JUMP = 4
"""Frames of the loop by which a cut jumps, at least."""

BACKWARDS = 0.25
"""Share of the replays that run forwards and backwards."""


@dataclass(frozen=True)
class Piece:
    """Frames ``start`` to ``stop - 1`` of the film show the loop's from ``first`` on, ``step`` (1 or -1) apart."""

    start: int
    stop: int
    first: int
    step: int = 1

    def shown(self) -> np.ndarray:
        """Frames of the loop, int ``[stop - start]``."""
        return self.first + self.step * np.arange(self.stop - self.start)

    def moved(self, frames: np.ndarray, first: bool, last: bool) -> np.ndarray:
        """Places in the film of events at these (fractional) frames of the loop. first, last: of the film, whose pieces
        keep the events before and behind them."""
        places = np.sort(self.start + self.step * (np.asarray(frames) - self.first))
        low, high = (-np.inf if first else self.start - 0.5), (np.inf if last else self.stop - 0.5)
        return places[(places >= low) & (places < high)]


class Splicing:
    """The pieces of B films of T frames; a clip that has neither part is one piece, as it was."""

    def __init__(self, draws: Draws, variants: Variants, frames: int) -> None:
        cut, again = (variants[part].flatten().tolist() for part in ("splice", "replay"))
        plans = [(_cut(g, frames), _replayed(g, frames)) for g in draws.generators]
        self.pieces = [
            replayed if again[i] else spliced if cut[i] else [Piece(0, frames, 0)]
            for i, (spliced, replayed) in enumerate(plans)
        ]

    @property
    def any(self) -> bool:
        return any(len(pieces) > 1 for pieces in self.pieces)

    def shown(self, values: Tensor) -> Tensor:
        """Frame by frame ``[B, T, ...]`` what the film shows of these values."""
        return torch.stack([
            clip[torch.from_numpy(np.concatenate([piece.shown() for piece in pieces])).to(clip.device)]
            for clip, pieces in zip(values, self.pieces, strict=True)
        ])  # fmt: skip

    def moved(self, clip: int, times: np.ndarray, fps: float) -> np.ndarray:
        """Times in s at which the film shows events at these times of the loop."""
        pieces = self.pieces[clip]
        if len(pieces) == 1:
            return times
        ends = [(i == 0, i == len(pieces) - 1) for i in range(len(pieces))]
        return np.concatenate([p.moved(times * fps, *end) for p, end in zip(pieces, ends, strict=True)]) / fps

    def cuts(self) -> list[tuple[int, ...]]:
        """For each clip the frames at which a piece begins but the first."""
        return [tuple(piece.start for piece in pieces[1:]) for pieces in self.pieces]


def _cut(rng: np.random.Generator, frames: int) -> list[Piece]:
    """Two or three pieces, each from anywhere in the loop but where the one before would have gone on."""
    count = min(int(rng.integers(2, 4)), frames // SHORTEST)
    spare = frames - count * SHORTEST
    if count < 2:
        return [Piece(0, frames, 0)]
    starts = np.sort(rng.integers(0, spare + 1, count - 1)) + SHORTEST * np.arange(1, count)
    bounds = [0, *starts.tolist(), frames]
    pieces: list[Piece] = []
    for start, stop in pairwise(bounds):
        firsts = np.arange(frames - (stop - start) + 1)
        if pieces:
            follows = pieces[-1].first + pieces[-1].stop - pieces[-1].start
            far = firsts[np.abs(firsts - follows) >= LEAST_JUMP]
            firsts = far if len(far) else firsts
        pieces.append(Piece(start, stop, int(rng.choice(firsts))))
    return pieces


def _replayed(rng: np.random.Generator, frames: int) -> list[Piece]:
    """The loop's beginning again and again, or forwards and backwards, its end frames once."""
    backwards, share = rng.random() < BACKWARDS, rng.uniform(0.25, 0.6)
    period = int(np.clip(round(share * frames), SHORTEST, max(SHORTEST, frames - SHORTEST)))
    pieces = [Piece(0, min(period, frames), 0)]
    while pieces[-1].stop < frames:
        start = pieces[-1].stop
        if not backwards:
            pieces.append(Piece(start, min(start + period, frames), 0))
            continue
        step = -pieces[-1].step
        first = period - 2 if step < 0 else 1
        pieces.append(Piece(start, min(start + period - 1, frames), first, step))
    return pieces
