"""NAME.export.json: which files were exported of a cine, what each holds, and how they were asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from .. import __version__
from ..cine.cine import CineError
from ..cine.orientation import AUTO
from ..json_file import FileName, checked, read_document
from ..report.outputs import ADVICE, OutputExists
from .excerpt import Excerpt

SCHEMA = 1
_WHAT = "record"
SUFFIX = ".export.json"


@dataclass(frozen=True)
class Request:
    """What makes two exports of a cine equal.

    source: the cine's file name. keyframes: where they come from, such as a detector's name or a file's digest.
    beats: their numbers, None for all. measurable: only beats fit for measurement. whole_frame: with what lies outside
    the scan sector. fps, view: given by a person, else None. orientation: a word of ``CHOICES``.
    """

    source: str
    formats: tuple[str, ...]
    keyframes: str
    beats: tuple[int, ...] | None = None
    measurable: bool = False
    whole_frame: bool = False
    fps: float | None = None
    view: str | None = None
    version: str = __version__
    orientation: str = AUTO


def record_path(target: Path) -> Path:
    """The record of ``target``, which is DIR/NAME without a suffix."""
    return target.with_name(target.name + SUFFIX)


def is_exported(target: Path, request: Request) -> bool:
    """Whether the files of an equal request are all there.

    False where nothing is there, or only part of an equal export that was cut short. Raises OutputExists where
    another export is there.
    """
    path = record_path(target)
    if not path.exists():
        return False
    found = _read(path, target)
    wanted = json.loads(json.dumps(asdict(request)))
    for name, value in wanted.items():
        if found.request.get(name) != value:
            raise OutputExists(path.name, f"is already there with another choice of {name}; {ADVICE}")
    return all((path.parent / name).is_file() for name in _names(found, target))


def recorded_files(target: Path) -> list[Path]:
    """The files that the export of ``target`` wrote, none where there is no record. Raises OutputExists."""
    path = record_path(target)
    return [path.parent / name for name in _names(_read(path, target), target)] if path.exists() else []


def write_record(path: Path, request: Request, files: Sequence[tuple[Path, Excerpt]]) -> None:
    """Write the record, UTF-8. Raises OSError."""
    document = {"schema": SCHEMA, "request": asdict(request), "files": [_entry(*file) for file in files]}
    # ASCII: names in any bytes, which Linux allows, come back as they are.
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _entry(file: Path, excerpt: Excerpt) -> dict[str, Any]:
    return {
        "file": file.name,
        "view": excerpt.cine.view,
        "beat": excerpt.beat,
        "first_frame": excerpt.frames[0],
        "last_frame": excerpt.frames[-1],
        "spacing_mm": excerpt.cine.spacing,
        "keyframes": [asdict(keyframe) for keyframe in excerpt.keyframes],
    }


class _File(msgspec.Struct):
    file: FileName


class _Record(msgspec.Struct):
    schema: Literal[1]
    request: dict[str, Any]
    files: list[_File]


def _read(path: Path, target: Path) -> _Record:
    try:
        record = checked(read_document(path, _WHAT), _Record, path, _WHAT)
        _names(record, target)
    except (CineError, ValueError) as error:
        reason = getattr(error, "reason", "it names files that no export gives")
        raise OutputExists(path.name, f"is already there and no record of an export ({reason}); {ADVICE}") from error
    return record


def _names(record: _Record, target: Path) -> list[str]:
    """Names of the files, which may be deleted later: ValueError for one that no export of ``target`` gives."""
    names = [entry.file for entry in record.files]
    if any(Path(name).name != name or not name.startswith(f"{target.name}.") for name in names):
        raise ValueError
    return names
