"""A picture that shows what was taken for the scan sector."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..atomic_file import written_atomically
from ..cine.cine import Cine, CineError
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


def write_outline(path: Path, cine: Cine, sector: Sector) -> Path:
    """Write ``outline_picture`` as a PNG, into a folder that is made if need be. Returns the path.

    Raises CineError where a file of that name is there already or the folder cannot be written to.
    """
    if path.exists():
        raise CineError(path.name, "is already there; remove it or name another folder")
    png = cv2.imencode(".png", cv2.cvtColor(outline_picture(cine, sector), cv2.COLOR_RGB2BGR))[1]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_atomically(path) as temporary:
            temporary.write_bytes(png.tobytes())
    except OSError as error:
        raise CineError(cine.source.name, f"{path.name} cannot be written ({error.strerror})") from error
    return path
