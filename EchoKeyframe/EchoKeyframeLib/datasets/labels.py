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

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from ..csv_file import write_rows
from ..detection.keyframes import Phase
from ..table_file import FrameCount, FrameRate, Name, Number, Row, checked_row, read_table
from .clip_labels import ClipLabels, LabelError, check_inside
from .decided import Span, format_spans, labelled_spans, parse_spans
from .readers import ClipReadings
from .split import Split

LABELS_NAME = "labels.csv"
COLUMNS = ("file", "phase", "frame", "frames", "fps", "view", "outside")
NEAR_LABELS = "labelled"
_WHAT = "table of labels"
_INSIDE = r"^(?![/\\]|[A-Za-z]:)(?!(?s:.*[/\\])?\.\.(?:[/\\]|\Z))"
"""Labels come from other people: their paths must not lead out of their folder."""


_Split = Annotated[str, msgspec.Meta(pattern=r"^(?i:train|val|test)\Z", description="train, val or test")]


class _Place(msgspec.Struct):
    file: Annotated[str, msgspec.Meta(pattern=_INSIDE, max_length=4096, description="that of a cine inside the folder")]


class _Row(_Place):
    phase: Annotated[str, msgspec.Meta(pattern=r"^(?i:ED|ES)\Z", description="ED or ES")]
    frame: Number
    frames: FrameCount | None = None
    fps: FrameRate | None = None
    view: Name | None = None
    outside: Annotated[bool, msgspec.Meta(description="1 or 0")] = False
    reader: Name = ""
    patient: Name | None = None
    split: _Split | None = None
    decided: Annotated[str, msgspec.Meta(max_length=4096, description="at most 4096 characters")] | None = None


Entries = list[tuple[int, _Row]]
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
    if not path.exists():
        raise LabelError(path.name, f"no such file of labels in {path.parent}")
    for line, cells in read_table(path, _Row, _WHAT, error=LabelError):
        with _collecting(problems):
            name = checked_row(cells, _Place, path.name, line, LabelError).file.replace("\\", "/")
            by_file.setdefault(name, []).append((line, cells))
    if not by_file and not problems:
        raise LabelError(path.name, "holds no labels")
    found = []
    for name, rows in by_file.items():
        with _collecting(problems):
            entries = [(line, checked_row(cells, _Row, path.name, line, LabelError)) for line, cells in rows]
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


def _readings(path: Path, name: str, entries: Entries) -> ClipReadings:
    by_reader: dict[str, Entries] = {}
    for line, row in entries:
        by_reader.setdefault(row.reader, []).append((line, row))
    split = _said(path, entries, "split")
    return ClipReadings(
        {reader: _clip(path, name, marked, entries) for reader, marked in by_reader.items()},
        _said(path, entries, "patient"),
        Split(split.lower()) if split else None,
    )


def _clip(path: Path, name: str, entries: Entries, of_all: Entries) -> ClipLabels:
    """One reader's labels; what is said of the clip itself counts for all readers."""
    events: dict[Phase, list[float]] = {Phase.ED: [], Phase.ES: []}
    for _, row in entries:
        events[Phase(row.phase.upper())].append(row.frame)
    virtual = frozenset((Phase(row.phase.upper()), row.frame) for _, row in entries if row.outside)
    frames, fps, view = (_said(path, of_all, column) for column in ("frames", "fps", "view"))
    labels = ClipLabels(name, tuple(events[Phase.ED]), tuple(events[Phase.ES]), frames, fps, view)
    labels = replace(labels, decided=_spans(path, entries, labels)).check(path.name)
    if labels.frames is not None:
        check_inside(labels, labels.frames, virtual)
    elif virtual:
        raise LabelError(path.name, f"{name}: a keyframe outside the clip needs the clip's length in column 'frames'")
    return labels


def _spans(path: Path, entries: Entries, labels: ClipLabels) -> tuple[Span, ...] | None:
    text = _said(path, entries, "decided")
    if text is None:
        return None
    if text.lower() == NEAR_LABELS:
        return labelled_spans(labels.in_order(), labels.frames, labels.fps)
    try:
        return parse_spans(text)
    except ValueError:
        raise LabelError(path.name, f"line {entries[0][0]}: decided must be {NEAR_LABELS!r} or spans such as 3-17"
        ) from None


def _said(path: Path, entries: Entries, column: str) -> Any:
    """What the rows of a clip say of it, None if nothing. The value is not quoted: it may tell who the patient is."""
    said: tuple[int, Any] | None = None
    for line, row in entries:
        value = getattr(row, column)
        if value is not None and said and value != said[1]:
            there = f"line {said[0]}"
            raise LabelError(path.name, f"line {line}: its {column} differs from that of the same file in {there}")
        said = said or (None if value is None else (line, value))
    return said[1] if said else None


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
