"""Where the items of encapsulated DICOM pixel data lie, and which of them make a frame (PS3.5 A.4)."""

from __future__ import annotations

import struct

from .codestream import starts_frame
from .dicom_file import DicomFile

_MAX_FRAMES = 1_000_000
_ITEM = (0xFFFE, 0xE000)


def item_spans(file: DicomFile) -> list[tuple[int, int]]:
    """Offset and length within the pixel data of each whole item behind the offset table (PS3.5 A.4).

    An item that the end of the file cuts is left out.
    """
    spans: list[tuple[int, int]] = []
    at = 0
    while len(head := file.read(at, 8)) == 8 and len(spans) <= _MAX_FRAMES:
        group, element, length = struct.unpack("<HHI", head)
        if (group, element) != _ITEM or length > file.pixel_length - at - 8:
            break
        spans.append((at + 8, length))
        at += 8 + length
    return spans[1:]


def frame_spans(file: DicomFile) -> list[list[tuple[int, int]]]:
    """The items of each frame.

    A frame begins where a codestream begins. That needs no offset table, which may be absent or wrong, and no
    NumberOfFrames.
    """
    frames: list[list[tuple[int, int]]] = []
    for start, length in item_spans(file):
        if not frames or starts_frame(file.read(start, min(length, 16))):
            frames.append([])
        frames[-1].append((start, length))
    return frames
