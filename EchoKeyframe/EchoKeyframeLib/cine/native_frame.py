"""Takes one uncompressed frame out of DICOM pixel data."""

from __future__ import annotations

import numpy as np

from .dicom_file import DicomFile
from .dicom_pixel_format import PixelFormat


def native_frame(file: DicomFile, form: PixelFormat, index: int) -> np.ndarray:
    """Samples of a frame, ``[H, W]`` or ``[H, W, 3]``, in the machine's byte order. Raises ValueError if cut short."""
    length = form.frame_bytes
    start = index * length
    # Big endian data of 8 bits may be written as words, whose bytes are then exchanged in pairs (PS3.5 8.1.1).
    in_words = not file.is_little_endian and form.allocated == 8 and file.pixel_vr == "OW"
    first = start - start % 2 if in_words else start
    data = file.read(first, length + 2 * in_words + (start - first))
    if in_words:
        pairs = np.frombuffer(data[: len(data) // 2 * 2], np.uint16).byteswap()
        data = pairs.tobytes()[start - first :]
    data = data[:length]
    if len(data) < length:
        raise ValueError("an uncompressed frame that is cut short")
    order = "<" if file.is_little_endian else ">"
    samples = np.frombuffer(data, f"{order}u{form.allocated // 8}")
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if form.photometric == "YBR_FULL_422":
        return _every_pixel(samples, form)
    if form.samples == 1:
        return samples.reshape(form.rows, form.columns)
    if form.planar:
        return np.moveaxis(samples.reshape(form.samples, form.rows, form.columns), 0, 2)
    return samples.reshape(form.rows, form.columns, form.samples)


def _every_pixel(samples: np.ndarray, form: PixelFormat) -> np.ndarray:
    """YBR_FULL of YBR_FULL_422, where two luma samples are followed by the Cb and Cr that both share."""
    pairs = samples.reshape(form.rows, form.columns // 2, 4)
    full = np.empty((form.rows, form.columns // 2, 2, 3), samples.dtype)
    full[..., 0] = pairs[..., :2]
    full[..., 1:] = pairs[..., None, 2:]
    return full.reshape(form.rows, form.columns, 3)
