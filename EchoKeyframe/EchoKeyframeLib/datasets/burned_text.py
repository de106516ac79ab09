"""Finds text that is burned into the images of a cine, inside its scan sector, where nothing can take it out.

What a scanner writes over the image stands still while the speckle under it moves: strokes that are brighter than
what is around them in every frame, as high as letters, side by side on a line.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..cine.cine import Cine
from ..cine.sector import Sector

_SAMPLED = 40
"""Frames that are looked at, spread over the cine."""
_STROKE = 9
"""Pixels that a stroke is narrower than."""
_BRIGHTER = 35
"""Gray levels by which a stroke stands out in every frame, at least."""
_STILL = 0.5
"""Most that a stroke may change over the cine, as a share of how far it stands out."""
_HEIGHTS = (5, 48)
_MOST_STILL = 0.5
"""Part of the sector that stands still, from which on a cine is a still and shows nothing of this kind."""
_EVEN = 20
"""Gray levels by which the brightest pixels of two letters of a line may differ."""
_LETTERS = 4
"""Side by side, at least; three specks in a row occur by chance."""


def find_text(cine: Cine, sector: Sector) -> bool:
    """Whether what looks like a line of text stands inside the sector. A hint to look, no proof of either."""
    step = max(1, len(cine) // _SAMPLED)
    frames = np.stack([cine.gray(index)[sector.box.slices] for index in range(0, len(cine), step)])
    inside = sector.mask[sector.box.slices]
    darkest = frames.min(axis=0)
    change = frames.max(axis=0).astype(np.int16) - darkest
    still, bright = change[inside] <= 2, frames[0][inside] > 20
    if len(frames) < 2 or (still.mean() > _MOST_STILL and bright.mean() > _MOST_STILL):
        return False
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_STROKE, _STROKE))
    outstanding = cv2.morphologyEx(darkest, cv2.MORPH_TOPHAT, kernel)
    strokes = inside & (outstanding >= _BRIGHTER) & (change <= _STILL * outstanding)
    return _holds_line(strokes.astype(np.uint8), darkest)


def _holds_line(strokes: np.ndarray, darkest: np.ndarray) -> bool:
    """Whether ``_LETTERS`` pieces of about one height and one brightness stand side by side.

    Near the probe, speckle may stand still, too, but is not of one brightness.
    """
    _, labels, pieces, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    x, y, width, height, area = pieces[1:].T
    peak = np.zeros(len(pieces), int)
    np.maximum.at(peak, labels[strokes > 0], darkest[strokes > 0])
    peak = peak[1:]
    letters = (height >= _HEIGHTS[0]) & (height <= _HEIGHTS[1]) & (width <= 2 * height) & (area >= height)
    x, y, width, height, peak = (values[letters][np.argsort(x[letters])] for values in (x, y, width, height, peak))
    longest = np.ones(len(x), int)
    for i in range(len(x)):
        for j in range(i):
            gap = x[i] - (x[j] + width[j])
            tall = max(height[i], height[j])
            level = abs((y[i] + height[i]) - (y[j] + height[j])) <= 0.25 * tall
            alike = min(height[i], height[j]) >= 0.6 * tall
            even = abs(peak[i] - peak[j]) <= _EVEN
            if level and alike and even and -2 <= gap <= 1.5 * tall:
                longest[i] = max(longest[i], longest[j] + 1)
    return bool(len(longest)) and int(longest.max()) >= _LETTERS
