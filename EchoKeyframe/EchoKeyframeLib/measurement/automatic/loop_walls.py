"""The walls of a loop's frames, taken together: which cavity it is, how sure each border is, what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..unfit import LoopDoubt
from .doubts import Evidence, doubts_of
from .outline import Wall, trace_wall
from .signs import Signs, signs_of, volume_error_of
from .uncertainty import confidence_of

HALF = 127
"""In 255ths: what is above belongs to the cavity."""
_PART = 0.3
"""Mean probability over the loop above which a pixel belongs to one of the places where a cavity may lie."""
_BEAT, _USUAL = 10, 0.15
"""Frames on either side, about a beat in all (0.7 to 1.4 s), and the share of them in which a pixel must belong to the
cavity."""
_AROUND = 2
"""Frames on either side whose areas a frame's own is compared with."""


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
    doubts: tuple[LoopDoubt, ...]

    @classmethod
    def of(cls, maps: LoopMaps, inside: np.ndarray, moving: float) -> LoopWalls:
        """inside: the scan sector in pixels of the images, bool ``[S, S]``. moving: see ``Evidence``."""
        allowed, rival = _one_cavity(maps.cavity)
        walls = [_wall(maps, index, allowed) for index in range(len(maps.cavity))]
        signs = _signs(walls, maps.spreads, inside)
        apical = float(1 / (1 + np.exp(-np.clip(maps.apical.mean(), -30, 30))))
        confidences = [0.0 if s is None else confidence_of(volume_error_of(s)) for s in signs]
        doubts = doubts_of(Evidence(walls, signs, confidences, apical, rival, moving))
        return cls(walls, confidences, apical, doubts)


def _one_cavity(cavity: np.ndarray) -> tuple[np.ndarray | None, float]:
    """Pixels of the maps in which the loop's cavity may lie, bool ``[H, W]``; and the mass of the next likely place
    over its own. None where there is no cavity.

    Which chamber it is is decided for the loop: beside a large right ventricle single frames take the other.
    """
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
    if not others.any():
        return np.ones(mean.shape, bool), rival
    own = cv2.distanceTransform((labels != order[-1]).astype(np.uint8), cv2.DIST_L2, 3)
    return own <= cv2.distanceTransform(1 - others, cv2.DIST_L2, 3), rival


def _wall(maps: LoopMaps, index: int, allowed: np.ndarray | None) -> Wall | None:
    if allowed is None:
        return None
    part = np.where(allowed & _usual(maps.cavity, index), maps.cavity[index], 0)
    return trace_wall(part.astype(np.float32) / 255, maps.places[index])


def _usual(cavity: np.ndarray, index: int) -> np.ndarray:
    """Pixels that belong to the cavity in several of the frames around, or border on such: bool ``[H, W]``.

    Even at its largest a cavity stays so for a while; what it takes in for a moment is a neighbour.
    """
    around = cavity[max(0, index - _BEAT) : index + _BEAT + 1]
    if len(around) <= _BEAT // 2:
        return np.ones(cavity.shape[1:], bool)
    often = np.count_nonzero(around > HALF, axis=0) >= _USUAL * len(around)
    return cv2.dilate(often.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def _signs(walls: list[Wall | None], spreads: np.ndarray, inside: np.ndarray) -> list[Signs | None]:
    areas = np.array([np.nan if wall is None else wall.area for wall in walls])
    signs: list[Signs | None] = []
    for index, wall in enumerate(walls):
        if wall is None:
            signs.append(None)
            continue
        around = areas[max(0, index - _AROUND) : index + _AROUND + 1]
        rough = abs(float(np.nanmedian(around)) / wall.area - 1)
        signs.append(signs_of(wall, spreads[index], _outside(wall, inside), rough))
    return signs


def _outside(wall: Wall, inside: np.ndarray) -> float:
    """Share of the cavity outside the scan sector."""
    cavity = np.zeros(inside.shape, np.uint8)
    cv2.fillPoly(cavity, [np.round(wall.points).astype(np.int32)], 1)
    within = int((cavity & inside).sum())
    return 1 - within / max(wall.area, within, 1.0)
