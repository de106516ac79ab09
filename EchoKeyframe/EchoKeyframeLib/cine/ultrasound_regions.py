"""Pixel spacing and the 2D tissue region from Sequence of Ultrasound Regions (0018,6011), PS3.3 C.8.5.5."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from .cine import Box
from .dicom_file import items, number, numbers

_2D, _TISSUE, _COLOR_FLOW, _CM = 1, 1, 2, 3
_FIELD = (5.0, 500.0)  # mm: sides that a calibrated field can have, from a mouse's to well over a human's
_OVERRUN = 2  # pixels: some vendors give the last column and row exclusively
_SCREENS = (640, 720, 768, 800, 1016, 1024, 1280, 1440, 1600, 1920)  # widths of screens that scanners capture


@dataclass(frozen=True)
class Calibration:
    """spacing: mm per pixel (row, column) or None. region: the 2D tissue region or None. warnings: one line each."""

    spacing: tuple[float, float] | None = None
    region: Box | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Region:
    """One item: bounds in pixels (the last column and row included), mm per pixel or None, what it shows."""

    x0: float
    y0: float
    x1: float
    y1: float
    spacing: tuple[float, float] | None
    is_tissue: bool
    is_2d: bool

    @property
    def area(self) -> float:
        return (self.x1 - self.x0 + 1) * (self.y1 - self.y0 + 1)

    def fits(self, rows: int, columns: int) -> bool:
        return self.x1 < columns + _OVERRUN and self.y1 < rows + _OVERRUN

    def reduced(self, factor: float) -> _Region:
        spacing = (self.spacing[0] * factor, self.spacing[1] * factor) if self.spacing else None
        x0, y0, x1, y1 = (round(v / factor) for v in (self.x0, self.y0, self.x1, self.y1))
        return _Region(x0, y0, x1, y1, spacing, self.is_tissue, self.is_2d)

    def box(self, rows: int, columns: int) -> Box:
        return Box(int(self.x0), int(self.y0), min(columns, int(self.x1) + 1), min(rows, int(self.y1) + 1))


def calibration(header: Dataset, rows: int, columns: int) -> Calibration:
    """Spacing and region for frames of this size, as far as the tags alone settle them.

    The largest 2D tissue region counts; a 2D colour-flow region gives a spacing but no tissue region. Without
    region tags, PixelSpacing (0028,0030) serves: it is calibrated in the patient, which ImagerPixelSpacing is not.
    Regions that do not fit the image are left out with a warning; ``rescaled`` may bring them back.
    """
    stated = items(header, "SequenceOfUltrasoundRegions")
    if not stated:
        return _from_pixel_spacing(header, rows, columns)
    regions = [region for item in stated if (region := _parse(item))]
    if not regions:
        return Calibration(warnings=("ultrasound regions: none has usable bounds, so no spacing is known",))
    if not all(r.fits(rows, columns) for r in regions):
        right, bottom = max(r.x1 for r in regions), max(r.y1 for r in regions)
        return Calibration(warnings=(
            f"ultrasound regions reach to column {right:.0f} and row {bottom:.0f} of a {columns}x{rows} image; "
            "they are ignored, so no spacing is known",
        ))  # fmt: skip
    return _choose(regions, rows, columns)


def rescaled(header: Dataset, frames: np.ndarray) -> Calibration | None:
    """Regions that were written for larger frames than these, brought to their size, if that is certain.

    It is where exactly one factor, an integer or a screen's width over this image's, makes every region fit while
    what moves in the frames (uint8 ``[T, H, W(, 3)]``) stays inside the 2D regions: too small a factor leaves a
    region outside the image, too large a one leaves moving tissue outside its region. None otherwise.
    """
    rows, columns = frames.shape[1:3]
    regions = [region for item in items(header, "SequenceOfUltrasoundRegions") if (region := _parse(item))]
    moving = _moving_extent(frames)
    if moving is None or not any(r.is_2d and r.is_tissue for r in regions):
        return None
    factors = {2.0, 3.0, 4.0} | {width / columns for width in _SCREENS if width > columns}
    possible = []
    for factor in sorted(factors):
        reduced = [r.reduced(factor) for r in regions]
        if all(r.fits(rows, columns) for r in reduced) and any(_holds(r, moving) for r in reduced):
            possible.append((factor, reduced))
    if len(possible) != 1:
        return None
    factor, reduced = possible[0]
    found = _choose(reduced, rows, columns)
    note = f"ultrasound regions were written for an image {factor:g} times as large and have been scaled to this one"
    return Calibration(found.spacing, found.region, (note, *found.warnings))


def _parse(item: Dataset) -> _Region | None:
    bounds = [number(item, f"RegionLocation{key}") for key in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    if any(b is None or not 0 <= b < 65536 for b in bounds):
        return None
    x0, y0, x1, y1 = bounds
    if x1 <= x0 or y1 <= y0:
        return None
    kind = number(item, "RegionDataType")
    is_2d = number(item, "RegionSpatialFormat") == _2D and kind in (_TISSUE, _COLOR_FLOW)
    units = number(item, "PhysicalUnitsXDirection"), number(item, "PhysicalUnitsYDirection")
    spacing = None
    if is_2d and units == (_CM, _CM):
        # Deltas are negative where an axis points left or up.
        delta_x, delta_y = (abs(number(item, f"PhysicalDelta{axis}") or 0.0) * 10 for axis in "XY")
        spacing = (delta_y, delta_x)
    return _Region(x0, y0, x1, y1, spacing, kind == _TISSUE, is_2d)


def _choose(regions: Sequence[_Region], rows: int, columns: int) -> Calibration:
    flat = sorted((r for r in regions if r.is_2d), key=lambda r: (r.is_tissue, r.area), reverse=True)
    if not flat:
        return Calibration()
    best, warnings = flat[0], []
    apart = [r for r in flat[1:] if r.is_tissue and best.is_tissue and _overlap(best, r) < 0.1 * r.area]
    if any(r.area > 0.3 * best.area for r in apart):
        warnings.append(f"shows {1 + len(apart)} tissue regions side by side; the largest is used")
    spacing = best.spacing
    if spacing and not _is_plausible(spacing, best.y1 - best.y0 + 1, best.x1 - best.x0 + 1):
        warnings.append(f"pixel spacing of {spacing[0]:.3g} x {spacing[1]:.3g} mm is impossible and ignored")
        spacing = None
    return Calibration(spacing, best.box(rows, columns) if best.is_tissue else None, tuple(warnings))


def _from_pixel_spacing(header: Dataset, rows: int, columns: int) -> Calibration:
    values = numbers(header, "PixelSpacing")
    if len(values) != 2:
        return Calibration()
    spacing = values[0], values[1]
    if not _is_plausible(spacing, rows, columns):
        return Calibration(warnings=(f"PixelSpacing of {spacing[0]:.3g} x {spacing[1]:.3g} mm is impossible, ignored",))
    return Calibration(spacing)


def _is_plausible(spacing: tuple[float, float], rows: float, columns: float) -> bool:
    sides = spacing[0] * rows, spacing[1] * columns
    return all(math.isfinite(s) and _FIELD[0] <= s <= _FIELD[1] for s in sides) and 0.2 < spacing[0] / spacing[1] < 5


def _overlap(a: _Region, b: _Region) -> float:
    width = min(a.x1, b.x1) - max(a.x0, b.x0) + 1
    height = min(a.y1, b.y1) - max(a.y0, b.y0) + 1
    return max(0.0, width) * max(0.0, height)


def _holds(region: _Region, moving: Box) -> bool:
    """Whether the region contains what moves, give or take a hundredth of its size."""
    slack_x, slack_y = 0.01 * (region.x1 - region.x0) + 1, 0.01 * (region.y1 - region.y0) + 1
    return (
        region.is_2d
        and region.x0 - slack_x <= moving.x0 and moving.x1 <= region.x1 + 1 + slack_x
        and region.y0 - slack_y <= moving.y0 and moving.y1 <= region.y1 + 1 + slack_y
    )  # fmt: skip


def _moving_extent(frames: np.ndarray) -> Box | None:
    """Bounds of the pixels that change over the clip, without the outermost 0.2 % on each side; None if few do."""
    step = max(1, len(frames) // 16)
    few = frames[::step] if frames.ndim == 3 else frames[::step].max(axis=3)
    rows, columns = np.nonzero(np.ptp(few, axis=0) > 32)
    if len(rows) < 0.01 * few[0].size:
        return None
    x0, x1 = np.quantile(columns, (0.002, 0.998))
    y0, y1 = np.quantile(rows, (0.002, 0.998))
    return Box(int(x0), int(y0), math.ceil(x1) + 1, math.ceil(y1) + 1)
