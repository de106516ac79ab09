"""Reads the header of a MetaImage file (.mha, .mhd): the fields that a cine needs, those of the PLUS toolkit too."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .cine import CineError
from .image_layout import Coding, ImageLayout, pixel_spacing

_FIRST_KEY = re.compile(rb"\s*(ObjectType|NDims|Comment)\s*=")
_LONGEST_HEADER = 1 << 25  # bytes; PLUS writes about 500 for each frame
_LONGEST_LINE = 1 << 16
_DTYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
_PLUS_FIELD = re.compile(r"Seq_Frame(\d{1,7})_(Timestamp|ImageStatus)")
_TRUE = ("TRUE", "T", "YES", "Y", "1")


def is_metaimage(head: bytes) -> bool:
    """Whether a file is a MetaImage one. head: its first bytes (32 or more)."""
    return _FIRST_KEY.match(head) is not None


def metaimage_layout(path: Path) -> ImageLayout:
    """What a MetaImage header says. Raises CineError where it cannot be, or its pixels lie anywhere but in this file or
    in one beside it."""
    with path.open("rb") as stream:
        fields = _fields(stream, path.name)
        end_of_header = stream.tell()
    size = _whole_numbers(fields, "DimSize", path.name)
    if len(size) != _whole_numbers(fields, "NDims", path.name)[0]:
        raise _damaged(path.name, "NDims and DimSize contradict each other")
    kind = fields.get("ElementType", "").upper().removesuffix("_ARRAY")
    if kind not in _DTYPES:
        raise _damaged(path.name, f"ElementType {kind[:20] or 'is missing'} is not read; convert it to MET_UCHAR"
                       if kind.isascii() and kind.isprintable() else "ElementType is not read")  # fmt: skip
    big = _is_true(fields, "BinaryDataByteOrderMSB") or _is_true(fields, "ElementByteOrderMSB")
    channels = _whole_numbers(fields, "ElementNumberOfChannels", path.name, "1")[0]
    data, start = _place(path, fields, end_of_header)
    coding = Coding.ZLIB if _is_true(fields, "CompressedData") else Coding.PLAIN
    if not _is_true(fields, "BinaryData", "True"):
        coding = Coding.TEXT
    stamps, lost = _plus_frames(fields, math.prod(size[2:]) if 2 < len(size) < 9 else 1)
    return ImageLayout(
        "MetaImage", path, data, coding, start, tuple(size), channels, np.dtype((">" if big else "<") + _DTYPES[kind]),
        _spacing(fields), stamps=stamps, lost=lost, turned=_turned(fields.get("UltrasoundImageOrientation", "")),
    )  # fmt: skip


def _fields(stream: BinaryIO, name: str) -> dict[str, str]:
    """Keys and values of the header, which ElementDataFile ends; the stream is left behind it."""
    fields: dict[str, str] = {}
    while stream.tell() < _LONGEST_HEADER:
        line = stream.readline(_LONGEST_LINE)
        if not line:
            raise _damaged(name, "it names no pixels (ElementDataFile)")
        if not line.endswith(b"\n") and len(line) == _LONGEST_LINE:
            raise _damaged(name, "a line of it does not end")
        key, equals, value = line.decode("utf-8", "replace").partition("=")
        key, value = key.strip(), value.strip()
        if not equals and key:
            raise _damaged(name, "a line of it has no '='")
        if key:
            fields.setdefault(key, value)
        if key == "ElementDataFile":
            return fields
    raise _damaged(name, "it does not end")


def _place(path: Path, fields: dict[str, str], end_of_header: int) -> tuple[Path, int | None]:
    """The file with the pixels and where they start in it. Nothing but a regular file of this folder is taken."""
    named = fields["ElementDataFile"]
    if named.upper() == "LOCAL":
        return path, end_of_header
    words = named.split()
    if not named or named.upper().startswith("LIST") or Path(named).name != named or re.search(r"[\\/:%\0]", named) \
            or (len(words) > 1 and words[-1].isdecimal()):  # fmt: skip
        raise CineError(path.name, "its pixels are not in one file beside it; convert it to .mha or .nii.gz")
    data = path.parent / named
    try:
        if data.is_symlink() or (data.exists() and not data.is_file()):
            raise CineError(path.name, "its pixels are not in one file beside it; convert it to .mha or .nii.gz")
        there = data.is_file()
    except (OSError, ValueError):  # a name that is too long, say
        there = False
    if not there:
        raise CineError(path.name, f"the file with its pixels, {named[:80]}, is missing; put it beside it")
    skipped = _whole_numbers(fields, "HeaderSize", path.name, "0")[0]
    return data, None if skipped == -1 else skipped


def _plus_frames(fields: dict[str, str], images: int) -> tuple[tuple[float | None, ...], tuple[int, ...]]:
    """Time stamps in seconds, and the images that were not valid, as the PLUS toolkit writes them for each frame."""
    found: dict[str, dict[int, str]] = {"Timestamp": {}, "ImageStatus": {}}
    for key, value in fields.items():
        if field := _PLUS_FIELD.fullmatch(key):
            found[field[2]][int(field[1])] = value
    stamps: tuple[float | None, ...] = ()
    if found["Timestamp"] and images <= 10**6:
        stamps = tuple(_number(found["Timestamp"].get(i, "")) for i in range(images))
    lost = tuple(i for i, status in sorted(found["ImageStatus"].items()) if i < images and status.upper() != "OK")
    return stamps, lost


def _turned(orientation: str) -> tuple[int, ...]:
    """Axes along which frames are reversed so that rows lead away from the probe and columns towards its marker.

    PLUS writes for x and y what each axis leads to: M marked or U unmarked side, F far from or N near the probe. It
    shows MF, and so does echocardiography.
    """
    letters = orientation.strip().upper()
    if not re.fullmatch(r"[MU][FN][AD]?", letters):
        return ()
    return (1,) * (letters[1] == "N") + (2,) * (letters[0] == "U")


def _spacing(fields: dict[str, str]) -> tuple[float, float] | None:
    words = fields.get("ElementSpacing", fields.get("ElementSize", "")).split()
    if len(words) < 2:
        return None
    column, row = _number(words[0]), _number(words[1])
    return None if column is None or row is None else pixel_spacing(row, column)


def _whole_numbers(fields: dict[str, str], key: str, name: str, default: str = "") -> list[int]:
    words = fields.get(key, default).split()
    if not words or not all(re.fullmatch(r"[+-]?\d{1,18}", word, re.ASCII) for word in words):
        raise _damaged(name, f"{key} is no number" if words else f"{key} is missing")
    return [int(word) for word in words]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _is_true(fields: dict[str, str], key: str, default: str = "False") -> bool:
    return fields.get(key, default).upper() in _TRUE


def _damaged(name: str, what: str) -> CineError:
    return CineError(name, f"has a damaged MetaImage header: {what}")
