"""From a cine to the small square gray frames that detectors look at."""

from __future__ import annotations

import cv2
import numpy as np

from .cine import Cine
from .sector import Sector


def prepare(cine: Cine, sector: Sector, size: int) -> np.ndarray:
    """Crop to the sector, black out what lies outside it, pad to a square, resize.

    Returns uint8 ``[T, size, size]``. The aspect ratio is kept (by physical size where the pixel spacing is known and
    not square), the sector's box is centred. One frame is worked on at a time, so memory is that of the result.
    """
    box = sector.box
    aspect = cine.spacing[0] / cine.spacing[1] if cine.spacing else 1.0
    if not 0.5 <= aspect <= 2.0:
        aspect = 1.0
    scale = size / max(box.height * aspect, box.width)
    height = max(1, min(size, round(box.height * aspect * scale)))
    width = max(1, min(size, round(box.width * scale)))
    top, left = (size - height) // 2, (size - width) // 2
    shrinks = scale < 1
    outside = ~sector.mask[box.slices]
    prepared = np.zeros((len(cine), size, size), np.uint8)
    for i in range(len(cine)):
        frame = cine.gray(i)[box.slices].copy()
        frame[outside] = 0
        resized = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        prepared[i, top : top + height, left : left + width] = resized
    return prepared
