"""The format of compressed frames where it is not what the header says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .budget import MOST_PIXELS, require_frame_size
from .codestream import Codec, FrameShape, frame_shape, rle_samples, says_rgb
from .dicom_pixel_format import PixelFormat
from .finding import Finding, FindingKind
from .frame_decoder import jpeg_xl_shape


def declared_shape(form: PixelFormat) -> FrameShape:
    """What the header says of every frame."""
    return FrameShape(form.rows, form.columns, form.samples, form.allocated)


def as_coded(
    name: str, form: PixelFormat, frames: Sequence[tuple[bytes, Codec]]
) -> tuple[PixelFormat, list[Finding]]:
    """The header's format where one of these frames agrees with it, else that of the first sound one, and what to tell.

    Raises CineError where the frames are larger than any ultrasound image, or too small for one.
    """
    first = None
    for data, codec in frames:
        shape = _shape(data, codec, form)
        if shape is None or shape.samples not in (1, 3) or not 0 < shape.bits <= 16 or not shape.rows * shape.columns:
            continue
        if shape[:3] == declared_shape(form)[:3] and shape.bits <= form.allocated:
            return form, []
        first = first or (shape, data, codec)
    if first is None:
        return form, []
    shape, data, codec = first
    require_frame_size(name, shape.columns, shape.rows)
    return _adopted(form, shape, says_rgb(data, codec) if shape.samples == 3 else None, codec)


def _adopted(
    form: PixelFormat, shape: FrameShape, is_rgb: bool | None, codec: Codec
) -> tuple[PixelFormat, list[Finding]]:
    rows, columns, samples, bits = shape
    findings = []
    if (rows, columns) != (form.rows, form.columns):
        findings.append(Finding(FindingKind.SYNTAX, (
            f"the header says {form.columns}x{form.rows} pixels but the compressed frames are {columns}x{rows}; "
            "they are read as they are, and places that the header names in the image may not fit"
        )))  # fmt: skip
        form = replace(form, rows=rows, columns=columns)
    if samples != form.samples:
        # A JPEG of three components that names no colour space is YCbCr to every decoder.
        color = "RGB" if is_rgb or (is_rgb is None and codec is not Codec.JPEG) else "YBR_FULL"
        findings.append(Finding(FindingKind.PHOTOMETRIC, (
            f"the header says {form.photometric} with {form.samples} samples a pixel but the compressed frames have "
            f"{samples}; they are read as they are, in {'gray' if samples == 1 else 'colour'}"
        )))  # fmt: skip
        form = replace(form, samples=samples, photometric="MONOCHROME2" if samples == 1 else color)
    if bits > form.allocated:
        findings.append(Finding(FindingKind.PHOTOMETRIC, (
            f"the header says {form.allocated} bits a sample but the compressed frames have {bits}; "
            "they are read as they are, and gray levels are scaled to them"
        )))  # fmt: skip
        form = replace(form, allocated=16, stored=bits)
    return form, findings


def _shape(data: bytes, codec: Codec, form: PixelFormat) -> FrameShape | None:
    if codec is Codec.RLE:
        samples = rle_samples(data, form.allocated // 8)
        return FrameShape(form.rows, form.columns, samples, form.allocated) if samples else None
    shape = frame_shape(data)
    if shape is None or codec is not Codec.JPEG_XL:
        return shape
    if shape.rows * shape.columns > MOST_PIXELS:
        return shape._replace(samples=1, bits=8)
    try:
        return jpeg_xl_shape(data)
    except Exception:  # a damaged frame is reported when it is asked for
        return None
