"""Where the items of encapsulated DICOM pixel data lie, and which of them make a frame (PS3.5 A.4)."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass

from .codestream import starts_frame
from .dicom_file import DicomFile

_MAX_FRAMES = 1_000_000
_ITEM, _DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_TABLE_ENTRY = 4  # bytes

Span = tuple[int, int]
"""Offset and length within the pixel data."""


@dataclass(frozen=True)
class Items:
    """offsets: of each frame within what follows the table, from the Basic Offset Table; empty where there is none.

    spans: of each whole item behind the table; one that the end of the file cuts is left out. is_whole: whether the
    items end as they should. end: offset behind them and their delimiter.
    """

    offsets: tuple[int, ...]
    spans: list[Span]
    is_whole: bool
    end: int


def read_items(file: DicomFile) -> Items:
    """The items of encapsulated pixel data, as far as they are there."""
    spans: list[Span] = []
    at, is_whole = 0, False
    while len(head := file.read(at, 8)) == 8 and len(spans) <= _MAX_FRAMES:
        group, element, length = struct.unpack("<HHI", head)
        if (group, element) != _ITEM or length > file.pixel_length - at - 8:
            is_whole = (group, element) == _DELIMITER
            break
        spans.append((at + 8, length))
        at += 8 + length
    else:
        is_whole = len(head) == 0
    end = at + 8 * is_whole
    if not spans:
        return Items((), [], is_whole, end)
    start, length = spans[0]
    if starts_frame(file.read(start, min(length, 16))):
        return Items((), spans, is_whole, end)  # written without its table
    count = min(length, _MAX_FRAMES * _TABLE_ENTRY) // _TABLE_ENTRY
    return Items(struct.unpack(f"<{count}I", file.read(start, count * _TABLE_ENTRY)), spans[1:], is_whole, end)


def frame_spans(file: DicomFile, items: Items, declared: int) -> list[list[Span]]:
    """The items of each frame, a lost frame's among them: empty, zeroed or damaged at its start.

    A frame begins where the offset table says, if that fits the items; else with each item, if there are as many as
    ``declared`` frames; else where a codestream begins. In the last case, which needs neither table nor number, what
    is too much for one frame, or empty, is taken for a lost one as long as frames are missing.
    """
    starts = [starts_frame(file.read(start, min(length, 16))) for start, length in items.spans]
    if (frames := _by_table(items, starts, declared)) is not None:
        return frames
    if len(items.spans) == declared and 2 * sum(starts) >= declared:
        return [[span] for span in items.spans]
    or_empty = [start or not length for start, (_, length) in zip(starts, items.spans, strict=True)]
    groups = _grouped(items.spans, or_empty)
    if len(groups) > declared:
        groups = _grouped(items.spans, starts)
    return _with_lost_frames(groups, declared)


def _grouped(spans: list[Span], starts: list[bool]) -> list[list[Span]]:
    groups: list[list[Span]] = []
    for span, is_start in zip(spans, starts, strict=True):
        if is_start or not groups:
            groups.append([])
        groups[-1].append(span)
    return groups


def _by_table(items: Items, starts: list[bool], declared: int) -> list[list[Span]] | None:
    """Frames as the offset table has them; None unless every offset is that of an item and no frame holds two."""
    if len(items.offsets) != declared or declared < 2 or not items.spans:
        return None
    base = items.spans[0][0] - 8
    at = {start - 8 - base: index for index, (start, _) in enumerate(items.spans)}
    if items.offsets[0] != 0 or any(offset not in at for offset in items.offsets):
        return None
    firsts = [at[offset] for offset in items.offsets]
    ends = [*firsts[1:], len(items.spans)]
    if any(end < first for first, end in zip(firsts, ends, strict=True)):
        return None
    if any(sum(starts[first:end]) > 1 for first, end in zip(firsts, ends, strict=True)):
        return None
    return [items.spans[first:end] for first, end in zip(firsts, ends, strict=True)]


def _with_lost_frames(groups: list[list[Span]], declared: int) -> list[list[Span]]:
    """Groups of items that hold a whole number of frames' items, parted, unless that makes more than ``declared``."""
    if not groups:
        return groups
    usual = Counter(len(group) for group in groups).most_common(1)[0][0]
    extra = [len(group) // usual - 1 if len(group) % usual == 0 else 0 for group in groups]
    if not 0 < sum(extra) <= declared - len(groups):
        return groups
    return [
        group[i : i + (usual if more else len(group))]
        for group, more in zip(groups, extra, strict=True)
        for i in range(0, len(group), usual if more else len(group))
    ]
