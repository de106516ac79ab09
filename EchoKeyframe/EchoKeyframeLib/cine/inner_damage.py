"""Compressed frames that are spoilt in their middle, which decoders take without a word."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from functools import cached_property
from statistics import median

from .codestream import Codec, j2k_start, jpeg_has_stray_marker

_ZEROS = 64  # bytes: that many zeros in a row a coder may write for black, but then it does in every frame
_TIMES_USUAL = 4
_SAMPLED = 9  # frames that are looked at for what is usual
_FEWEST = 4  # frames of which one can be unlike the others
_ZERO_RUN = re.compile(rb"\0{%d,}" % _ZEROS)
_START_OF_TILE, _START_OF_DATA = b"\xff\x90", b"\xff\x93"
# No coded data hold these (ISO/IEC 15444-1, B.10.1 and D.4.1); an SOP segment, which may, is passed over.
_J2K_STRAY = re.compile(rb"\xff\x91\x00\x04..|\xff[\x90\x94-\xff]", re.DOTALL)


class InnerDamage:
    """Tells frames that are damaged inside from what is usual in their clip: an encoder may be odd in every frame.

    data: gives the codestream of a frame by its index, of ``count`` in all.
    """

    def __init__(self, data: Callable[[int], bytes], count: int, codec_of: Callable[[bytes], Codec | None]) -> None:
        self._data, self._count, self._codec_of = data, count, codec_of

    def is_in(self, data: bytes, codec: Codec) -> bool:
        """Whether a frame holds a run of zeros, or a marker where none may be, and the clip's other frames do not."""
        if self._count < _FEWEST:
            return False
        if _longest_zeros(data) > _TIMES_USUAL * max(_ZEROS, self._usual_zeros if _holds_zeros(data) else 0):
            return True
        return _is_stray(data, codec) and not self._are_usually_stray

    @cached_property
    def _sample(self) -> list[tuple[bytes, Codec]]:
        step = max(1, self._count // _SAMPLED)
        frames = [self._data(index) for index in range(0, self._count, step)]
        return [(data, codec) for data in frames if (codec := self._codec_of(data)) is not None]

    @cached_property
    def _usual_zeros(self) -> float:
        return median(_longest_zeros(data) for data, _ in self._sample) if self._sample else 0

    @cached_property
    def _are_usually_stray(self) -> bool:
        return 2 * sum(_is_stray(data, codec) for data, codec in self._sample) >= len(self._sample)


def _holds_zeros(data: bytes) -> bool:
    return bytes(_ZEROS) in data


def _longest_zeros(data: bytes) -> int:
    if not _holds_zeros(data):
        return 0
    return max(len(run) for run in _ZERO_RUN.findall(data.rstrip(b"\0")) or [b""])


def _is_stray(data: bytes, codec: Codec) -> bool:
    if codec is Codec.JPEG:
        return jpeg_has_stray_marker(data)
    return codec is Codec.JPEG_2000 and _j2k_has_stray_marker(data)


def _j2k_has_stray_marker(data: bytes) -> bool:
    """Whether the packets of a tile hold a marker that coded data cannot hold; False where no tiles can be followed."""
    at = data.find(_START_OF_TILE, max(0, j2k_start(data)))
    while at >= 0 and data[at : at + 2] == _START_OF_TILE and at + 12 <= len(data):
        length = struct.unpack_from(">I", data, at + 6)[0]
        end = at + length if length else len(data) - 2
        inside = at + 12
        while data[inside : inside + 2] != _START_OF_DATA:
            if inside + 4 > min(end, len(data)) or data[inside] != 0xFF:
                return False
            inside += 2 + max(2, struct.unpack_from(">H", data, inside + 2)[0])
        if length and any(found[0][1] != 0x91 for found in _J2K_STRAY.finditer(data, inside + 2, end)):
            return True
        at = end
    return False
