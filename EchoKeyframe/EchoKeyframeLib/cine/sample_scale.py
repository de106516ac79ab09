"""From stored samples of any depth to 8 bits of gray or RGB: palette, window, or the clip's own range."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut

from .dicom_file import number
from .dicom_pixel_format import PixelFormat


def needs_scale(form: PixelFormat) -> bool:
    """False for plain unsigned samples of 8 bits, which are shown as they are stored."""
    return form.photometric == "PALETTE COLOR" or form.allocated != 8 or form.stored != 8 or form.signed


def scale_table(form: PixelFormat, header: Dataset, extremes: Iterable[tuple[float, float]]) -> np.ndarray:
    """uint8 for every possible stored sample: gray ``[n]`` or, from a palette, RGB ``[n, 3]``.

    extremes: least and largest sample of each frame; asked only for gray without a window, so that one scale serves
    the whole clip.
    """
    values = np.arange(1 << form.allocated).astype(f"u{form.allocated // 8}")
    if form.photometric == "PALETTE COLOR":
        return _to_8_bit(apply_color_lut(values[None], header)[0])
    values = values.view("i1" if form.allocated == 8 else "i2") if form.signed else values
    low, high = 0.0, 2.0**form.stored - 1
    if form.is_gray:
        low, high = _window(header) or _whole_range(extremes)
    scaled = (values.astype(np.float64) - low) / max(high - low, 1e-9) * 255.0
    table = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return 255 - table if form.photometric == "MONOCHROME1" else table


def without_unused_bits(samples: np.ndarray, form: PixelFormat, bits: int) -> np.ndarray:
    """The same samples in as many bits as are allocated, those beyond the lowest ``bits`` set as the sign demands."""
    kind = "i" if form.signed else "u"
    if samples.dtype.itemsize * 8 != form.allocated:
        samples = samples.astype(f"{samples.dtype.kind}{form.allocated // 8}")
    samples = samples.view(f"{kind}{samples.dtype.itemsize}")
    unused = form.allocated - bits
    return samples if unused <= 0 else (samples << unused) >> unused


def _window(header: Dataset) -> tuple[float, float] | None:
    """Stored values that the file's window shows as black and white (PS3.3 C.11.2.1.2), None without one."""
    center, width = number(header, "WindowCenter"), number(header, "WindowWidth")
    slope, intercept = number(header, "RescaleSlope"), number(header, "RescaleIntercept")
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    if center is None or width is None or not width > 1 or not slope > 0:
        return None
    low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    window = (low - intercept) / slope, (high - intercept) / slope
    return window if np.isfinite(window).all() else None


def _whole_range(extremes: Iterable[tuple[float, float]]) -> tuple[float, float]:
    ranges = list(extremes)
    return (min(r[0] for r in ranges), max(r[1] for r in ranges)) if ranges else (0.0, 1.0)


def _to_8_bit(colors: np.ndarray) -> np.ndarray:
    # Some 16-bit palettes hold values up to 255 only.
    return (colors >> 8 if colors.dtype == np.uint16 and colors.max() > 255 else colors).astype(np.uint8)
