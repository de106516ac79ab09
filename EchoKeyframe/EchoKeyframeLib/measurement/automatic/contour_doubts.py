"""What speaks against a contour that was found, by the image that it lies on."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ...cine.cine import Cine
from ...cine.sector import Sector
from ..contour import Contour, evenly_spaced
from ..disks import cut
from ..unfit import Doubt, in_order

LEAST_CONFIDENCE, DOUBTED_CONFIDENCE = 0.2, 0.5
"""Of a contour: below, there is no number; below, the number is doubtful."""
LARGEST_EDGE, DOUBTED_EDGE = 0.45, 0.12
"""Part of the wall that runs along the edge of the scan sector: where it does, the cavity goes on beyond."""
LARGEST_COLOUR, DOUBTED_COLOUR = 0.15, 0.03
"""Part of the pixels of cavity and wall that are coloured."""
APEX_APART = 0.15
"""Between the apex that was found and the contour's point farthest from the annulus, over the ventricle's length."""
ENOUGH_DOUBTS = 2
"""Of different kinds about one contour, so that no number rests on it."""
_OF_ONE_KIND = (Doubt.BORDER, Doubt.ENDS)
"""A dim picture makes both uncertain."""
_EDGE = 1.5  # pixels
_WITH_WALL = 1.25  # times the cavity's own size
_COLOURED = 40  # gray levels between the strongest and the weakest of red, green and blue
_PLACES = 100


def contour_doubts(
    contour: Contour, cine: Cine, sector: Sector, apex: tuple[float, float] | None = None
) -> tuple[tuple[str, ...], bool]:
    """Words for what makes a contour doubtful, and whether it is so bad that no number may rest on it.

    apex: where the tracer saw it, if it did. Raises MeasurementError where the contour cannot be cut into disks.
    """
    shares = (
        (Doubt.BORDER, 1 - contour.confidence, 1 - DOUBTED_CONFIDENCE, 1 - LEAST_CONFIDENCE),
        (Doubt.LEAVES_SECTOR, _along_edge(contour, sector), DOUBTED_EDGE, LARGEST_EDGE),
        (Doubt.COLOUR, _coloured(contour, cine), DOUBTED_COLOUR, LARGEST_COLOUR),
        (Doubt.ENDS, _apart(contour, apex), APEX_APART, np.inf),
    )
    words = in_order(*contour.doubts, *(str(word) for word, share, doubted, _ in shares if share > doubted))
    unlike = {"" if word in _OF_ONE_KIND else word for word in words}
    return words, len(unlike) >= ENOUGH_DOUBTS or any(share > largest for _, share, _, largest in shares)


def inside(contour: Contour, sector: Sector) -> Contour:
    """The contour with its points moved onto the sector's bounding box where they lie outside."""
    box = sector.box
    points = np.clip(contour.points, (box.x0, box.y0), (box.x1 - 1, box.y1 - 1))
    return replace(contour, points=points)


def _along_edge(contour: Contour, sector: Sector) -> float:
    inner = cv2.distanceTransform(np.pad(sector.mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    x, y = np.round(evenly_spaced(contour.points, _PLACES)).astype(int).T
    height, width = sector.mask.shape
    distance = inner[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return float((distance <= _EDGE).mean())


def _coloured(contour: Contour, cine: Cine) -> float:
    if not cine.is_color:
        return 0.0
    frame = cine.frames[contour.frame]
    middle = contour.points.mean(axis=0)
    around = np.round(middle + _WITH_WALL * (contour.points - middle)).astype(np.int32)
    seen = cv2.fillPoly(np.zeros(cine.size, np.uint8), [around], 1) > 0
    pixels = frame[seen].astype(np.int16)
    return float((np.ptp(pixels, axis=1) > _COLOURED).mean()) if len(pixels) else 0.0


def _apart(contour: Contour, apex: tuple[float, float] | None) -> float:
    disks = cut(contour, None)
    return 0.0 if apex is None else float(np.hypot(*np.subtract(apex, disks.apex)) / disks.length)
