"""What a network that traces the LV sees: a frame beside the gray levels that stand still in its loop.

Blood passes and walls move, so the second smallest level of a pixel over about a beat shows where the cavity always is,
and the mean how far the walls move. Gray levels are half equalised: the mean of a level, scaled so that nearly all lie
below 0.9, and of its rank among the levels that are not black; gain and contrast then matter less.
"""

from __future__ import annotations

import cv2
import numpy as np

LOOK_BACK = 1.0
"""Seconds around a frame that are looked at: about a beat."""
LOOKS = 8
"""Frames of it."""
_BLACK = 3
_TOP_SHARE, _TOP = 0.995, 0.9


def loop_images(frame: np.ndarray, loop: np.ndarray) -> np.ndarray:
    """A frame uint8 ``[S, S]`` and the frames around it ``[T, S, S]`` as uint8 ``[S, S, 3]``: the frame, the second
    smallest and the mean level of ``LOOKS`` of them, evenly spaced (of a single frame, itself)."""
    places = np.unique(np.linspace(0, len(loop) - 1, LOOKS).round().astype(int))
    smallest = loop[places[0]].copy()
    second = np.full_like(smallest, 255) if len(places) > 1 else smallest
    total = smallest.astype(np.uint16)
    for place in places[1:]:
        second = np.minimum(second, np.maximum(smallest, loop[place]))
        smallest = np.minimum(smallest, loop[place])
        total += loop[place]
    return np.stack([frame, second, (total // len(places)).astype(np.uint8)], -1)


def equalised(images: np.ndarray) -> np.ndarray:
    """uint8 ``[S, S, 3]`` to half equalised levels, float32 ``[3, S, S]`` in [0, 1]."""
    count = cv2.calcHist([images.reshape(-1)], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    share = count.cumsum() / count.sum()
    top = max(0.05 * 255, float(np.searchsorted(share, _TOP_SHARE)))
    scaled = np.minimum(np.arange(256) * (_TOP / top), 1)
    count[:_BLACK] = 0
    rank = (count.cumsum() - count / 2) / max(count.sum(), 1)
    table = ((scaled + rank) / 2).astype(np.float32)
    return np.ascontiguousarray(cv2.LUT(images, table).transpose(2, 0, 1))
