"""A cine that the worker read, as two files: its frames as bytes, and what is known about them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from ..atomic_file import written_atomically
from ..cine.cine import Box, Cine, CineError, Source
from ..cine.finding import Finding
from ..json_file import FileName, Line, Seconds, Word, checked, read_document

_LARGEST = 2**30
_WHAT = "description of a cine"
_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**40)]
_Millimetres = Annotated[float, msgspec.Meta(gt=0, le=1e6)]


class _Source(msgspec.Struct):
    name: FileName
    path: str | None
    sop_instance_uid: Word | None
    sop_class_uid: Word | None
    encoding: Word | None
    frame_numbers: tuple[_Count, ...] | None


class CineDescription(msgspec.Struct):
    """See ``write_description``; the other fields are those of ``Cine``."""

    shape: Annotated[tuple[_Count, ...], msgspec.Meta(min_length=3, max_length=4)]
    attempt: _Count
    changed: tuple[_Count, _Count]
    times: list[Seconds]
    source: _Source
    spacing: tuple[_Millimetres, _Millimetres] | None
    region: Box | None
    heart_rate: Annotated[float, msgspec.Meta(ge=0, le=1e6)] | None
    r_waves: tuple[Seconds, ...]
    timing: Line
    view: Word | None
    warnings: tuple[Line, ...]
    timing_warnings: tuple[Line, ...]
    findings: tuple[Finding, ...]


def write_description(cine: Cine, attempt: int, changed: range, path: Path) -> None:
    """Tell what is known of a cine. attempt: of the file that holds its frames, whole by now. changed: frames in it
    that are not what was told of them while the file was read. Raises OSError."""
    source = {**asdict(cine.source), "path": str(cine.source.path) if cine.source.path else None}
    description = CineDescription(
        cine.frames.shape, attempt, (changed.start, changed.stop), cine.times.tolist(), _Source(**source), cine.spacing,
        cine.region, cine.heart_rate, cine.r_waves, cine.timing, cine.view, cine.warnings, cine.timing_warnings,
        cine.findings,
    )  # fmt: skip
    with written_atomically(path) as temporary:
        temporary.write_text(json.dumps(msgspec.to_builtins(description)), encoding="utf-8")


def read_description(path: Path) -> CineDescription:
    """What ``write_description`` told. Raises CineError."""
    try:
        return checked(read_document(path, _WHAT, _LARGEST), CineDescription, path, _WHAT)
    except CineError as error:
        raise _lost(error.reason) from error


def described_cine(known: CineDescription, frames_path: Path) -> Cine:
    """The cine back; its frames stay on disk and are read as they are looked at. Raises CineError."""
    try:
        frames = np.memmap(frames_path, np.uint8, "r", shape=known.shape)
    except (OSError, ValueError) as error:
        raise _lost(type(error).__name__) from error
    source = msgspec.structs.asdict(known.source)
    return Cine(
        frames, np.array(known.times, np.float64),
        Source(**{**source, "path": Path(source["path"]) if source["path"] else None}), known.spacing, known.region,
        known.heart_rate, known.r_waves, known.timing, known.view, known.warnings, known.timing_warnings,
        known.findings,
    )  # fmt: skip


def _lost(reason: str) -> CineError:
    return CineError(f"the cine that was read could not be taken over ({reason}); load it again")
