"""What the header of a compressed frame says: codec, size and colour, read before a native decoder sees the data."""

from __future__ import annotations

import re
import struct
from enum import Enum
from typing import NamedTuple

_JPEG_START = b"\xff\xd8\xff"
_J2K_START = b"\xff\x4f\xff\x51"
_JP2_START = b"\x00\x00\x00\x0cjP  "
_JXL_START = b"\xff\x0a"
_JXL_BOX = b"\x00\x00\x00\x0cJXL "
_RLE_HEADER = 64  # bytes; the first segment begins right behind it (PS3.5 G.5)
_JXL_RATIOS = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height
_START_OF_SCAN, _HUFFMAN_TABLE, _JPEG_LS = 0xDA, 0xC4, 0xF7
_SEGMENTS = {0xC3, _HUFFMAN_TABLE, _START_OF_SCAN, 0xDD, _JPEG_LS, 0xF8, 0xFE, *range(0xE0, 0xF0)}
_LOSSY_SEGMENTS = {*range(0xC0, 0xD0), 0xDB, 0xDC, *_SEGMENTS}
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_LS_MARKER = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
# SOF0-15 without DHT (C4), JPG (C8) and DAC (CC); F7 is the SOF of JPEG-LS (ISO 14495-1).
_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}


class Codec(Enum):
    """How a frame is compressed, as its own first bytes tell. JPEG is its lossy kinds, of 8 and 12 bits."""

    JPEG = "JPEG"
    LOSSLESS_JPEG = "lossless JPEG"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    JPEG_XL = "JPEG XL"
    RLE = "RLE"


class FrameShape(NamedTuple):
    """Size that a codestream declares: pixels, samples per pixel, bits per sample."""

    rows: int
    columns: int
    samples: int
    bits: int


def starts_frame(data: bytes) -> bool:
    """Whether these bytes are the first of a compressed frame; 8 bytes suffice."""
    if data.startswith((_JPEG_START, _J2K_START, _JP2_START, _JXL_START, _JXL_BOX)):
        return True
    if len(data) < 8:
        return False
    segments, first = struct.unpack_from("<II", data)
    return 1 <= segments <= 15 and first == _RLE_HEADER


def codec_of(data: bytes) -> Codec | None:
    """The codec of a frame; None for what starts as none, and for a JPEG without a whole frame header."""
    if data.startswith(_JPEG_START):
        marker = _frame_marker(data)
        kinds = {None: None, 0xC3: Codec.LOSSLESS_JPEG, _JPEG_LS: Codec.JPEG_LS}
        return kinds.get(marker, Codec.JPEG)
    if data.startswith((_JXL_START, _JXL_BOX)):
        return Codec.JPEG_XL
    if j2k_start(data) >= 0:
        return Codec.JPEG_2000
    return Codec.RLE if starts_frame(data) else None


def frame_shape(data: bytes) -> FrameShape | None:
    """Size that a codestream declares; None for RLE, which declares none, for anything else or a damaged header.

    JPEG XL: samples and bits are 0, for they lie behind much that is optional.
    """
    try:
        if data.startswith(_JPEG_START):
            return _jpeg_shape(data)
        if data.startswith((_JXL_START, _JXL_BOX)):
            return _jxl_shape(data)
        start = j2k_start(data)
        return _j2k_shape(data, start) if start >= 0 else None
    except (struct.error, IndexError):
        return None


def rle_samples(data: bytes, size: int) -> int | None:
    """Samples per pixel, 1 or 3, that an RLE frame of ``size`` bytes a sample has segments for; None for others."""
    count = struct.unpack_from("<I", data)[0] if len(data) >= 4 else 0
    return {size: 1, 3 * size: 3}.get(count)


def j2k_start(data: bytes) -> int:
    """Where the JPEG 2000 codestream starts, which may lie in the boxes of a JP2 file; -1 where there is none."""
    return data.find(_J2K_START, 0, 4096)


def says_rgb(data: bytes, codec: Codec) -> bool | None:
    """Whether the samples that decoding a frame of colour gives are RGB; False for YCbCr, None where it does not say.

    A JPEG says it by an Adobe marker, by components named R, G, B, or (the lossy kinds) by JFIF, which knows YCbCr
    only. JPEG 2000 does where it applied its own transform, which decoding undoes; JPEG XL always does.
    """
    if codec is Codec.JPEG_XL:
        return True
    if codec is Codec.JPEG_2000:
        return True if _has_component_transform(data) else None
    if codec is Codec.RLE:
        return None
    adobe = data.find(b"\xff\xee\x00\x0eAdobe", 0, 4096)
    if 0 <= adobe < len(data) - 15:
        return data[adobe + 15] == 0
    at = _frame_header(data)
    if at is not None and data[at + 10 : at + 19 : 3].lower() == b"rgb":
        return True
    is_jfif = data.find(b"JFIF\0", 0, 4096) >= 0
    return False if is_jfif and codec is Codec.JPEG else None


def rle_is_sound(data: bytes, segments: int, pixels: int) -> bool:
    """Whether an RLE frame has this many segments, in order, inside the data and long enough (PS3.5 G.3, G.5).

    Two bytes stand for 128 at most, so data that cannot hold so many pixels never have memory set aside for them.
    """
    found = rle_segments(data)
    return len(found) == segments and found[0][0] == _RLE_HEADER and all(64 * (b - a) >= pixels for a, b in found)


def rle_segments(data: bytes) -> list[tuple[int, int]]:
    """Where the segments of an RLE frame begin and end; none for a header that has no room."""
    if len(data) < _RLE_HEADER:
        return []
    count, *offsets = struct.unpack_from("<16I", data)
    used = offsets[:count] if count <= 15 else []
    return list(zip(used, [*used[1:], len(data)], strict=True)) if used else []


def jpeg_is_sound(data: bytes) -> bool:
    """Whether a lossless JPEG or JPEG-LS codestream has its segments whole and in order, up to its end marker.

    What does not is not given to a native decoder: a second frame header, stray markers, a scan without an end.
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


def jpeg_has_stray_marker(data: bytes) -> bool:
    """Whether the coded data of a lossy JPEG hold a marker that cannot be there, for what has spoilt them rarely minds.

    False for one that ends early, which is told elsewhere.
    """
    at = 2
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data) and data[at + 1] != 0xD9:
        if data[at + 1] not in _LOSSY_SEGMENTS:
            return True
        is_scan = data[at + 1] == _START_OF_SCAN
        at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
        if is_scan:
            found = _MARKER.search(data, at)
            if found is None:
                return False
            at = found.start()
    return at + 2 <= len(data) and data[at] != 0xFF


def _jpeg_shape(data: bytes) -> FrameShape | None:
    at = _frame_header(data)
    if at is None:
        return None
    bits, rows, columns, samples = struct.unpack_from(">BHHB", data, at + 4)
    return FrameShape(rows, columns, samples, bits)


def _frame_marker(data: bytes) -> int | None:
    try:
        at = _frame_header(data)
        return None if at is None else data[at + 1]
    except (struct.error, IndexError):
        return None


def _frame_header(data: bytes) -> int | None:
    """Where the frame header (SOF) of a JPEG or JPEG-LS lies. Raises where the data end before it."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        elif marker in _START_OF_FRAME:
            return at
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


def _has_component_transform(data: bytes) -> bool:
    """Whether the COD segment of a JPEG 2000 codestream asks for a colour transform (ISO/IEC 15444-1 A.6.1)."""
    at = j2k_start(data) + 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\x90" and at + 9 < len(data):
        if data[at + 1] == 0x52:
            return data[at + 8] == 1
        at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    return False


def _jxl_shape(data: bytes) -> FrameShape | None:
    """The SizeHeader at the start of a JPEG XL codestream (ISO/IEC 18181-1), bare or in its file format's boxes."""
    start = 0
    if not data.startswith(_JXL_START):
        box = re.search(rb"jxl[cp]", data[:4096])
        if box is None:
            return None
        start = box.end() + (4 if box.group() == b"jxlp" else 0)  # a partial box begins with its number
        if data[start : start + 2] != _JXL_START:
            return None
    bits = int.from_bytes(data[start + 2 : start + 12], "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & ((1 << count) - 1), bits >> count
        return value

    is_small = take(1)

    def side() -> int:
        return (take(5) + 1) * 8 if is_small else take((9, 13, 18, 30)[take(2)]) + 1

    rows, ratio = side(), take(3)
    columns = rows * _JXL_RATIOS[ratio][0] // _JXL_RATIOS[ratio][1] if ratio else side()
    return FrameShape(rows, columns, 0, 0)
