"""From a cine to the small square gray frames that detectors look at."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from .budget import require_memory
from .cine import Cine
from .color import coloured
from .sector import Sector

Resize = Callable[[np.ndarray, tuple[int, int]], np.ndarray]
"""Resizes a gray image to (width, height)."""

MOST_COLOURED = 0.25
"""Share of the sector, on average: a Doppler box over a ventricle covers a tenth of it."""


def prepare(cine: Cine, sector: Sector, size: int, resize: Resize | None = None) -> np.ndarray:
    """Crop to the sector, black out what lies outside it, pad to a square, resize (see ``by_area``), and turn upside
    down where its apex is at the bottom.

    Returns uint8 ``[T, size, size]``. The aspect ratio is kept (by physical size where the pixel spacing is known and
    not square), the sector's box is centred. One frame is worked on at a time, so memory is that of the result.
    What was prepared last is given again while its cine lives, for a detection looks at it more than once: it is not to
    be written to. Raises CineError where memory is above the budget.
    """
    global _latest
    known = _latest
    if resize is None and known is not None and (known.cine(), known.sector(), known.size) == (cine, sector, size):
        return known.frames
    height, width = prepared_box(cine, sector, size)
    if len(cine) > 1:  # asking the system takes longer than preparing the one frame of a live stream
        require_memory(cine.source.name, len(cine) * size * size)
    top, left = (size - height) // 2, (size - width) // 2
    prepared = np.zeros((len(cine), size, size), np.uint8)
    for i, frame in enumerate(sector_frames(cine, sector)):
        small = (resize or by_area)(frame, (width, height))
        prepared[i, top : top + height, left : left + width] = small[::-1] if sector.apex_down else small
    if resize is None:
        prepared.flags.writeable = False
        _latest = _Prepared(weakref.ref(cine, _forget), weakref.ref(sector), size, prepared)
    return prepared


def moving_frames(cine: Cine, sector: Sector, size: int) -> np.ndarray:
    """The frames of ``prepare`` as motion is to be seen in them: what is coloured shows speed, no walls, and comes and
    goes, so there each pixel is as dark as it ever gets without colour. The same array for a gray cine, and where much
    of the sector is coloured (``MOST_COLOURED``), which is tissue then.

    uint8 ``[T, size, size]``. Raises CineError where memory is above the budget.
    """
    prepared = prepare(cine, sector, size)
    if not cine.is_color:
        return prepared
    require_memory(cine.source.name, 3 * len(cine) * size * size)
    hidden = _coloured(cine, sector, size)
    shown = prepared.max(axis=0) > 0
    if not hidden.any() or hidden[:, shown].mean() > MOST_COLOURED:
        return prepared
    darkest = np.where(hidden, np.uint8(255), prepared).min(axis=0)
    darkest[hidden.all(axis=0)] = 0
    return np.where(hidden, darkest, prepared)


def _coloured(cine: Cine, sector: Sector, size: int) -> np.ndarray:
    """Pixels of the prepared frames a quarter of which is coloured, or more: bool ``[T, size, size]``."""
    height, width = prepared_box(cine, sector, size)
    top, left = (size - height) // 2, (size - width) // 2
    hidden, outside = np.zeros((len(cine), size, size), bool), ~sector.mask[sector.box.slices]
    for i, frame in enumerate(cine.frames):
        found = coloured(frame[sector.box.slices]).astype(np.uint8) * 255
        found[outside] = 0
        small = by_area(found, (width, height)) > 255 // 4
        hidden[i, top : top + height, left : left + width] = small[::-1] if sector.apex_down else small
    return hidden


class _Prepared(NamedTuple):
    cine: weakref.ref[Cine]
    sector: weakref.ref[Sector]
    size: int
    frames: np.ndarray


_latest: _Prepared | None = None


def _forget(cine: weakref.ref[Cine]) -> None:
    global _latest
    if _latest is not None and _latest.cine is cine:
        _latest = None


def prepared_box(cine: Cine, sector: Sector, size: int) -> tuple[int, int]:
    """Height and width that the sector's box has in the square that ``prepare`` makes."""
    box = sector.box
    aspect = cine.spacing[0] / cine.spacing[1] if cine.spacing else 1.0
    if not 0.5 <= aspect <= 2.0:
        aspect = 1.0
    scale = size / max(box.height * aspect, box.width)
    height = max(1, min(size, round(box.height * aspect * scale)))
    return height, max(1, min(size, round(box.width * scale)))


def sector_frames(cine: Cine, sector: Sector) -> Iterator[np.ndarray]:
    """Each frame's luma, uint8, cut to the sector's box, black outside the sector."""
    outside = ~sector.mask[sector.box.slices]
    for i in range(len(cine)):
        frame = cine.gray(i)[sector.box.slices].copy()
        frame[outside] = 0
        yield frame


def by_area(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The mean of the pixels that each new one covers where the image shrinks, else linear interpolation."""
    shrinks = max(size) < max(frame.shape)
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
