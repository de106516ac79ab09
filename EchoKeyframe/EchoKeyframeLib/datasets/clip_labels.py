"""The keyframes of one clip, and the frames that they decide."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..cine.cine import HIGHEST_FRAME_RATE, CineError
from ..detection.keyframes import Phase

OPEN_END = 10**9
"""Last frame of a span that goes on to the end of a clip whose length is not known."""


class LabelError(CineError):
    """Labels that cannot be right. One line: which file, which row or clip, what is wrong, what to do."""


@dataclass(frozen=True)
class ClipLabels:
    """The keyframes of one clip.

    ed, es: positions in frames, ascending; those outside ``[0, frames - 1]`` are virtual ones just outside the clip.
    frames: length of the clip, None if unknown. fps: frames per second, None if the cine's own times are to be used.
    decided: spans of frames (first and last, both included, ascending) whose ED and ES are all among the labels; None:
    every frame. Outside them nothing is known: training asks nothing there, evaluation counts no extra keyframe.
    """

    file: str
    ed: tuple[float, ...]
    es: tuple[float, ...]
    frames: int | None = None
    fps: float | None = None
    view: str | None = None
    decided: tuple[tuple[int, int], ...] | None = None

    def of(self, phase: Phase) -> np.ndarray:
        """All keyframes of one phase, virtual ones included, float64."""
        return np.array(self.ed if phase is Phase.ED else self.es, float)

    def in_order(self) -> list[tuple[float, Phase]]:
        """Keyframes of both phases by position."""
        return sorted([(f, Phase.ED) for f in self.ed] + [(f, Phase.ES) for f in self.es])

    def decided_frames(self, count: int) -> np.ndarray:
        """Which of ``count`` frames the labels decide, bool ``[count]``."""
        if self.decided is None:
            return np.ones(count, bool)
        mask = np.zeros(count, bool)
        for first, last in self.decided:
            mask[first : last + 1] = True
        return mask

    def within(self, span: tuple[int, int]) -> ClipLabels:
        """The keyframes of one decided span, with virtual ones where the span reaches an end of the clip."""
        first = -math.inf if span[0] <= 0 else span[0]
        last = math.inf if self.frames is not None and span[1] >= self.frames - 1 else span[1]
        ed, es = (tuple(f for f in frames if first <= f <= last) for frames in (self.ed, self.es))
        return ClipLabels(self.file, ed, es, self.frames, self.fps, self.view, (span,))

    def check(self, where: str = "") -> ClipLabels:
        """Return self, or raise LabelError where keyframes are unsorted, doubled, not finite, or missing between two of
        the other kind though the labels decide all frames between those."""
        where = f"{where}: {self.file}" if where else self.file
        for phase in Phase:
            events = self.of(phase)
            if not np.isfinite(events).all():
                raise LabelError(where, f"{phase} has a frame that is not a number")
            for a, b in pairwise(events.tolist()):
                if b <= a:
                    problem = "is given twice" if a == b else f"comes after {a:g}; list them in order"
                    raise LabelError(where, f"{phase} frame {b:g} {problem}")
        self._check_alternation(where)
        self._check_spans(where)
        if self.fps is not None and not 0 < self.fps <= HIGHEST_FRAME_RATE:
            raise LabelError(
                where, f"a frame rate must lie above 0 and at most at {HIGHEST_FRAME_RATE} per second, got {self.fps}"
            )
        return self

    def _check_alternation(self, where: str) -> None:
        for (a, first), (b, second) in pairwise(self.in_order()):
            if first is second and self.decides_all_between(a, b):
                raise LabelError(
                    where,
                    f"{first} frames {a:g} and {b:g} without an {first.other} between them; "
                    "label it or leave the clip out"
                )
            if a == b:
                raise LabelError(where, f"frame {a:g} is labelled both ED and ES")

    def decides_all_between(self, a: float, b: float) -> bool:
        """Whether all frames between two of its keyframes are decided."""
        if self.decided is None:
            return True
        end = math.inf if self.frames is None else self.frames - 1
        return any(first <= max(a, 0) and min(b, end) <= last for first, last in self.decided)

    def _check_spans(self, where: str) -> None:
        previous = -1
        for first, last in self.decided or ():
            if not previous < first <= last:
                raise LabelError(
                    where, f"decided frames must be spans such as 3-17 in ascending order, got {first}-{last}"
                )
            previous = last


def check_inside(labels: ClipLabels, n_frames: int, virtual: frozenset[tuple[Phase, float]] = frozenset()) -> None:
    """Raise LabelError for a keyframe beyond the clip's ``n_frames`` that is not named as virtual."""
    for phase in Phase:
        for frame in labels.of(phase).tolist():
            if not 0 <= frame <= n_frames - 1 and (phase, frame) not in virtual:
                raise LabelError(
                    labels.file,
                    f"{phase} frame {frame:g} lies beyond the clip's {n_frames} frames "
                    f"(0 to {n_frames - 1}); mark it outside=1 if it is meant to be a virtual keyframe"
                )
