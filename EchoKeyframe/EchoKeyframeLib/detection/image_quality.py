"""Frames whose image shows no heart to find a keyframe in: blank, frozen, noise, or most of the contrast gone.

Each frame is judged by the rest of its clip, so a dim, hazy or shadowed loop passes as it is, and so does one that
gets worse slowly: it still shows a heart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np

from ..cine.cine import Cine
from ..cine.prepare import prepare
from ..cine.sector import Sector
from .keyframes import Keyframe

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
"""Frames from a degraded one within which a keyframe is doubtful."""

MOST_TOLD = 5
"""Stretches of degraded frames that are listed."""


def mark_degraded(keyframes: Iterable[Keyframe], degraded: np.ndarray) -> list[Keyframe]:
    """The keyframes, ``degraded`` set for those that lie within ``REACH`` of a degraded frame (bool ``[T]``)."""
    frames = np.flatnonzero(degraded)
    return [replace(k, degraded=bool((abs(frames - k.frame) <= REACH).any())) for k in keyframes]


def told_degraded(degraded: np.ndarray) -> str:
    """One line on the first few stretches of degraded frames (bool ``[T]``, some True)."""
    frames = np.flatnonzero(degraded)
    stretches = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    told = [f"{s[0]} to {s[-1]}" if len(s) > 1 else str(s[0]) for s in stretches[:MOST_TOLD]]
    more = f" and {len(stretches) - MOST_TOLD} more places" if len(stretches) > MOST_TOLD else ""
    return f"no usable image (blank, frozen, noise or without contrast) in frames {', '.join(told)}{more}"


def degraded_frames(cine: Cine, sector: Sector) -> np.ndarray:
    """Which frames show no usable image, bool ``[T]``. Frame times are not used."""
    images = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in prepare(cine, sector, FRAME_SIZE)])
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
