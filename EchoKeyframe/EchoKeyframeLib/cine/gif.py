"""Counts what a GIF file holds before anything of it is decoded."""

from __future__ import annotations

import io
import struct

from .cine import CineError


def gif_extent(stream: io.BufferedIOBase, name: str) -> tuple[int, int, int]:
    """Images, width and height that a GIF claims (GIF89a specification, sections 18 to 27).

    A file that is cut or damaged counts as far as its blocks can be followed. Raises CineError where the file ends
    within its header.
    """
    head = stream.read(13)
    if len(head) < 13:
        raise CineError(name, "ends within its header; copy it again")
    width, height, flags = struct.unpack("<6xHHB2x", head)
    _skip_colors(stream, flags)
    images = 0
    while True:
        match stream.read(1):
            case b",":
                place = stream.read(9)
                if len(place) < 9:
                    break
                left, top, wide, high, flags = struct.unpack("<4HB", place)
                if left + wide > width or top + high > height:
                    width, height = max(width, left + wide), max(height, top + high)
                images += 1
                _skip_colors(stream, flags)
                stream.seek(1, 1)
                _skip_blocks(stream)
            case b"!":
                stream.seek(1, 1)
                _skip_blocks(stream)
            case b"\0":
                continue
            case _:
                break
    return images, width, height


def _skip_colors(stream: io.BufferedIOBase, flags: int) -> None:
    if flags & 0x80:
        stream.seek(3 << ((flags & 7) + 1), 1)


def _skip_blocks(stream: io.BufferedIOBase) -> None:
    while (size := stream.read(1)) not in (b"", b"\0"):
        stream.seek(size[0], 1)
