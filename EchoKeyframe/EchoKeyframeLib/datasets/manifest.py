"""manifest.csv: what a folder of prepared cines holds, and what could not be prepared."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PureWindowsPath

from ..cine.cine import CineError
from ..csv_file import append_rows, read_rows, write_rows

MANIFEST_NAME = "manifest.csv"
PREPARED, FAILED = "prepared", "failed"
LARGEST_FILE = 256 * 2**20
_LONGEST_CELL = 2**16


@dataclass(frozen=True)
class ManifestEntry:
    """One cine. Texts, as they stand in the table; empty where unknown.

    file: its neutral name, for a failed one without a suffix. status: ``prepared`` or ``failed``. patient: a pseudonym.
    fps: frames per second. height, width: pixels. row_spacing, column_spacing: mm per pixel, as resized. sector: kind
    of scan sector. heart_rate: beats per minute as the source states it. warnings: separated by `` | ``. message: why
    it failed.
    """

    file: str
    status: str
    view: str = ""
    patient: str = ""
    frames: str = ""
    fps: str = ""
    height: str = ""
    width: str = ""
    row_spacing: str = ""
    column_spacing: str = ""
    sector: str = ""
    heart_rate: str = ""
    warnings: str = ""
    message: str = ""


COLUMNS = tuple(field.name for field in fields(ManifestEntry))


def read_manifest(folder: Path) -> dict[str, ManifestEntry]:
    """The entries of a folder's manifest by file, none where there is no manifest.

    A last line that a killed run left unfinished is left out. Raises CineError where the file is no manifest.
    """
    path = folder / MANIFEST_NAME
    if not path.exists():
        return {}
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise CineError(path.name, f"is larger than {LARGEST_FILE >> 20} MB, so no manifest")
        text = path.read_bytes().decode("utf-8-sig")
        columns, rows = read_rows(io.StringIO(text[: text.rfind("\n") + 1], newline=""))
        if not set(COLUMNS) <= set(columns):
            raise CineError(path.name, "is no manifest of prepared cines; name another --output")
        entries = [_entry(path, line, row) for line, row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CineError(path.name, f"cannot be read as a manifest ({type(error).__name__})") from error
    return {entry.file: entry for entry in entries}


def write_manifest(folder: Path, entries: Iterable[ManifestEntry]) -> None:
    """Write the manifest atomically, in the order of the neutral names, which tells nothing. Raises OSError."""
    rows = (asdict(entry) for entry in sorted(entries, key=lambda entry: entry.file))
    write_rows(folder / MANIFEST_NAME, COLUMNS, rows)


def append_entry(folder: Path, entry: ManifestEntry) -> None:
    """Add a line to a manifest that is there, so that a run that is killed loses nothing. Raises OSError."""
    with (folder / MANIFEST_NAME).open("a", encoding="utf-8", newline="") as file:
        append_rows(file, COLUMNS, [asdict(entry)])


def _entry(path: Path, line: int, row: dict[str, str]) -> ManifestEntry:
    """A row whose file lies in the folder itself: it may be looked for there, and deleted."""
    known = {name: row[name] for name in COLUMNS}
    if Path(known["file"]).name != known["file"] or PureWindowsPath(known["file"]).name != known["file"]:
        raise CineError(path.name, f"line {line}: file must be a bare name")
    if known["status"] not in (PREPARED, FAILED):
        raise CineError(path.name, f"line {line}: status must be {PREPARED} or {FAILED}")
    if too_long := next((name for name, cell in known.items() if len(cell) > _LONGEST_CELL), None):
        raise CineError(path.name, f"line {line}: {too_long} is longer than {_LONGEST_CELL} characters")
    return ManifestEntry(**known)
