"""manifest.csv: what a folder of prepared cines holds, and what could not be prepared."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from ..csv_file import append_rows, write_rows
from ..table_file import BareName, FrameCount, FrameRate, Name, checked_row, read_table

MANIFEST_NAME = "manifest.csv"
PREPARED, FAILED = "prepared", "failed"
LARGEST_FILE = 256 * 2**20
_WHAT = "manifest of prepared cines"
_Side = Annotated[int, msgspec.Meta(ge=1, le=2**16, description="a number of pixels")]
_Millimetres = Annotated[float, msgspec.Meta(gt=0, le=1e6, description="mm per pixel")]
_Text = Annotated[str, msgspec.Meta(max_length=2**16, description="at most 65536 characters")]


class ManifestEntry(msgspec.Struct, frozen=True):
    """One cine; None or empty where unknown.

    file: its neutral name, for a failed one without a suffix. status: ``prepared`` or ``failed``. patient: a pseudonym.
    fps: frames per second. height, width: pixels. row_spacing, column_spacing: mm per pixel, as resized. sector: kind
    of scan sector. heart_rate: beats per minute as the source states it. warnings: separated by `` | ``. message: why
    it failed.
    """

    file: BareName
    status: Annotated[Literal["prepared", "failed"], msgspec.Meta(description=f"{PREPARED} or {FAILED}")]
    view: Name = ""
    patient: Name = ""
    frames: FrameCount | None = None
    fps: FrameRate | None = None
    height: _Side | None = None
    width: _Side | None = None
    row_spacing: _Millimetres | None = None
    column_spacing: _Millimetres | None = None
    sector: Name = ""
    heart_rate: Annotated[float, msgspec.Meta(gt=0, le=10000, description="beats per minute")] | None = None
    warnings: _Text = ""
    message: _Text = ""


COLUMNS = ManifestEntry.__struct_fields__


def read_manifest(folder: Path) -> dict[str, ManifestEntry]:
    """The entries of a folder's manifest by file, none where there is no manifest.

    A last line that a killed run left unfinished is left out. Raises CineError where the file is no manifest.
    """
    path = folder / MANIFEST_NAME
    if not path.exists():
        return {}
    rows = read_table(path, ManifestEntry, _WHAT, LARGEST_FILE, whole_lines=True)
    entries = [checked_row(cells, ManifestEntry, path.name, line) for line, cells in rows]
    return {entry.file: entry for entry in entries}


def write_manifest(folder: Path, entries: Iterable[ManifestEntry]) -> None:
    """Write the manifest atomically, in the order of the neutral names, which tells nothing. Raises OSError."""
    rows = map(_cells, sorted(entries, key=lambda entry: entry.file))
    write_rows(folder / MANIFEST_NAME, COLUMNS, rows)


def append_entry(folder: Path, entry: ManifestEntry) -> None:
    """Add a line to a manifest that is there, so that a run that is killed loses nothing. Raises OSError."""
    with (folder / MANIFEST_NAME).open("a", encoding="utf-8", newline="") as file:
        append_rows(file, COLUMNS, [_cells(entry)])


def _cells(entry: ManifestEntry) -> dict[str, object]:
    return {name: f"{value:.6g}" if isinstance(value, float) else value
            for name, value in msgspec.structs.asdict(entry).items()}  # fmt: skip
