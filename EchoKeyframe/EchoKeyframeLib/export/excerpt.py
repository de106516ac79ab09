"""The part of a cine that goes into one exported file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line names the formats in its help without waiting for NumPy
    import numpy as np

    from ..cine.cine import Cine
    from ..detection.keyframes import Beat, Keyframe


class Scope(StrEnum):
    """How much of a cine a file of some format holds: one keyframe, one whole beat (ED to next ED), or all of it."""

    FRAME = "frame"
    BEAT = "beat"
    CINE = "cine"


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Frames of a cine with the keyframes among them.

    frames: 0-based indices, without gaps. keyframes: in the order of time; exactly one in an excerpt of scope FRAME.
    beat: its number from 1; None for the whole cine.
    visible: bool ``[H, W]``, the pixels that may be shown; None: all. Text burned into the others may name the patient.
    """

    cine: Cine
    frames: range
    keyframes: tuple[Keyframe, ...]
    beat: int | None = None
    visible: np.ndarray | None = None

    @property
    def times(self) -> np.ndarray:
        """Seconds from the cine's first frame, float64 ``[n]``."""
        return self.cine.times[self.frames.start : self.frames.stop]

    def pixels(self) -> np.ndarray:
        """The frames, uint8 ``[n, H, W]`` or RGB ``[n, H, W, 3]``, black where they may not be shown. A copy."""
        frames = self.cine.frames[self.frames.start : self.frames.stop].copy()
        if self.visible is not None:
            frames[:, ~self.visible] = 0
        return frames

    @property
    def title(self) -> str:
        """What a file's name says of it, such as ``A4C-beat02-ED-frame0021``; empty for the whole cine."""
        if self.beat is None:
            return ""
        first, last = self.frames[0], self.frames[-1]
        what = [self.keyframes[0].phase, f"frame{first:04}"] if first == last else [f"frames{first:04}-{last:04}"]
        return "-".join([*filter(None, [self.cine.view]), f"beat{self.beat:02}", *what])

    def description(self) -> dict[str, str]:
        """What a reader of the file should know, by name. Nothing in it tells who the patient is."""
        spacing = self.cine.spacing
        facts = {
            "view": self.cine.view,
            "beat": self.beat,
            "phase": " ".join(k.phase for k in self.keyframes),
            "frame": " ".join(str(k.frame) for k in self.keyframes),
            "time_s": " ".join(f"{k.time:.6f}" for k in self.keyframes),
            "confidence": " ".join(f"{k.confidence:.3f}" for k in self.keyframes),
            "source": " ".join(k.source for k in self.keyframes),
            "at_edge": " ".join(str(k.at_edge).lower() for k in self.keyframes),
            "spacing_mm": f"{spacing[0]:.6g} {spacing[1]:.6g}" if spacing else "unknown",
        }
        return {name: str(value) for name, value in facts.items() if value is not None}


def keyframe_excerpts(cine: Cine, beats: Iterable[Beat], visible: np.ndarray | None = None) -> list[Excerpt]:
    """One excerpt for each ED and ES frame of these beats, as far as the cine shows them."""
    return [
        Excerpt(cine, range(keyframe.frame, keyframe.frame + 1), (keyframe,), beat.number, visible)
        for beat in beats
        for keyframe in (beat.ed, beat.es)
        if keyframe is not None
    ]


def beat_excerpts(cine: Cine, beats: Iterable[Beat], visible: np.ndarray | None = None) -> list[Excerpt]:
    """One excerpt for each of these beats that the cine shows whole: its ED to the next ED, both included."""
    return [
        Excerpt(cine, range(beat.ed.frame, beat.next_ed.frame + 1),
                tuple(k for k in (beat.ed, beat.es, beat.next_ed) if k), beat.number, visible)
        for beat in beats
        if beat.ed is not None and beat.next_ed is not None
    ]  # fmt: skip


def cine_excerpt(cine: Cine, beats: Iterable[Beat], visible: np.ndarray | None = None) -> Excerpt:
    """The whole cine with the ED and ES frames of these beats."""
    keyframes = tuple(keyframe for beat in beats for keyframe in (beat.ed, beat.es) if keyframe is not None)
    return Excerpt(cine, range(len(cine)), tuple(sorted(keyframes, key=lambda k: k.frame)), None, visible)
