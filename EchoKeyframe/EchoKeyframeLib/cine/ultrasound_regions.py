"""Pixel spacing and the 2D tissue region from Sequence of Ultrasound Regions (0018,6011), PS3.3 C.8.5.5."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydicom.dataset import Dataset

from .cine import Box
from .dicom_file import decimal_commas, items, number, numbers, text
from .finding import Finding, FindingKind

_2D, _TISSUE, _COLOR_FLOW, _CM = 1, 1, 2, 3
_FIELD = (5.0, 500.0)  # mm: sides that a calibrated field can have, from a mouse's to well over a human's
_AGREEMENT = 0.02  # by which two statements of one size may differ
_OVERLAP = "tissue regions overlap"
_DPI = (72, 96, 100, 120, 150, 200, 300, 600)
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_OVERRUN = 2  # pixels: some vendors give the last column and row exclusively
_SCREENS = (640, 720, 768, 800, 1016, 1024, 1280, 1440, 1600, 1920)  # widths of screens that scanners capture


@dataclass(frozen=True)
class Calibration:
    """spacing: mm per pixel (row, column) or None. region: the 2D tissue region or None. findings: what is doubtful."""

    spacing: tuple[float, float] | None = None
    region: Box | None = None
    findings: tuple[Finding, ...] = ()

    def with_doubts(self, *texts: str) -> Calibration:
        """The same with findings about the spacing added."""
        return replace(self, findings=(*self.findings, *(Finding(FindingKind.SPACING, text) for text in texts)))


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

    The largest 2D tissue region counts; a 2D colour-flow region gives a spacing but no tissue region. Where regions
    give no spacing, PixelSpacing (0028,0030) serves: it is calibrated in the patient, which ImagerPixelSpacing is not.
    Regions that do not fit the image are left out, which is told; ``rescaled`` may bring them back.
    """
    stated = items(header, "SequenceOfUltrasoundRegions")
    found = _from_regions(stated, rows, columns) if stated else Calibration()
    return _beside_pixel_spacing(found, bool(stated), header, rows, columns)


def _from_regions(stated: Sequence[Dataset], rows: int, columns: int) -> Calibration:
    regions = [region for item in stated if (region := _parse(item))]
    if not regions:
        return Calibration().with_doubts("ultrasound regions: none has usable bounds, so they give no spacing")
    if not all(r.fits(rows, columns) for r in regions):
        right, bottom = max(r.x1 for r in regions), max(r.y1 for r in regions)
        return Calibration().with_doubts(
            f"ultrasound regions reach to column {right:.0f} and row {bottom:.0f} of a {columns}x{rows} image; "
            "they are ignored, so they give no spacing"
        )
    return _choose(regions, rows, columns)


def _beside_pixel_spacing(
    found: Calibration, has_regions: bool, header: Dataset, rows: int, columns: int
) -> Calibration:
    """What regions say and what PixelSpacing says, made into one."""
    own = pixel_spacing(header, rows, columns)
    if not has_regions:
        return own
    if own.spacing is None or _contradicts_itself(found):
        return found
    shown = _shown(own.spacing)
    if found.spacing is None:
        told = found.with_doubts(f"the ultrasound regions give no scale; PixelSpacing of {shown} mm is used instead")
        return replace(told, spacing=own.spacing, findings=(*told.findings, *own.findings))
    if all(math.isclose(a, b, rel_tol=_AGREEMENT) for a, b in zip(own.spacing, found.spacing, strict=True)):
        return found
    return found.with_doubts(
        f"PixelSpacing says {shown} mm, the ultrasound region {_shown(found.spacing)} mm; the region is used, "
        "lengths and volumes follow from it"
    )


def _contradicts_itself(found: Calibration) -> bool:
    return found.spacing is None and any(_OVERLAP in finding.text for finding in found.findings)


def _shown(spacing: tuple[float, float]) -> str:
    row, column = spacing
    return f"{row:.3g}" if math.isclose(row, column, rel_tol=1e-3) else f"{row:.3g} x {column:.3g}"


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
    scaled = replace(found, findings=()).with_doubts(note)
    return replace(scaled, findings=(*scaled.findings, *found.findings))


def _parse(item: Dataset) -> _Region | None:
    bounds = (number(item, f"RegionLocation{key}") for key in ("MinX0", "MinY0", "MaxX1", "MaxY1"))
    usable = [b for b in bounds if b is not None and 0 <= b < 65536]
    if len(usable) < 4:
        return None
    x0, y0, x1, y1 = usable
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
    best, doubts = flat[0], []
    apart = [r for r in flat[1:] if r.is_tissue and best.is_tissue and _overlap(best, r) < 0.1 * r.area]
    if any(r.area > 0.3 * best.area for r in apart):
        doubts.append(f"shows {1 + len(apart)} tissue regions side by side; the largest is used")
    spacing = best.spacing
    if spacing and (other := _other_scale(best, flat[1:])):
        doubts.append(f"{_OVERLAP} and say {_shown(spacing)} and {_shown(other)} mm; neither is used")
        spacing = None
    elif spacing == (0.0, 0.0):
        doubts.append("the ultrasound region has no scale: its PhysicalDelta of 0 is impossible")
        spacing = None
    elif spacing and not _is_plausible(spacing, best.y1 - best.y0 + 1, best.x1 - best.x0 + 1):
        doubts.append(f"pixel spacing of {spacing[0]:.3g} x {spacing[1]:.3g} mm is impossible and ignored")
        spacing = None
    return Calibration(spacing, best.box(rows, columns) if best.is_tissue else None).with_doubts(*doubts)


def _other_scale(best: _Region, others: Sequence[_Region]) -> tuple[float, float] | None:
    """The scale of a tissue region that overlaps this one and has another."""
    for other in others:
        if not (best.is_tissue and other.is_tissue and best.spacing and other.spacing):
            continue
        if _overlap(best, other) < 0.1 * other.area or 0.0 in (*best.spacing, *other.spacing):
            continue
        if not all(math.isclose(a, b, rel_tol=_AGREEMENT) for a, b in zip(best.spacing, other.spacing, strict=True)):
            return other.spacing
    return None


def pixel_spacing(header: Dataset, rows: int, columns: int) -> Calibration:
    """What PixelSpacing alone says of frames of this size; nothing where it was not measured."""
    values = numbers(header, "PixelSpacing")
    if len(values) != 2:
        return Calibration()
    spacing = values[0], values[1]
    commas = decimal_commas(header, ["PixelSpacing"])
    if not _is_plausible(spacing, rows, columns):
        impossible = f"PixelSpacing of {spacing[0]:.3g} x {spacing[1]:.3g} mm is impossible, ignored"
        return Calibration().with_doubts(*commas, impossible)
    if spacing == (1.0, 1.0) and _is_secondary_capture(header):
        return Calibration().with_doubts(
            "PixelSpacing of 1 x 1 mm in a secondary capture is what converters write where nobody measured; "
            "the size of a pixel is taken as unknown"
        )
    found = Calibration(spacing).with_doubts(*commas)
    if (dpi := screen_dpi(spacing)) is not None:
        return found.with_doubts(
            f"PixelSpacing of {spacing[0]:.4g} mm is that of a screen or printer of {dpi} dots per inch and may not be "
            "that of tissue; check it before sizes and volumes are used"
        )
    return found


def screen_dpi(spacing: tuple[float, float]) -> int | None:
    """Dots per inch of a screen or printer that this spacing (mm) is, None where it is of none."""
    if not math.isclose(spacing[0], spacing[1], rel_tol=1e-3):
        return None
    return next((dpi for dpi in _DPI if math.isclose(spacing[0], 25.4 / dpi, rel_tol=1e-3)), None)


def _is_secondary_capture(header: Dataset) -> bool:
    """By SOP class, or by Conversion Type (0008,0064), which only captured images have."""
    kind = text(header, "SOPClassUID")
    is_class = kind == _SECONDARY_CAPTURE or kind.startswith(f"{_SECONDARY_CAPTURE}.")
    return is_class or bool(text(header, "ConversionType"))


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
