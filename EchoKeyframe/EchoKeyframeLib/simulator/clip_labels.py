"""Names and labels of simulated clips. Needs no torch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..datasets.clip_labels import ClipLabels
from ..datasets.dataset import SIMULATED_PREFIX

if TYPE_CHECKING:
    from .phantom import PhantomBatch


def clip_name(seed: int) -> str:
    """The clip's name, without the suffix of a file."""
    return f"{SIMULATED_PREFIX}{seed:07d}"


def seed_of(name: str) -> int | None:
    """The seed of a clip by its name, with or without suffix; None for what the simulator did not name."""
    found = re.fullmatch(rf"{SIMULATED_PREFIX}([0-9]{{7,10}})(\.\w+)?", name)
    return int(found[1]) if found else None


def clip_labels(name: str, batch: PhantomBatch, index: int, whole_frames: bool = False) -> ClipLabels:
    """Keyframes of one clip in 0-based frames, with the nearest one outside the clip on either side.

    whole_frames: move each keyframe to the frame nearest to its time, as a reader would; else its time counts.
    """
    fps, frames = float(batch.fps[index]), batch.frames.shape[1]
    positions = [times * fps for times in (batch.ed[index], batch.es[index])]
    if whole_frames:
        positions = [np.round(position) for position in positions]
    ed, es = (_nearby(position, frames) for position in positions)
    return ClipLabels(name, ed, es, frames=frames, fps=fps, view=batch.view[index])


def _nearby(position: np.ndarray, frames: int) -> tuple[float, ...]:
    """Those inside the clip and the nearest one on either side of it."""
    first = np.searchsorted(position, 0.0) - 1
    last = np.searchsorted(position, frames - 1, side="right")
    return tuple(position[max(first, 0) : last + 1].tolist())
