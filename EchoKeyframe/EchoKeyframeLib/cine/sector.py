"""Isolates the scan sector."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .cine import Box, Cine
from .orientation import Orientation
from .sector_evidence import EchoEvidence, reduced_frames
from .sector_geometry import Fan, Placed, is_rectangular, place_fan


@dataclass(frozen=True, eq=False)
class Sector:
    """Where in the image echoes are drawn.

    mask: bool ``[H, W]``, True inside the scan sector; ECG, text, colour bars and logos lie outside.
    box: the mask's bounding box. shape: ``"sector"`` (phased array), ``"curved"``, ``"linear"`` or ``"frame"``, the
    last where no sector was found and the whole frame is used (``note`` says why). Both are in the cine's own pixels.
    orientation: which side its apex is on. orientation_given: a person said so.
    """

    mask: np.ndarray
    box: Box
    shape: str
    note: str = ""
    orientation: Orientation = Orientation.UNKNOWN
    orientation_given: bool = False

    @property
    def apex_down(self) -> bool:
        """Whether detectors are to see the picture turned upside down."""
        return self.orientation is Orientation.APEX_DOWN

    @property
    def found(self) -> bool:
        return self.shape != "frame"


def find_sector(cine: Cine, orientation: Orientation | None = None) -> Sector:
    """Find the scan sector from what moves, as the paper does: threshold, morphology, Hough lines for the two sides.

    The mask is drawn from the fitted geometry (two sides, near and far arc, straight cuts), so that dark parts of the
    sector belong to it. Fans are tried with the apex at the top and at the bottom, the better one is taken;
    ``orientation`` is what a person knows of it. Where no sector can be found the whole frame is returned and ``note``
    says why. The cine's calibrated region narrows the search, unless it shows no echoes or cuts through a sector.
    """
    sector = _find(cine, None if orientation is None else orientation is Orientation.APEX_DOWN)
    return sector if orientation is None else replace(sector, orientation=orientation, orientation_given=True)


def _find(cine: Cine, apex_down: bool | None) -> Sector:
    evidence = EchoEvidence(reduced_frames(cine))
    region, note = _trusted_region(cine, evidence, apex_down)
    patches = evidence.patches(region)
    if not patches:
        return whole_frame(cine, "no echoes stand out from the background; the whole frame is used")
    if patches[0].mean() > 0.93:
        return whole_frame(cine, "echoes fill the image; the whole frame is used")
    placed, orientation = _first_fan(patches, apex_down), Orientation.UNKNOWN
    if placed is not None:
        scale = evidence.size[0] / cine.size[0], evidence.size[1] / cine.size[1]
        mask, shape = placed.mask(cine.size, scale), _array_type(placed.fan)
        orientation = Orientation.APEX_DOWN if placed.apex_down else Orientation.UPRIGHT
    elif is_rectangular(patches[0]):
        mask, shape = _enlarge(_filled_box(patches[0]), cine.size), "linear"
    elif patches[0].mean() < 0.1:
        return whole_frame(cine, "what moves does not look like a scan sector; the whole frame is used")
    else:
        mask, shape = _enlarge(_hull(patches[0]), cine.size), "sector"
        note = "; ".join(filter(None, (note, "the sector's sides could not be fitted; its echoes' outline is used")))
    return Sector(mask, bounding_box(mask), shape, note, orientation)


def whole_frame(cine: Cine, note: str = "", orientation: Orientation = Orientation.UNKNOWN) -> Sector:
    """A sector that covers the whole image."""
    height, width = cine.size
    return Sector(np.ones((height, width), bool), Box(0, 0, width, height), "frame", note, orientation)


def bounding_box(mask: np.ndarray) -> Box:
    """The smallest box around the True pixels of a bool ``[H, W]`` that has at least one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _first_fan(patches: list[np.ndarray], apex_down: bool | None) -> Placed | None:
    placed = (place_fan(patch, apex_down) for patch in patches)
    return next((fan for fan in placed if fan is not None), None)


def _array_type(fan: Fan) -> str:
    """Curved arrays stand well away from the point where their scan lines cross."""
    apex_above_top = fan.cuts[1] - fan.apex[1]
    return "curved" if fan.near > 0.18 * fan.far and apex_above_top < fan.near - 2 else "sector"


def _filled_box(evidence: np.ndarray) -> np.ndarray:
    mask = np.zeros(evidence.shape, np.uint8)
    mask[bounding_box(evidence).slices] = 1
    return mask


def _hull(evidence: np.ndarray) -> np.ndarray:
    hull = cv2.convexHull(cv2.findNonZero(evidence.astype(np.uint8)))
    return cv2.fillConvexPoly(np.zeros(evidence.shape, np.uint8), hull, 1)


def _enlarge(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_NEAREST).astype(bool)


def _trusted_region(cine: Cine, evidence: EchoEvidence, apex_down: bool | None) -> tuple[Box | None, str]:
    """The calibrated region in pixels of the reduced frames, or None and why it is not used."""
    if cine.region is None:
        return None, ""
    rows, columns = evidence.size
    row, column = rows / cine.size[0], columns / cine.size[1]
    x0, x1 = (int(np.clip(round(x * column), 0, columns)) for x in (cine.region.x0, cine.region.x1))
    y0, y1 = (int(np.clip(round(y * row), 0, rows)) for y in (cine.region.y0, cine.region.y1))
    if x0 >= x1 or y0 >= y1 or not evidence.patches(Box(x0, y0, x1, y1)):
        return None, "the region in the file's tags shows no echoes and was ignored"
    fan = _first_fan(evidence.patches(), apex_down)
    if fan is not None:
        mask = fan.mask((rows, columns))
        inside = mask[y0:y1, x0:x1].sum() / mask.sum()
        if 0.1 < inside < 0.85:
            return None, "the region in the file's tags cuts through the scan sector and was ignored"
    return Box(x0, y0, x1, y1), ""
