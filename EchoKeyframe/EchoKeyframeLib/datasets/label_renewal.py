"""One clip's labels renewed in a labels.csv in which everything else stays."""

from __future__ import annotations

from pathlib import Path

from ..csv_file import read_rows, write_rows
from ..detection.keyframes import Phase
from .labels import COLUMNS, NEAR_LABELS, ClipLabels, read_labels


def renew_labels(path: Path, clip: ClipLabels) -> None:
    """Put a clip's labels into labels.csv, which is made on first use, in place of those without a reader's name.

    Stay as they are: other clips, rows of named readers, columns that nobody here knows. The clip's new rows take its
    patient, split and the like over; where only a part of it was decided, the frames near the new labels are. The file
    appears whole or not at all.

    Raises LabelError for a file that cannot be right, or labels that cannot (``ClipLabels.check``); OSError.
    """
    clip.check()
    columns, rows = _table(path) if path.exists() and read_labels(path) else ([], [])
    before = [row for row in rows if _is_of(row, clip.file)]
    kept = [row for row in rows if row not in before or (row.get("reader") or "").strip()]
    carried = {**(before[0] if before else {}), "reader": ""}
    if carried.get("decided"):
        carried["decided"] = NEAR_LABELS
    known = {"file": clip.file, "frames": clip.frames, "fps": clip.fps, "view": clip.view or "", "outside": 0}
    new = [{**carried, **known, "phase": phase.value, "frame": f"{frame:g}"}
           for phase in Phase for frame in clip.of(phase).tolist()]  # fmt: skip
    write_rows(path, list(dict.fromkeys([*columns, *COLUMNS])), [*kept, *new])


def _table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        columns, rows = read_rows(stream)
        return columns, [row for _, row in rows]


def _is_of(row: dict[str, str], file: str) -> bool:
    return row["file"].strip().replace("\\", "/") == file
