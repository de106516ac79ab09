"""Isolates the scan sector."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .cine import Box, Cine
from .sector_evidence import echo_evidence, reduced_frames
from .sector_geometry import Fan, fit_fan, is_rectangular


@dataclass(frozen=True, eq=False)
class Sector:
    """Where in the image echoes are drawn.

    mask: bool ``[H, W]``, True inside the scan sector; ECG, text, colour bars and logos lie outside.
    box: the mask's bounding box. shape: ``"sector"`` (phased array), ``"curved"``, ``"linear"`` or ``"frame"``, the
    last where no sector was found and the whole frame is used (``note`` says why).
    """

    mask: np.ndarray
    box: Box
    shape: str
    note: str = ""

    @property
    def found(self) -> bool:
        return self.shape != "frame"


def find_sector(cine: Cine) -> Sector:
    """Find the scan sector from what moves, as the paper does: threshold, morphology, Hough lines for the two sides.

    The mask is drawn from the fitted geometry (two sides, near and far arc, straight cuts), so that dark parts of the
    sector belong to it. Where no sector can be found the whole frame is returned and ``note`` says why. The cine's
    calibrated region narrows the search if there are echoes in it.
    """
    frames = reduced_frames(cine)
    region = _reduced_region(cine, frames.shape[1:])
    evidence, note = echo_evidence(frames, region), ""
    if region is not None and not evidence.any():
        evidence, region = echo_evidence(frames), None
        note = "the region in the file's tags shows no echoes and was ignored"
    if not evidence.any():
        return whole_frame(cine, "no echoes stand out from the background; the whole frame is used")
    if evidence.mean() > 0.93:
        return whole_frame(cine, "echoes fill the image; the whole frame is used")
    mask, shape, fallback = _outline(evidence, cine.size)
    mask = _within(mask, cine.region if region is not None else None)
    return Sector(mask, bounding_box(mask), shape, "; ".join(filter(None, (note, fallback))))


def whole_frame(cine: Cine, note: str = "") -> Sector:
    """A sector that covers the whole image."""
    height, width = cine.size
    return Sector(np.ones((height, width), bool), Box(0, 0, width, height), "frame", note)


def bounding_box(mask: np.ndarray) -> Box:
    """The smallest box around the True pixels of a bool ``[H, W]`` that has at least one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _outline(evidence: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, str, str]:
    """Full-size mask, shape and note from reduced evidence."""
    scale = evidence.shape[0] / size[0], evidence.shape[1] / size[1]
    fan = fit_fan(evidence)
    if fan is not None:
        drawn = fan.mask(evidence.shape)
        lost = 1 - drawn[evidence].mean()
        if lost < 0.03 and drawn.sum() < 2.5 * evidence.sum():
            return fan.mask(size, scale), _array_type(fan), ""
    if is_rectangular(evidence):
        box = bounding_box(evidence)
        mask = np.zeros(evidence.shape, np.uint8)
        mask[box.slices] = 1
        return _enlarge(mask, size), "linear", ""
    hull = cv2.convexHull(cv2.findNonZero(evidence.astype(np.uint8)))
    mask = cv2.fillConvexPoly(np.zeros(evidence.shape, np.uint8), hull, 1)
    return _enlarge(mask, size), "sector", "the sector's sides could not be fitted; the outline of its echoes is used"


def _array_type(fan: Fan) -> str:
    """Curved arrays stand well away from the point where their scan lines cross."""
    apex_above_top = fan.cuts[1] - fan.apex[1]
    return "curved" if fan.near > 0.18 * fan.far and apex_above_top < fan.near - 2 else "sector"


def _enlarge(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_NEAREST).astype(bool)


def _reduced_region(cine: Cine, reduced: tuple[int, int]) -> Box | None:
    region, (height, width) = cine.region, cine.size
    if region is None:
        return None
    x0, x1 = (int(np.clip(x, 0, width)) * reduced[1] / width for x in (region.x0, region.x1))
    y0, y1 = (int(np.clip(y, 0, height)) * reduced[0] / height for y in (region.y0, region.y1))
    box = Box(int(x0), int(y0), int(np.ceil(x1)), int(np.ceil(y1)))
    return box if box.width > 0 and box.height > 0 else None


def _within(mask: np.ndarray, region: Box | None) -> np.ndarray:
    if region is None:
        return mask
    kept = np.zeros_like(mask)
    rows, columns = (slice(max(0, part.start), max(0, part.stop)) for part in region.slices)
    kept[rows, columns] = mask[rows, columns]
    return kept if kept.any() else mask
