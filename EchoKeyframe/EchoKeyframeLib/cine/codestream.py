"""What the header of a compressed frame says about its size, read before a native decoder sees the data."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

_JPEG_START = b"\xff\xd8\xff"
_J2K_START = b"\xff\x4f\xff\x51"
_JP2_START = b"\x00\x00\x00\x0cjP  "
_RLE_HEADER = 64  # bytes; the first segment begins right behind it (PS3.5 G.5)
_START_OF_SCAN, _HUFFMAN_TABLE, _JPEG_LS = 0xDA, 0xC4, 0xF7
_SEGMENTS = {0xC3, _HUFFMAN_TABLE, _START_OF_SCAN, 0xDD, _JPEG_LS, 0xF8, 0xFE, *range(0xE0, 0xF0)}
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_LS_MARKER = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
# SOF0-15 without DHT (C4), JPG (C8) and DAC (CC); F7 is the SOF of JPEG-LS (ISO 14495-1).
_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}


class FrameShape(NamedTuple):
    """Size that a codestream declares: pixels, samples per pixel, bits per sample."""

    rows: int
    columns: int
    samples: int
    bits: int


def starts_frame(data: bytes) -> bool:
    """Whether these bytes are the first of a JPEG, JPEG-LS, JPEG 2000 or DICOM RLE frame; 8 bytes suffice."""
    if data.startswith((_JPEG_START, _J2K_START, _JP2_START)):
        return True
    if len(data) < 8:
        return False
    segments, first = struct.unpack_from("<II", data)
    return 1 <= segments <= 15 and first == _RLE_HEADER


def frame_shape(data: bytes) -> FrameShape | None:
    """Size that a JPEG, JPEG-LS or JPEG 2000 codestream declares; None for anything else or a damaged header."""
    try:
        if data.startswith(_JPEG_START):
            return _jpeg_shape(data)
        start = data.find(_J2K_START, 0, 4096)
        return _j2k_shape(data, start) if start >= 0 else None
    except (struct.error, IndexError):
        return None


def adobe_transform(data: bytes) -> int | None:
    """Colour transform that a JPEG's Adobe marker names: 0 none (RGB), 1 YCbCr; None without such a marker."""
    at = data.find(b"\xff\xee\x00\x0eAdobe", 0, 4096)
    return data[at + 15] if 0 <= at < len(data) - 15 else None


def rle_is_sound(data: bytes, segments: int, pixels: int) -> bool:
    """Whether an RLE frame has this many segments, in order, inside the data and long enough (PS3.5 G.3, G.5).

    Two bytes stand for 128 at most, so data that cannot hold so many pixels never have memory set aside for them.
    """
    if len(data) < _RLE_HEADER:
        return False
    count, *offsets = struct.unpack_from("<16I", data)
    used = offsets[:count] if count <= 15 else []
    return count == segments and used[0] == _RLE_HEADER and all(
        (b - a) * 64 >= pixels for a, b in zip(used, [*used[1:], len(data)], strict=True)
    )


def jpeg_is_sound(data: bytes) -> bool:
    """Whether a lossless JPEG or JPEG-LS codestream has its segments whole and in order, up to its end marker.

    GDCM ends the process on some streams that do not: a second frame header, stray markers, a scan without an end.
    """
    at, frames, kinds = 2, 0, []
    while data[at : at + 1] == b"\xff" and at + 1 < len(data):
        marker = data[at + 1]
        if marker == 0xD9:
            return frames == 1 and _START_OF_SCAN in kinds
        if marker not in _SEGMENTS or at + 4 > len(data):
            return False
        length = struct.unpack_from(">H", data, at + 2)[0]
        is_ls = _JPEG_LS in kinds
        kinds.append(marker)
        frames += marker in _START_OF_FRAME
        if marker == _START_OF_SCAN and (frames != 1 or not (is_ls or _HUFFMAN_TABLE in kinds)):
            return False
        at += 2 + length
        if length < 2 or at > len(data):
            return False
        if marker == _START_OF_SCAN:
            # What follows is coded data up to a marker that neither stuffing nor a restart explains.
            found = (_LS_MARKER if is_ls else _MARKER).search(data, at)
            if found is None:
                return False
            at = found.start()
    return False


def _jpeg_shape(data: bytes) -> FrameShape | None:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        elif marker in _START_OF_FRAME:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", data, at + 4)
            return FrameShape(rows, columns, samples, bits)
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    return None


def _j2k_shape(data: bytes, start: int) -> FrameShape | None:
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    samples, bits = struct.unpack_from(">HB", data, start + 40)
    # The tile grid is a decoder's other lever on memory: a frame of many tiny tiles takes forever.
    tile_columns, tile_rows, tile_left, tile_top = struct.unpack_from(">4I", data, start + 24)
    if not tile_columns or not tile_rows or right <= left or bottom <= top:
        return None
    tiles = -(-(right - tile_left) // tile_columns) * -(-(bottom - tile_top) // tile_rows)
    if not 0 < tiles <= 65535:
        return None
    return FrameShape(bottom - top, right - left, samples, (bits & 0x7F) + 1)
