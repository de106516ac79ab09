"""Reads the header of a NIfTI file (.nii, .nii.gz, .hdr with .img), of version 1 and 2: the fields that a cine needs.

Field places: nifti1.h and nifti2.h of the NIfTI Data Format Working Group.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np

from .cine import CineError
from .image_layout import Coding, ImageLayout, pixel_spacing

_HEADER_1, _HEADER_2 = 348, 540  # bytes, which is what the header begins with
_SIGNATURE_2 = b"\r\n\x1a\n"
_DTYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
    128: "u1", 2304: "u1",
}  # fmt: skip
_CHANNELS = {128: 3, 2304: 4}
_MM = {1: 1000.0, 2: 1.0, 3: 0.001}  # of the unit of length in xyzt_units
_GZIP = b"\x1f\x8b"


def is_nifti(path: Path, head: bytes) -> bool:
    """Whether a file is a NIfTI one. head: its first bytes (32 or more)."""
    if head[:2] != _GZIP:
        return head[:4] in _sizes(_HEADER_1) + _sizes(_HEADER_2) and _magic(_start(path)) is not None
    return _magic(_start(path)) is not None


def nifti_layout(path: Path) -> ImageLayout:
    """What a NIfTI header says. Raises CineError where it cannot be."""
    head = _start(path)
    version, single = _magic(head) or (0, True)
    if not version:
        raise CineError(path.name, "is no NIfTI file that can be read; check it or copy it again")
    order: Literal["<", ">"] = "<" if head[:4] in (_sizes(_HEADER_1)[0], _sizes(_HEADER_2)[0]) else ">"
    fields = _Fields(head, order, version)
    dims, code = fields.dims, fields.datatype
    if not 1 <= dims[0] <= 7:
        raise CineError(path.name, "has a damaged header: the number of axes in it cannot be; copy it again")
    if code not in _DTYPES:
        raise CineError(path.name, f"holds samples of NIfTI's type {code}, which are not read; convert it to uint8")
    size, channels, planar = list(dims[1 : dims[0] + 1]), _CHANNELS.get(code, 1), False
    if channels == 1 and len(size) == 5 and size[3] == 1 and size[4] in (3, 4):  # a vector image of colours
        channels, planar = size[4], True
        size = size[:3]
    data, coding = _data(path, single)
    start = _start_of_pixels(fields.offset, (_HEADER_1, _HEADER_2)[version - 1] if single else 0, path.name)
    mm = _MM.get(fields.units & 7, 1.0)
    scale = (1.0, 0.0) if channels > 1 else _scale(*fields.scale)
    return ImageLayout(
        "NIfTI", path, data, coding, start, tuple([*size, 1][: max(2, len(size))]), channels,
        np.dtype(_DTYPES[code]).newbyteorder(order), pixel_spacing(mm * fields.steps[1], mm * fields.steps[0]), planar,
        scale,
    )  # fmt: skip


class _Fields:
    """dims: their number and up to seven. steps: pixdim of x and y. offset: vox_offset."""

    def __init__(self, head: bytes, order: str, version: int) -> None:
        if version == 1:
            self.dims = struct.unpack_from(f"{order}8h", head, 40)
            (self.datatype,) = struct.unpack_from(f"{order}h", head, 70)
            self.steps = struct.unpack_from(f"{order}2f", head, 80)
            self.offset, *scale = struct.unpack_from(f"{order}3f", head, 108)
            self.units = head[123]
        else:
            self.dims = struct.unpack_from(f"{order}8q", head, 16)
            (self.datatype,) = struct.unpack_from(f"{order}h", head, 12)
            self.steps = struct.unpack_from(f"{order}2d", head, 112)
            (self.offset,) = struct.unpack_from(f"{order}q", head, 168)
            scale = list(struct.unpack_from(f"{order}2d", head, 176))
            self.units = struct.unpack_from(f"{order}i", head, 500)[0]
        self.scale = tuple(scale)


def _magic(head: bytes) -> tuple[int, bool] | None:
    """Version, and whether the pixels are in the same file; None where it is no NIfTI header."""
    if len(head) >= _HEADER_1 and head[:4] in _sizes(_HEADER_1) and head[344:348] in (b"n+1\0", b"ni1\0"):
        return 1, head[345:346] == b"+"
    magic = head[4:12]
    if len(head) >= _HEADER_2 and head[:4] in _sizes(_HEADER_2) and magic in (b"n+2\0" + _SIGNATURE_2,
                                                                             b"ni2\0" + _SIGNATURE_2):  # fmt: skip
        return 2, magic[1:2] == b"+"
    return None


def _sizes(size: int) -> tuple[bytes, bytes]:
    return struct.pack("<i", size), struct.pack(">i", size)


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            opener = gzip.open if stream.read(2) == _GZIP else open
        with opener(path, "rb") as stream:
            return stream.read(_HEADER_2)
    except (OSError, EOFError, zlib.error):
        return b""


def _data(path: Path, single: bool) -> tuple[Path, Coding]:
    """The file with the pixels and how it is packed: this one, or the .img beside a .hdr."""
    data = path
    if not single:
        base = path.with_suffix("") if path.suffix.lower() == ".gz" else path
        beside = [base.with_suffix(suffix) for suffix in (".img", ".IMG", ".img.gz")]
        found = next((file for file in beside if file.is_file() and not file.is_symlink()), None)
        if found is None:
            raise CineError(path.name, f"the file with its pixels, {beside[0].name}, is missing; put it beside it")
        data = found
    with data.open("rb") as stream:
        return data, Coding.GZIPPED_FILE if stream.read(2) == _GZIP else Coding.PLAIN


def _start_of_pixels(offset: float, least: int, name: str) -> int:
    if not math.isfinite(offset):
        raise CineError(name, "has a damaged header: its pixels lie nowhere in it; copy it again")
    return max(int(offset), least)


def _scale(slope: float, intercept: float) -> tuple[float, float]:
    """A slope of 0 means that samples are the values (nifti1.h)."""
    if not (math.isfinite(slope) and math.isfinite(intercept)) or slope == 0:
        return 1.0, 0.0
    return slope, intercept
