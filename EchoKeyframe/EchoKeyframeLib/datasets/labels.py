"""labels.csv: the keyframes that readers marked in a folder of cines, read, checked and written.

One row a keyframe: ``file,phase,frame`` and, where known,

- ``frames``: length of the clip; ``fps``; ``view``;
- ``outside``: 1 for a virtual keyframe that lies just outside the clip;
- ``reader``: who marked it, where several did (``anna``, and ``anna:2`` for her second reading);
- ``patient``: any key that tells patients apart; ``split``: train, val or test;
- ``decided``: where only some beats are labelled, the frames whose keyframes are all there, such as ``3-17 40-60``, or
  ``labelled`` for those between and near neighbouring keyframes, or ``none``. Empty: the whole clip.

Frames count from 0; a fraction is allowed. ``file`` is relative to the folder of labels.csv and uses forward slashes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

from ..csv_file import read_rows, write_rows
from ..detection.keyframes import Phase
from .clip_labels import ClipLabels, LabelError, check_inside
from .decided import Span, format_spans, labelled_spans, parse_spans
from .readers import ClipReadings
from .split import Split
from .table_number import table_number

LABELS_NAME = "labels.csv"
COLUMNS = ("file", "phase", "frame", "frames", "fps", "view", "outside")
LARGEST_FILE = 64 * 2**20
LONGEST_CELL = 4096
LARGEST_NUMBER = 1e9
"""Of frames and rates; more is that of no clip."""
NEAR_LABELS = "labelled"

Row = dict[str, str]
Problems = list[LabelError]


def read_labels(path: Path) -> list[ClipLabels]:
    """Read labels.csv (or the one in a folder), in the order in which files first appear; of several readers, the
    majority vote (``readers.majority``).

    Raises LabelError, naming file and row, for whatever cannot be right (see ``ClipLabels.check``).
    """
    return [readings.consensus.labels for readings in read_readings(path)]


def read_readings(path: Path, problems: Problems | None = None) -> list[ClipReadings]:
    """Read labels.csv with every reader's labels apart.

    problems: takes up the clips that cannot be right, which are then left out; without it they raise LabelError. What
    concerns the whole file is raised in any case.
    """
    path = Path(path)
    path = path / LABELS_NAME if path.is_dir() else path
    by_file: dict[str, list[tuple[int, Row]]] = {}
    for number, row in _rows(path):
        with _collecting(problems):
            by_file.setdefault(_relative_name(path, number, row), []).append((number, row))
    if not by_file and not problems:
        raise LabelError(path.name, "holds no labels")
    found = []
    for name, entries in by_file.items():
        with _collecting(problems):
            readings = _readings(path, name, entries)
            readings.consensus  # noqa: B018  (raises where readers contradict each other)
            found.append(readings)
    return found


@contextmanager
def _collecting(problems: Problems | None) -> Iterator[None]:
    """Around one clip: its LabelError goes to the list, if there is one."""
    try:
        yield
    except LabelError as error:
        if problems is None:
            raise
        problems.append(error)


def _rows(path: Path) -> list[tuple[int, Row]]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise LabelError(path.name, f"larger than {LARGEST_FILE >> 20} MB, so not a file of labels")
        with path.open(newline="", encoding="utf-8-sig") as stream:
            columns, rows = read_rows(stream)
            missing = [c for c in COLUMNS[:3] if c not in columns]
            if missing:
                raise LabelError(path.name, f"its first line lacks the column {missing[0]!r}")
            found = []
            for number, row in rows:
                _check_lengths(path, number, row)
                found.append((number, row))
            return found
    except FileNotFoundError:
        raise LabelError(path.name, f"no such file of labels in {path.parent}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelError(
            path.name, f"cannot be read as a table of labels ({error}); save it as CSV in UTF-8"
        ) from error


def _check_lengths(path: Path, number: int, row: Row) -> None:
    for column, cell in row.items():
        if len(cell) > LONGEST_CELL:
            raise LabelError(path.name, f"line {number}: {column:.40} is longer than {LONGEST_CELL} characters")


def _relative_name(path: Path, number: int, row: Row) -> str:
    name = (row["file"] or "").strip().replace("\\", "/")
    # Labels come from other people: they must not lead out of their folder.
    if not name or ".." in name.split("/") or name.startswith("/") or PureWindowsPath(name).drive:
        raise LabelError(path.name, f"line {number}: file must name a cine inside the folder")
    return name


def _readings(path: Path, name: str, entries: list[tuple[int, Row]]) -> ClipReadings:
    by_reader: dict[str, list[tuple[int, Row]]] = {}
    for number, row in entries:
        by_reader.setdefault((row.get("reader") or "").strip(), []).append((number, row))
    split = _one_value(path, entries, "split")
    if split and split.lower() not in list(Split):
        raise LabelError(path.name, f"line {entries[0][0]}: split must be train, val or test")
    return ClipReadings(
        {reader: _clip(path, name, marked, entries) for reader, marked in by_reader.items()},
        _one_value(path, entries, "patient"),
        Split(split.lower()) if split else None,
    )


def _clip(path: Path, name: str, entries: list[tuple[int, Row]], of_all: list[tuple[int, Row]]) -> ClipLabels:
    """One reader's labels; what is said of the clip itself counts for all readers."""
    events: dict[Phase, list[float]] = {Phase.ED: [], Phase.ES: []}
    virtual: set[tuple[Phase, float]] = set()
    for number, row in entries:
        phase = (row["phase"] or "").strip().upper()
        if phase not in events:
            raise LabelError(path.name, f"line {number}: phase must be ED or ES")
        frame = _number(path, number, row, "frame")
        if frame is None:
            raise LabelError(path.name, f"line {number}: has no frame")
        events[Phase(phase)].append(frame)
        if (row.get("outside") or "").strip() in ("1", "true", "True"):
            virtual.add((Phase(phase), frame))
    frames = _one_number(path, of_all, "frames")
    labels = ClipLabels(
        name,
        tuple(events[Phase.ED]),
        tuple(events[Phase.ES]),
        None if frames is None else int(frames),
        _one_number(path, of_all, "fps"),
        _one_value(path, of_all, "view"),
    )
    decided = _spans(path, entries, labels)
    labels = ClipLabels(name, labels.ed, labels.es, labels.frames, labels.fps, labels.view, decided).check(path.name)
    if labels.frames is not None:
        check_inside(labels, labels.frames, frozenset(virtual))
    elif virtual:
        raise LabelError(path.name, f"{name}: a keyframe outside the clip needs the clip's length in column 'frames'")
    return labels


def _spans(path: Path, entries: list[tuple[int, Row]], labels: ClipLabels) -> tuple[Span, ...] | None:
    text = _one_value(path, entries, "decided")
    if text is None:
        return None
    if text.lower() == NEAR_LABELS:
        return labelled_spans(labels.in_order(), labels.frames, labels.fps)
    try:
        return parse_spans(text)
    except ValueError:
        raise LabelError(path.name, f"line {entries[0][0]}: decided must be {NEAR_LABELS!r} or spans such as 3-17"
        ) from None


def _one_value(path: Path, entries: list[tuple[int, Row]], column: str) -> str | None:
    """What the rows of a clip say of it, None if nothing. The value is not quoted: it may tell who the patient is."""
    said: tuple[int, str] | None = None
    for number, row in entries:
        text = (row.get(column) or "").strip()
        if text and said and text != said[1]:
            raise LabelError(path.name, f"line {number}: its {column} differs from that of the same file in line "
                             f"{said[0]}")
        said = said or ((number, text) if text else None)
    return said[1] if said else None


def _one_number(path: Path, entries: list[tuple[int, Row]], column: str) -> float | None:
    values = {_number(path, number, row, column): number for number, row in entries}
    values.pop(None, None)
    if len(values) > 1:
        first, *_, last = sorted(values.values())
        raise LabelError(path.name, f"line {last}: its {column} differs from that of the same file in line {first}")
    return next(iter(values), None)


def _number(path: Path, line: int, row: Row, column: str) -> float | None:
    text = (row.get(column) or "").strip()
    if not text:
        return None
    value = table_number(text)
    if not abs(value) <= LARGEST_NUMBER:
        raise LabelError(path.name, f"line {line}: {column} must be a number")
    return value


def write_labels(path: Path, clips: Iterable[ClipLabels]) -> None:
    """Write labels.csv; the file appears whole or not at all. Raises LabelError as ``ClipLabels.check`` does."""
    write_readings(path, (ClipReadings({"": clip}) for clip in clips))


def write_readings(path: Path, readings: Iterable[ClipReadings]) -> None:
    """Write labels.csv with every reader's labels. Columns that would be empty throughout are left out."""
    rows = [row for clip in readings for row in _written(clip)]
    optional = [c for c in ("reader", "patient", "split", "decided") if any(row[c] for row in rows)]
    write_rows(Path(path), [*COLUMNS, *optional], rows)


def _written(readings: ClipReadings) -> Iterable[dict[str, object]]:
    for reader, clip in readings.by_reader.items():
        for phase in Phase:
            for frame in clip.check().of(phase).tolist():
                outside = frame < 0 or (clip.frames is not None and frame > clip.frames - 1)
                yield {
                    "file": clip.file, "phase": phase.value, "frame": f"{frame:g}", "frames": clip.frames,
                    "fps": clip.fps, "view": clip.view, "outside": int(outside), "reader": reader,
                    "patient": readings.patient or "", "split": readings.split or "",
                    "decided": "" if clip.decided is None else format_spans(clip.decided),
                }  # fmt: skip
