"""A picture that shows what was taken for the scan sector."""

from __future__ import annotations

import cv2
import numpy as np

from ..cine.cine import Cine
from ..cine.sector import Sector

_OUTLINE = (255, 200, 0)


def outline_picture(cine: Cine, sector: Sector) -> np.ndarray:
    """The brightest value of each pixel over the cine, dimmed outside the sector, whose edge is drawn in yellow.

    Returns RGB uint8 ``[H, W, 3]``.
    """
    step = max(1, len(cine) // 25)
    brightest = cine.frames[::step].max(axis=0)
    picture = brightest.copy() if cine.is_color else cv2.cvtColor(brightest, cv2.COLOR_GRAY2RGB)
    picture[~sector.mask] //= 2
    contours, _ = cv2.findContours(sector.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(picture, contours, -1, _OUTLINE, max(1, max(cine.size) // 500))
