"""Which clips the figures show: by rule, so that nobody picks the pretty ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..clip_score import ClipResult
from ..matching import LARGEST_TOLERANCE
from .system_runs import ClipRun

RULE = (
    "Clips are ranked by their mean error in s over labelled and extra keyframes, where a missed or an extra one "
    f"counts {LARGEST_TOLERANCE:g} s."
)


def clip_error(result: ClipResult) -> float:
    """Mean error in s of a clip's keyframes; missed and extra ones count as much as the largest tolerance. NaN where
    there is neither a label nor a detection to judge."""
    errors = [LARGEST_TOLERANCE if event.error_s is None else abs(event.error_s) for event in result.events]
    errors += [LARGEST_TOLERANCE] * len(result.extras)
    return float(np.mean(errors)) if errors else float("nan")


def ranked(clips: Sequence[ClipRun]) -> list[ClipRun]:
    """Clips that can be judged, from the best to the worst; equals by name."""
    judged = [clip for clip in clips if np.isfinite(clip_error(clip.result))]
    return sorted(judged, key=lambda clip: (clip_error(clip.result), clip.name))


def median_clip(clips: Sequence[ClipRun]) -> ClipRun | None:
    """The clip in the middle of the ranking among those with an ED and an ES inside (None: there are none)."""
    shown = [c for c in ranked(clips) if len({event.phase for event in c.result.events}) == 2]
    return shown[len(shown) // 2] if shown else None


def worst_clips(clips: Sequence[ClipRun], number: int) -> list[ClipRun]:
    """The last ``number`` of the ranking, the worst first."""
    return ranked(clips)[::-1][:number]
