"""Textures that no simulator draws, so that a network does not lean on the simulator's own.

Images are mixed with random convolutions of themselves (Xu Z et al., ICLR 2021, arXiv:2007.13003), or their coarse and
fine parts made louder or softer, or some of their pixels taken: where walls are stays, how they look does not.
"""

from __future__ import annotations

import cv2
import numpy as np

_KERNELS = 3, 5
_MIXED = 0.2, 0.8
"""Share of the convolved image."""
_SIGMAS = 0.8, 1.6, 3.2, 8.0
"""Pixels at which coarse parts begin."""
_LOUDER = 0.45
"""Standard deviation of the logarithm of each part's gain."""
_FEWEST = 0.35
"""Share of the pixels along one direction."""
_SEEN = 2
"""Mean gray level around a pixel, above which it belongs to the sector."""


def foreign_texture(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images uint8 ``[S, S, 3]``, the last of them the mean of a loop, all changed alike; outside the sector as they
    were."""
    seen = cv2.boxFilter(images[..., 2], cv2.CV_32F, (7, 7)) > _SEEN
    if not seen.any():
        return images
    changes = _convolved, _louder, _coarser
    change = changes[int(rng.choice(len(changes), p=(0.4, 0.4, 0.2)))]
    changed = np.clip(change(images.astype(np.float32), seen, rng), 0, 255)
    return np.where(seen[..., None], changed, images).astype(np.uint8)


def _convolved(levels: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    side = int(rng.choice(_KERNELS))
    other = cv2.filter2D(levels, -1, rng.standard_normal((side, side)).astype(np.float32))
    before, after = levels[seen], other[seen]
    other = (other - after.mean()) * (before.std() / max(after.std(), 1e-3))
    if (other[seen] * (before - before.mean())).mean() < 0:  # bright stays bright
        other = -other
    share = rng.uniform(*_MIXED)
    return (1 - share) * levels + share * (other + before.mean())


def _louder(levels: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rest, total = levels, np.zeros_like(levels)
    for sigma in _SIGMAS:
        coarse = cv2.GaussianBlur(rest, (0, 0), sigma)
        total += np.exp(rng.normal(0, _LOUDER)) * (rest - coarse)
        rest = coarse
    return total + rest


def _coarser(levels: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size = levels.shape[0]
    width, height = (int(size * share) for share in rng.uniform(_FEWEST, 1, 2))
    few = cv2.resize(levels, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.resize(few, (size, size), interpolation=cv2.INTER_LINEAR)
