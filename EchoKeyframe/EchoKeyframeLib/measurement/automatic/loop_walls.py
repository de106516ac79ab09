"""The walls of a loop's frames, taken together: which cavity it is, how sure each border is, what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .outline import Wall, trace_wall
from .uncertainty import confidence_of

_PART = 0.3
"""Mean probability over the loop above which a pixel belongs to one of the places where a cavity may lie."""
_RIVAL = 0.4
"""Of the likeliest cavity's mass: another one with more makes left and right uncertain."""


@dataclass(frozen=True, eq=False)
class LoopMaps:
    """What the network says of the frames that were looked at.

    frames: their indices, ascending. cavity: probability in 255ths, uint8 ``[n, S/2, S/2]``. places: of the landmarks,
    float64 ``[n, 3, 2]`` in pixels of the images; spreads: ``[n, 3]``. apical: logits ``[n]``.
    """

    frames: np.ndarray
    cavity: np.ndarray
    places: np.ndarray
    spreads: np.ndarray
    apical: np.ndarray


@dataclass(frozen=True, eq=False)
class LoopWalls:
    """walls, confidences: of each frame looked at. apical, doubts: see ``LoopTracing``."""

    walls: list[Wall | None]
    confidences: list[float]
    apical: float
    doubts: tuple[str, ...]

    @classmethod
    def of(cls, maps: LoopMaps, prepared: np.ndarray) -> LoopWalls:
        allowed, rival = _one_cavity(maps.cavity)
        walls = [_wall(cavity, allowed, places) for cavity, places in zip(maps.cavity, maps.places, strict=True)]
        errors = [_error(wall, spread) for wall, spread in zip(walls, maps.spreads, strict=True)]
        apical = float(1 / (1 + np.exp(-np.clip(maps.apical.mean(), -30, 30))))
        doubts = []
        if apical < 0.5:
            doubts.append("the loop does not look like an apical view of the left ventricle")
        if not any(walls):
            doubts.append("no left ventricle was found")
        if rival > _RIVAL:
            doubts.append("two chambers could be the left ventricle: left and right are uncertain")
        return cls(walls, [confidence_of(error) for error in errors], apical, tuple(doubts))


def _one_cavity(cavity: np.ndarray) -> tuple[np.ndarray | None, float]:
    """Pixels of the maps in which the loop's cavity may lie, bool ``[H, W]``; and the mass of the next likely place
    over its own. None where there is no cavity."""
    mean = cavity.mean(axis=0, dtype=np.float32) / 255
    count, labels = cv2.connectedComponents((mean > _PART).astype(np.uint8))
    if count == 1:
        return None, 0.0
    masses = np.bincount(labels.ravel(), mean.ravel(), count)
    masses[0] = 0
    order = masses.argsort()
    rival = masses[order[-2]] / masses[order[-1]] if count > 2 else 0.0
    # Nearer to this place than to another: a cavity reaches farther in some frames than on average.
    others = ((labels > 0) & (labels != order[-1])).astype(np.uint8)
    own = cv2.distanceTransform((labels != order[-1]).astype(np.uint8), cv2.DIST_L2, 3)
    if not others.any():
        return np.ones(mean.shape, bool), rival
    return own <= cv2.distanceTransform(1 - others, cv2.DIST_L2, 3), rival


def _wall(cavity: np.ndarray, allowed: np.ndarray | None, places: np.ndarray) -> Wall | None:
    return None if allowed is None else trace_wall(cavity.astype(np.float32) / 255 * allowed, places)


def _error(wall: Wall | None, spread: np.ndarray) -> float:
    """Standard deviation of the relative error of the volume within."""
    return 1.0 if wall is None else 0.1
