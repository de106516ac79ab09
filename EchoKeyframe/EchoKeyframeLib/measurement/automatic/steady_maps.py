"""A frame's maps among those around it: walls move smoothly, what the network makes of a single picture does not.

Each pixel's logit, and each landmark's place, is what a parabola over the frames around says of the frame itself
(Savitzky A, Golay M, Anal Chem 1964;36:1627), so that a wall that moves steadily, or turns at ED or ES, stays where it
is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .loop_walls import HALF, LoopMaps

_REACH = 0.14
"""Seconds on either side. Longer ones blunt the turn at ES: on simulated beats the ejection fraction gets too small."""
_TAPER = 1.15
"""Times the reach at which a frame's weight would fall to nothing."""
_LEAST_FRAMES = 4
"""That a parabola is laid through; with fewer, frames stay as they are."""
_LEAST_OVERLAP = 0.5
"""Of a neighbour's cavity with the frame's own (intersection over union): after a cut in the film, or where the network
took another chamber, it tells nothing of the frame."""
_PROBABILITIES = np.clip(np.arange(256), 1, 254) / 255
_LOGITS = np.log(_PROBABILITIES / (1 - _PROBABILITIES)).astype(np.float32)


def steadied(maps: LoopMaps, times: np.ndarray) -> LoopMaps:
    """Maps of frames at ``times`` in s, ascending: cavity and places steadied; spreads and view as they were."""
    cavity, places = np.empty_like(maps.cavity), np.empty_like(maps.places)
    inside = maps.cavity > HALF
    firsts, lasts = np.searchsorted(times, times - _REACH - 1e-6), np.searchsorted(times, times + _REACH + 1e-6)
    for index, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
        near = first + np.flatnonzero(_overlaps(inside[first:last], inside[index]) >= _LEAST_OVERLAP)
        if len(near) < _LEAST_FRAMES:
            cavity[index], places[index] = maps.cavity[index], maps.places[index]
            continue
        shares = _shares(times[near] - times[index])
        logits = np.tensordot(shares.astype(np.float32), _LOGITS[maps.cavity[near]], 1)
        cavity[index] = np.round(255 / (1 + np.exp(-logits)))
        places[index] = np.tensordot(shares, maps.places[near], 1)
    return replace(maps, cavity=cavity, places=places)


def _overlaps(cavities: np.ndarray, own: np.ndarray) -> np.ndarray:
    both, either = (cavities & own).sum((1, 2)), (cavities | own).sum((1, 2))
    return both / np.maximum(either, 1)


def _shares(apart: np.ndarray) -> np.ndarray:
    """What each frame counts for in the parabola's value at 0; they sum to 1."""
    weights = 1 - (apart / (_TAPER * _REACH)) ** 2
    powers = np.vander(apart / _REACH, 3, increasing=True)
    return np.linalg.pinv(np.sqrt(weights)[:, None] * powers)[0] * np.sqrt(weights)
