"""Frames whose image shows no heart to find a keyframe in: blank, frozen, noise, or most of the contrast gone.

Each frame is judged by the rest of its clip, so a dim, hazy or shadowed loop passes as it is, and so does one that
gets worse slowly: it still shows a heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np

from ..cine.prepare import by_area
from .keyframes import Keyframe, Phase

FRAME_SIZE = 48
"""Side in px at which frames are compared, blurred by another one: chambers and walls remain, speckle does not."""

LEAST_CONTRAST = 0.25
"""Share of the clip's usual contrast. In 200 simulated clips, a quarter of which get worse or better within the clip by
up to 20 dB, no frame lay below 0.29; in three real loops none below 0.87."""

LEAST_LIKENESS = 0.6
"""Correlation of a frame with the more alike of its neighbours. In the same simulated clips, from 15 frames/s and up to
160 beats/min, no frame lay below 0.85 (real: 0.97); noise lies about 0."""

STILL = 0.02
"""Share of a large change between neighbouring frames below which nothing changed (simulated: from 0.033)."""

LONGEST_PAUSE = 2
"""Pairs of neighbouring frames without a change that are let pass: recordings often repeat their last frame or two."""

REACH = 3
"""Frames from a degraded one within which a keyframe is doubtful: in 210 degraded simulated clips, 42 % of the beats
with ED or ES in one or so near were more than 2 frames off, 6 % of those 4 or 5 frames away, 3 % of those beyond."""

MOST_TOLD = 5
"""Stretches of degraded frames that are listed."""


def mark_degraded(keyframes: Sequence[Keyframe], degraded: np.ndarray) -> list[Keyframe]:
    """The keyframes, in time order, ``degraded`` set where degraded frames (bool ``[T]``) make them doubtful.

    That is within ``REACH``, and for an ED and the ES behind it also if any lie between them: the true ES may be there.
    """
    frames = np.flatnonzero(degraded)

    def any_from(first: int, last: int) -> bool:
        return bool(((first <= frames) & (frames <= last)).any())

    doubtful = [any_from(k.frame - REACH, k.frame + REACH) for k in keyframes]
    for i, (before, after) in enumerate(pairwise(keyframes)):
        if (before.phase, after.phase) == (Phase.ED, Phase.ES) and any_from(before.frame, after.frame):
            doubtful[i] = doubtful[i + 1] = True
    return [replace(k, degraded=doubt) for k, doubt in zip(keyframes, doubtful, strict=True)]


def told_degraded(degraded: np.ndarray) -> str:
    """One line on the first few stretches of degraded frames (bool ``[T]``, some True)."""
    frames = np.flatnonzero(degraded)
    stretches = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    told = [f"{s[0]} to {s[-1]}" if len(s) > 1 else str(s[0]) for s in stretches[:MOST_TOLD]]
    more = f" and {len(stretches) - MOST_TOLD} more places" if len(stretches) > MOST_TOLD else ""
    return f"no usable image (blank, frozen, noise or without contrast) in frames {', '.join(told)}{more}"


def degraded_frames(prepared: np.ndarray) -> np.ndarray:
    """Which of prepared frames, uint8 ``[T, S, S]``, show no usable image, bool ``[T]``. Frame times are not used."""
    small = (by_area(frame, (FRAME_SIZE, FRAME_SIZE)) for frame in prepared)
    images = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in small])
    pixels = images[:, images.any(axis=0)].astype(np.float32)
    if len(pixels) < 2 or not pixels.size:
        return np.zeros(len(images), bool)
    deviation = pixels - pixels.mean(axis=1, keepdims=True)
    unlike = _likeness(deviation) < LEAST_LIKENESS
    if unlike.all():
        return unlike
    contrast = deviation.std(axis=1)
    faded = contrast < LEAST_CONTRAST * np.median(contrast[~unlike])
    return unlike | faded | _frozen(np.abs(np.diff(pixels, axis=0)).mean(axis=1), unlike[1:] | unlike[:-1])


def _likeness(deviation: np.ndarray) -> np.ndarray:
    """Correlation of each frame with its neighbour, the more alike of the two: one may be bad, or another scene."""
    unit = deviation / np.maximum(np.linalg.norm(deviation, axis=1, keepdims=True), 1e-6)
    pairs = (unit[1:] * unit[:-1]).sum(axis=1)
    return np.maximum(np.append(pairs, -1), np.insert(pairs, 0, -1))


def _frozen(changes: np.ndarray, unlike: np.ndarray) -> np.ndarray:
    """Repetitions of a frame, bool ``[T]``, from the mean change of each pair of neighbours ``[T - 1]``.

    unlike: bool ``[T - 1]``, pairs whose change is none of the heart's. A clip whose frames all stand there several
    times, as in a video of a higher rate than the scanner's, is not frozen.
    """
    large = np.quantile(changes[~unlike], 0.9) if not unlike.all() else 0.0
    moves = np.flatnonzero(changes >= STILL * large)
    usual = np.median(np.diff(moves)) if len(moves) > 1 else 1
    frozen = np.zeros(len(changes) + 1, bool)
    for before, after in pairwise([-1, *moves, len(changes)]):
        still = after - before - 1
        if still > LONGEST_PAUSE and still >= 2 * usual:
            frozen[before + 2 : after + 1] = True
    return frozen
