"""Why a loop shows no beating heart: said instead of beats that nobody could see."""

from __future__ import annotations

import cv2
import numpy as np

from ..cine.finding import Finding, FindingKind
from .film import Film
from .keyframes import Curves

# Chosen on simulated clips (Docs/detect.md has the figures) and drawn ones without a heart.
FEWEST_NEW = 3
"""Frames that must show something new."""

LEAST_WAY = 0.02
"""How far, as a distance of outlines in [0, 1.4], the picture must move at all: simulated hearts from 0.07, in ten
frames of up to 80/s from 0.02."""

LEAST_TRAVEL = 1.14
"""The same in steps from frame to frame: what trembles about one place, as noise does, moves up to 1.13 of its own
steps, simulated hearts from 1.4, in ten frames from 1.15."""

LEAST_PEAK = 0.4
"""Height that the better of both curves must reach."""

LEAST_BOTH, LONG_ENOUGH = 0.45, 1.5
"""Height that both curves must reach where the network sees a rhythm and the motion detector none, in a loop of so many
seconds, which shows both ED and ES: 26 such simulated hearts reach 0.54 and more, a slow tilt of the probe 0.37."""

MOST_FRAMES = 300
"""Frames, evenly spread, between which the way is measured."""

_SIDE = 24  # px


def why_no_beats(film: Film, curves: Curves) -> Finding | None:
    """The finding, or None where a heart may be in view."""
    new, peaks = np.flatnonzero(film.new), _peaks(curves)
    if not film.frames.any():
        return None if peaks.max() >= LEAST_PEAK else _told("the picture is blank")
    if len(new) < FEWEST_NEW:
        return _told("the picture stands still: a still image saved as a loop")
    way, step = _moves(film.frames, new)
    if way < LEAST_WAY:
        return _told("the picture stands still, but for what is drawn or coded anew: no heart in view, or one at rest")
    if way < LEAST_TRAVEL * step:
        return _told("the picture only flickers, as noise or flow in colour does, and shows nothing that moves")
    if peaks.max() < LEAST_PEAK or (peaks.min() < LEAST_BOTH and _is_alone(curves)):
        return _told("what moves has no beat: no heart in view, too short a loop, or a probe that is moved")
    return None


def unseen() -> Finding:
    """Where a heart may be in view, but no keyframe was found."""
    return _told("what moves has no rhythm")


def _told(reason: str) -> Finding:
    return Finding(FindingKind.NO_BEATS, f"no heartbeat found: {reason}")


def _peaks(curves: Curves) -> np.ndarray:
    """Heights in [0, 1] that the curves of ED and ES reach, single higher frames left out."""
    return np.quantile(curves.probability, 0.97, axis=0)


def _is_alone(curves: Curves) -> bool:
    """Whether the second of two detectors saw no rhythm in a loop that is long enough for one."""
    alone = curves.worth is not None and curves.worth.others == ()
    return alone and bool(curves.times[-1] - curves.times[0] >= LONG_ENOUGH)


def _moves(frames: np.ndarray, new: np.ndarray) -> tuple[float, float]:
    """How far outlines move between any two frames (nine in ten move less), and usually from one to the next."""
    chosen = new[np.unique(np.linspace(0, len(new) - 1, MOST_FRAMES).round().astype(int))]
    following = new[np.minimum(np.searchsorted(new, chosen) + 1, len(new) - 1)]
    here, next_to = _outlines(frames[chosen]), _outlines(frames[following])
    pairs = np.triu_indices(len(chosen), 1)
    away = np.sqrt(np.maximum(0.0, 1.0 - here @ here.T))[pairs]
    steps = np.sqrt(np.maximum(0.0, 1.0 - (here * next_to).sum(axis=1)))[: len(chosen) - 1]
    return float(np.quantile(away, 0.9)), float(np.median(steps))


def _outlines(frames: np.ndarray) -> np.ndarray:
    """Unit vectors ``[n, 576]`` of small blurred pictures without their brightness and contrast."""
    small = (cv2.resize(frame, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for frame in frames)
    units = np.stack([cv2.GaussianBlur(s.astype(np.float32), (0, 0), 1.0) for s in small]).reshape(len(frames), -1)
    units -= units.mean(axis=1, keepdims=True)
    return units / np.maximum(np.linalg.norm(units, axis=1, keepdims=True), 1e-6)
