"""Frames that show again what the film showed before: the loop started anew, or run backwards."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

SHORTEST = 6
"""Frames that must match one after another: single ones look alike where the heart hardly moves."""

NEAREST = 5
"""Frames that lie between a frame and what it may show again, at least."""

MATCH = 0.5
"""Share of the change from one frame to the next below which two frames of the film show the same."""

MISSES = 2
"""Frames in a row that may differ within a replay."""

ANCHORS = 300
"""Frames, evenly spread, for each of which the most alike frame before it is looked for."""


def shown_first(frames: np.ndarray, small: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """For each of these frames, all of them new to the one before, the frame in which its picture came first.

    frames: uint8 ``[T, S, S]``. small: their ``outlines``. changes: of their grain, ``[T - 1]``, see
    ``grain_changes``. Returns int ``[T]``, ``result[t] <= t``.
    """
    first = np.arange(len(frames))
    if len(frames) < SHORTEST + NEAREST:
        return first
    film = _Film(frames, changes)
    for anchor, before in film.alike(small):
        if first[anchor] < anchor or not film.same(anchor, before):
            continue
        for step in (1, -1):
            if first[anchor] == anchor:
                run = film.run(anchor, before, step)
                if len(run) >= SHORTEST:
                    for frame, shown in run:
                        first[frame] = min(first[frame], first[shown])
    while (first != first[first]).any():
        first = first[first]
    return first


class _Film:
    def __init__(self, frames: np.ndarray, changes: np.ndarray) -> None:
        self.frames, self.changes = frames, changes
        self.area = max(1, int(frames.any(axis=0).sum()))

    def difference(self, one: int, other: int) -> float:
        """Mean difference of the grain of two frames."""
        this, that = (cv2.Laplacian(self.frames[frame], cv2.CV_16S) for frame in (one, other))
        return cv2.norm(this, that, cv2.NORM_L1) / self.area

    def same(self, frame: int, other: int) -> bool:
        """Whether two frames differ by far less than the film moves around the first."""
        around = self.changes[max(0, frame - 1) : frame + 1]
        return self.difference(frame, other) < MATCH * around.min()

    def alike(self, small: np.ndarray) -> Iterator[tuple[int, int]]:
        """Anchors and the frame before each that is most like it."""
        units = small.reshape(len(small), -1).astype(np.float32)
        units -= units.mean(axis=1, keepdims=True)
        units /= np.maximum(np.linalg.norm(units, axis=1, keepdims=True), 1e-6)
        count = len(units)
        for anchor in np.unique(np.linspace(NEAREST, count - 1, min(count - NEAREST, ANCHORS)).round().astype(int)):
            likeness = units[: anchor - NEAREST + 1] @ units[anchor]
            yield int(anchor), int(likeness.argmax())

    def run(self, anchor: int, before: int, step: int) -> list[tuple[int, int]]:
        """Frames that follow and precede the anchor as others follow (step 1) or precede (-1) what it shows."""
        matched = {anchor: before}
        for way in (1, -1):
            frame, shown = anchor + way, before + step * way
            missed: list[tuple[int, int]] = []
            while 0 <= shown < frame < len(self.frames) and frame - shown >= (NEAREST if step > 0 else 1):
                if self.same(frame, shown):
                    matched |= dict(missed) | {frame: shown}
                    missed = []
                else:
                    missed.append((frame, shown))
                    if len(missed) > MISSES:
                        break
                frame, shown = frame + way, shown + step * way
        return sorted(matched.items())
