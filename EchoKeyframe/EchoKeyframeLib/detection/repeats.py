"""Frames that show nothing new: repeated, blended from their neighbours, or frozen, as films of films have them.

What is looked at is the picture's finest grain: speckle of a beating heart is never twice the same, also where it
hardly moves, while a repetition differs by what a second compression leaves, if at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

REPEAT = 0.25
"""Share of the usual change of the grain around it below which a frame may repeat the one before."""

GAP = 2.0
"""How many times smaller than all other changes those of repetitions are: a heart's changes go over into one another.
In 200 simulated clips without repetitions no change below ``REPEAT`` was followed by one 1.7 times as large; in films
made from films it was 2.6 times and more."""

NO_CHANGE = 0.02
"""Share of the usual change that counts as none."""

FAINTEST = 1.0
"""Strength of the grain, in gray levels, below which a picture counts as blank."""

MOVES = 0.9
"""Share of the changes that may be repetitions: a film shows a picture up to ten times."""

NEAR = 12
"""Frames to either side that make the usual change."""

BLEND = 0.86
"""A mixture of two pictures has less grain than both: this share of its less grainy neighbour's."""

FEWEST_BLENDS = 3
"""In a film; fewer are a cloud of colour, or a shadow, that comes and goes."""

LONGEST_REPEAT = 2
"""Repetitions of one frame up to which a film is no frozen one: recordings often repeat their last frame or two."""

_SIDE = 24  # px of an outline


@dataclass(frozen=True, eq=False)
class Repeats:
    """bool ``[T]`` each. repeated: shows the frame before again. frozen: those among them that stand longer than the
    film's usual repetition. blended: a mixture of the frames beside it."""

    repeated: np.ndarray
    frozen: np.ndarray
    blended: np.ndarray

    @property
    def new(self) -> np.ndarray:
        return ~(self.repeated | self.blended)


def outlines(frames: np.ndarray) -> np.ndarray:
    """Prepared frames, uint8 ``[T, S, S]``, without their grain: uint8 ``[T, 24, 24]``."""
    return np.stack([cv2.resize(frame, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for frame in frames])


def find_repeats(frames: np.ndarray, changes: np.ndarray, grain: np.ndarray) -> Repeats:
    """From prepared frames, uint8 ``[T, S, S]`` with S about 112, and their ``grain_changes``."""
    count = len(frames)
    none = np.zeros(count, bool)
    if count < 4 or not changes.any():  # a still: nothing in it is less new than the rest
        return Repeats(none, none, none)
    repeated = none.copy()
    level = np.maximum(np.minimum(grain[1:], grain[:-1]), FAINTEST)  # a loop that fades changes less, too
    repeated[1:] = _far_below(changes / level / usual(changes / level, MOVES))
    return Repeats(repeated, _frozen(repeated), _blended(frames, grain, repeated))


def grain_changes(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean change of the grain between neighbours ``[T - 1]``, and its strength in each frame ``[T]``, of prepared
    frames uint8 ``[T, S, S]`` with S about 112: smaller ones have no grain."""
    inside = frames.any(axis=0)
    changes, strength = np.zeros(max(0, len(frames) - 1), np.float32), np.zeros(len(frames), np.float32)
    if not inside.any():
        return changes, strength
    area, before, within = float(inside.sum()), None, inside.astype(np.int16)
    for i, frame in enumerate(frames):
        grain = cv2.Laplacian(frame, cv2.CV_16S)
        grain *= within
        strength[i] = cv2.norm(grain, cv2.NORM_L2) / area**0.5
        if before is not None:
            changes[i - 1] = cv2.norm(grain, before, cv2.NORM_L1) / area
        before = grain
    return changes, strength


def usual(changes: np.ndarray, share: float = 0.75) -> np.ndarray:
    """What this share of the changes around each ``[T - 1]`` stays below, at least a quarter of the whole clip's."""
    reach = min(NEAR, len(changes) - 1)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(changes, reach, mode="reflect"), 2 * reach + 1)
    least = 0.25 * np.quantile(changes[changes > 0], 0.75)
    return np.maximum(np.quantile(around, share, axis=1), least)


def _far_below(changes: np.ndarray) -> np.ndarray:
    """Changes, as shares of what is usual, that lie far below all others."""
    ordered = np.append(np.sort(changes), np.inf)
    below = np.flatnonzero((ordered[:-1] < REPEAT) & (ordered[1:] >= GAP * np.maximum(ordered[:-1], NO_CHANGE)))
    return changes <= ordered[below[-1]] if len(below) else np.zeros(len(changes), bool)


def _frozen(repeated: np.ndarray) -> np.ndarray:
    moves = np.flatnonzero(~repeated)
    lengths = np.diff(np.append(moves, len(repeated)))
    usual = float(np.median(lengths))
    frozen = np.zeros(len(repeated), bool)
    for start, length in zip(moves, lengths, strict=True):
        if length - 1 > LONGEST_REPEAT and length - 1 >= 2 * usual:
            frozen[start + 1 : start + length] = True
    return frozen


def _blended(frames: np.ndarray, grain: np.ndarray, repeated: np.ndarray) -> np.ndarray:
    shown = np.flatnonzero(~repeated)
    blended = np.zeros(len(grain), bool)
    if len(shown) < 3:
        return blended
    strength = grain[shown]
    for i in np.flatnonzero(strength[1:-1] < BLEND * np.minimum(strength[:-2], strength[2:])) + 1:
        blended[shown[i]] = _lies_between(*outlines(frames[shown[i - 1 : i + 2]]).astype(np.float32))
    return blended if blended.sum() >= FEWEST_BLENDS else np.zeros(len(grain), bool)


def _lies_between(before: np.ndarray, frame: np.ndarray, after: np.ndarray) -> bool:
    """Whether most of the way from one picture to another is explained by that between those beside it: colour that
    comes and goes has little grain, too."""
    inward, across = frame - before, after - before
    power = float((across * across).sum())
    share = float((inward * across).sum()) / power if power > 0 else 0.0
    return 0.1 < share < 0.9 and float(np.abs(inward - share * across).mean()) < 0.3 * float(np.abs(across).mean())


def stretches(flags: np.ndarray) -> list[tuple[int, int]]:
    """First and last frame of each run of True in bool ``[T]``."""
    frames = np.flatnonzero(flags)
    if not len(frames):
        return []
    runs = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    return [(int(run[0]), int(run[-1])) for run in runs]
