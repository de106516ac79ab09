"""Writes small real DICOM cines for tests, in any transfer syntax that imagecodecs, Pillow or pydicom encodes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_encoder
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    MPEG2MPML,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    UID_dictionary,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

JPEG_XL_LOSSLESS, JPEG_XL = UID("1.2.840.10008.1.2.4.110"), UID("1.2.840.10008.1.2.4.112")
"""Transfer syntaxes that pydicom does not know yet."""

PATIENT = "SECRET^PATIENT"
"""Name of the patient in every file written here: it must appear nowhere else."""


def beating_frames(count: int = 6, rows: int = 48, columns: int = 64) -> np.ndarray:
    """A gray disc whose radius and brightness change, uint8 ``[T, H, W]``."""
    y, x = np.mgrid[:rows, :columns]
    distance = np.hypot(y - rows / 2, x - columns / 2)
    phase = 2 * np.pi * np.arange(count) / max(count, 1)
    radius = (0.3 + 0.1 * np.cos(phase))[:, None, None] * min(rows, columns)
    texture = 20 + 3 * np.arange(count)[:, None, None] + (x + 2 * y) % 16
    return np.where(distance < radius, texture + 120, texture).astype(np.uint8)


def doppler_frames(count: int = 6, rows: int = 48, columns: int = 64) -> np.ndarray:
    """Gray frames with a moving red and blue patch, RGB uint8 ``[T, H, W, 3]``."""
    frames = np.repeat(beating_frames(count, rows, columns)[..., None], 3, axis=3)
    for i, frame in enumerate(frames):
        at = columns // 4 + 2 * i
        frame[rows // 4 : rows // 2, at : at + columns // 4] = (210, 40, 20)
        frame[rows // 2 : 3 * rows // 4, at : at + columns // 4] = (20, 60, 220)
    return frames


def write_dicom(
    path: Path,
    frames: np.ndarray,
    syntax: str = ExplicitVRLittleEndian,
    photometric: str | None = None,
    planar: int = 0,
    encoded: Sequence[bytes] | None = None,
    pixel_data: bytes | None = None,
    **tags: object,
) -> Path:
    """Write frames, ``[T, H, W]`` or ``[T, H, W, 3]`` in the colour space that ``photometric`` names.

    encoded: the compressed frames, where they are not to be made here. pixel_data: the uncompressed pixel data,
    where they are not the frames. tags: further elements by keyword; None removes one that would be written.
    """
    syntax = UID(syntax)
    color = frames.ndim == 4
    photometric = photometric or ("RGB" if color else "MONOCHROME2")
    header = _header(frames, syntax, photometric, planar)
    if syntax in _ENCODERS or (syntax.is_encapsulated and not syntax.is_deflated):
        encoded = [encode(frame, syntax, photometric, planar) for frame in frames] if encoded is None else encoded
        header.PixelData = encapsulate(list(encoded))
    else:
        if pixel_data is None:
            stored = np.moveaxis(frames, 3, 1) if color and planar else frames
            order = ">" if syntax == ExplicitVRBigEndian else "<"
            pixel_data = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
        header.PixelData = pixel_data + b"\0" * (len(pixel_data) % 2)
    header["PixelData"].VR = "OB" if frames.itemsize == 1 else "OW"
    for keyword, value in tags.items():
        if value is None:
            delattr(header, keyword)
        else:
            setattr(header, keyword, value)
    known = syntax if syntax in UID_dictionary else MPEG2MPML
    header.file_meta.TransferSyntaxUID = known
    header.save_as(path, enforce_file_format=True)
    if syntax != known:  # pydicom writes only those that it knows; this one is as long
        path.write_bytes(path.read_bytes().replace(known.encode() + b"\0", syntax.encode() + b"\0", 1))
    return path


def encode(frame: np.ndarray, syntax: str, photometric: str, planar: int = 0) -> bytes:
    """One frame as a codestream."""
    if syntax == JPEGBaseline8Bit or (syntax == JPEGExtended12Bit and frame.itemsize == 1):
        stream = io.BytesIO()
        mode = {"YBR_FULL": "YCbCr", "YBR_FULL_422": "YCbCr", "RGB": "RGB"}.get(photometric, "L")
        options = {"subsampling": 1} if photometric == "YBR_FULL_422" else {"subsampling": 0} if mode != "L" else {}
        image = Image.frombytes(mode, frame.shape[1::-1], np.ascontiguousarray(frame).tobytes())
        image.save(stream, "JPEG", quality=95, **options, **({"keep_rgb": True} if mode == "RGB" else {}))
        return stream.getvalue()
    if syntax == RLELossless:
        return get_encoder(RLELossless).encode(
            frame, rows=frame.shape[0], columns=frame.shape[1], samples_per_pixel=1 if frame.ndim == 2 else 3,
            photometric_interpretation=photometric, bits_allocated=8 * frame.itemsize,
            bits_stored=8 * frame.itemsize, pixel_representation=0, planar_configuration=0, number_of_frames=1,
            encoding_plugin="pydicom",
        )  # fmt: skip
    return bytes(_ENCODERS[UID(syntax)](np.ascontiguousarray(frame), photometric))


def claim_syntax(path: Path, syntax: str) -> Path:
    """Let a file's meta information name another transfer syntax than that in which it is written."""
    data = path.read_bytes()
    at = data.index(b"\x02\x00\x10\x00UI")
    length = int.from_bytes(data[at + 6 : at + 8], "little")
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    group = int.from_bytes(data[140:144], "little") + len(value) - length
    element = data[at : at + 6] + len(value).to_bytes(2, "little") + value
    path.write_bytes(data[:140] + group.to_bytes(4, "little") + data[144:at] + element + data[at + 8 + length :])
    return path


def pixel_items(path: Path) -> list[tuple[int, int]]:
    """Where each item of the encapsulated pixel data lies in a file, the offset table first: its value and length."""
    data = path.read_bytes()
    at, found = data.index(b"\xe0\x7f\x10\x00OB") + 12, []
    while data[at : at + 4] == b"\xfe\xff\x00\xe0":
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((at + 8, length))
        at += 8 + length
    return found


def region(x0: int, y0: int, x1: int, y1: int, delta: float | tuple[float, float] = 0.05, **tags: int) -> Dataset:
    """A 2D tissue region in cm; ``delta`` is PhysicalDeltaX (and Y, if they differ); ``tags`` replaces elements."""
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 2
    item.RegionLocationMinX0, item.RegionLocationMinY0 = x0, y0
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = x1, y1
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX, item.PhysicalDeltaY = delta if isinstance(delta, tuple) else (delta, delta)
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    return item


def _header(frames: np.ndarray, syntax: UID, photometric: str, planar: int) -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = syntax
    header.SOPClassUID, header.SOPInstanceUID = UltrasoundMultiFrameImageStorage, generate_uid()
    header.PatientName, header.PatientID, header.Modality = PATIENT, "SECRET-ID", "US"
    header.NumberOfFrames, header.Rows, header.Columns = frames.shape[:3]
    header.SamplesPerPixel = 3 if frames.ndim == 4 else 1
    if frames.ndim == 4:
        header.PlanarConfiguration = planar
    header.PhotometricInterpretation = photometric
    header.BitsAllocated = header.BitsStored = 8 * frames.itemsize
    header.HighBit = header.BitsStored - 1
    header.PixelRepresentation = 0
    header.FrameTime = "40"
    header.FrameIncrementPointer = 0x00181063
    return header


def _lossless_jpeg(frame: np.ndarray, photometric: str) -> bytes:
    space = "GRAYSCALE" if frame.ndim == 2 else "YCBCR" if photometric.startswith("YBR_FULL") else "RGB"
    return imagecodecs.jpeg8_encode(frame, lossless=True, predictor=1, colorspace=space, outcolorspace=space)


def _jpeg_2000(frame: np.ndarray, photometric: str, level: int = 0) -> bytes:
    mct = photometric in ("YBR_ICT", "YBR_RCT")
    return imagecodecs.jpeg2k_encode(frame, level, codecformat="j2k", reversible=not level, mct=mct)


_ENCODERS = {
    JPEGExtended12Bit: lambda frame, _: imagecodecs.jpeg8_encode(frame, 95, bitspersample=12),
    JPEGLossless: _lossless_jpeg,
    JPEGLosslessSV1: _lossless_jpeg,
    JPEGLSLossless: lambda frame, _: imagecodecs.jpegls_encode(frame),
    JPEGLSNearLossless: lambda frame, _: imagecodecs.jpegls_encode(frame, 3),
    JPEG2000Lossless: _jpeg_2000,
    JPEG2000: lambda frame, photometric: _jpeg_2000(frame, photometric, 45),
    HTJ2KLossless: lambda frame, _: imagecodecs.htj2k_encode(frame, reversible=True),
    HTJ2KLosslessRPCL: lambda frame, _: imagecodecs.htj2k_encode(frame, reversible=True),
    HTJ2K: lambda frame, _: imagecodecs.htj2k_encode(frame, 0.001, reversible=False),
    JPEG_XL_LOSSLESS: lambda frame, _: imagecodecs.jpegxl_encode(frame, lossless=True),
    JPEG_XL: lambda frame, _: imagecodecs.jpegxl_encode(frame, distance=0.5),
}
