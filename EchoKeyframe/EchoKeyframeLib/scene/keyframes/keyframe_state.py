"""What a keyframe table holds at one moment: the keyframes, and what a person ruled out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ...detection.keyframes import Keyframe, Phase


@dataclass(frozen=True)
class KeyframeState:
    """keyframes: in frame order, at most one a frame. rejected: (phase, frame) that a person removed or moved away,
    which a later detection must not bring back. model: of the last detection, empty before the first."""

    keyframes: tuple[Keyframe, ...] = ()
    rejected: frozenset[tuple[Phase, int]] = frozenset()
    model: str = ""

    def edited(self, keyframes: Iterable[Keyframe]) -> KeyframeState:
        """The state after a person left these keyframes: what is new is theirs, what is gone is ruled out.

        Without any keyframe left, everything starts afresh.
        """
        before = {(k.phase, k.frame): k for k in self.keyframes}
        after = []
        for keyframe in sorted(keyframes, key=lambda k: k.frame):
            if before and (keyframe.phase, keyframe.frame) not in before:
                keyframe = replace(keyframe, source="manual", confidence=1.0, at_edge=False, degraded=False)
            after.append(keyframe)
        kept = {(k.phase, k.frame) for k in after}
        rejected = (self.rejected | before.keys()) - kept if after else ()
        return replace(self, keyframes=tuple(after), rejected=frozenset(rejected))

    def detected(self, found: Iterable[Keyframe], model: str, times: np.ndarray, reach: float) -> KeyframeState:
        """The state after a detection: a person's keyframes stay, found ones fill in around them.

        A found keyframe gives way to a person's within ``reach`` s of the same phase, or on the same frame, and to a
        person's removal within reach. times: float64 ``[T]`` s of the sequence's items.
        """
        kept = [k for k in self.keyframes if k.source == "manual"]
        settled = [(k.phase, k.frame) for k in kept] + list(self.rejected)
        taken = {k.frame for k in kept}
        for keyframe in sorted(found, key=lambda k: -k.confidence):
            near = any(
                phase is keyframe.phase and abs(times[frame] - times[keyframe.frame]) < reach
                for phase, frame in settled
                if frame < len(times)
            )
            if not near and keyframe.frame not in taken:
                kept.append(replace(keyframe, source="auto"))
                taken.add(keyframe.frame)
        return replace(self, keyframes=tuple(sorted(kept, key=lambda k: k.frame)), model=model)

    def same_as(self, other: KeyframeState) -> bool:
        """Whether both hold the same to a table's precision; times and beats, which follow, do not count."""
        return self.to_text() == other.to_text()

    def to_text(self) -> str:
        """One line for a node attribute."""
        rows = [
            [k.phase.value, k.frame, round(k.confidence, 4), k.source, k.degraded, k.at_edge] for k in self.keyframes
        ]
        rejected = sorted([phase.value, frame] for phase, frame in self.rejected)
        return json.dumps({"keyframes": rows, "rejected": rejected, "model": self.model}, ensure_ascii=True)

    @classmethod
    def from_text(cls, text: str | None, times: np.ndarray) -> KeyframeState | None:
        """Read back ``to_text``; None where there is none or it does not fit the sequence any more."""
        if not text:
            return None
        try:
            document = json.loads(text)
            keyframes = tuple(_keyframe(row, times) for row in document["keyframes"])
            rejected = frozenset((Phase(phase), int(frame)) for phase, frame in document["rejected"])
            return cls(keyframes, rejected, str(document["model"]))
        except (ValueError, TypeError, KeyError, IndexError):
            return None


def _keyframe(row: list, times: np.ndarray) -> Keyframe:
    phase, frame, confidence, source, *more = row  # scenes of earlier versions do not know about image and turn
    if not 0 <= frame < len(times):
        raise IndexError(frame)
    degraded, unseen = (value is True for value in (*more, None, None)[:2])
    at_edge = source == "auto" and (unseen or frame in (0, len(times) - 1))
    return Keyframe(Phase(phase), frame, float(times[frame]), float(confidence), source, at_edge, degraded=degraded)
