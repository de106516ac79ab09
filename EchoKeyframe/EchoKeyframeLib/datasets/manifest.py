"""manifest.csv: what a folder of prepared cines holds, and what could not be prepared."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ..cine.cine import CineError
from ..csv_file import write_rows

MANIFEST_NAME = "manifest.csv"
PREPARED, FAILED = "prepared", "failed"


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
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CineError(path.name, f"cannot be read as a manifest ({type(error).__name__})") from error
    header, *rows = csv.reader(io.StringIO(text[: text.rfind("\n") + 1] or "\n", newline=""))
    if tuple(header) != COLUMNS:
        raise CineError(path.name, "is no manifest of prepared cines; name another --output")
    return {row[0]: ManifestEntry(*row) for row in rows if len(row) == len(COLUMNS)}


def write_manifest(folder: Path, entries: Iterable[ManifestEntry]) -> None:
    """Write the manifest atomically, in the order of the neutral names, which tells nothing. Raises OSError."""
    rows = (asdict(entry) for entry in sorted(entries, key=lambda entry: entry.file))
    write_rows(folder / MANIFEST_NAME, COLUMNS, rows)


def append_entry(folder: Path, entry: ManifestEntry) -> None:
    """Add a line to a manifest that is there, so that a run that is killed loses nothing. Raises OSError."""
    with (folder / MANIFEST_NAME).open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, COLUMNS).writerow(asdict(entry))
