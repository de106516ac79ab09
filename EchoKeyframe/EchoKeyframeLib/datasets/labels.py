"""labels.csv: the keyframes that readers marked in a folder of cines, read, checked and written.

One row a keyframe: ``file,phase,frame`` and, where known, ``frames`` (length of the clip), ``fps``, ``view`` and
``outside`` (1: a virtual keyframe that lies just outside the clip). Frames count from 0; a fraction is allowed (the
mean of several readers). ``file`` is relative to the folder of labels.csv and uses forward slashes.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PureWindowsPath

import numpy as np

from ..atomic_file import written_atomically
from ..cine.cine import CineError
from ..detection.keyframes import Phase

LABELS_NAME = "labels.csv"
COLUMNS = ("file", "phase", "frame", "frames", "fps", "view", "outside")
LARGEST_FILE = 64 * 2**20


class LabelError(CineError):
    """Labels that cannot be right. One line: which file, which row or clip, what is wrong, what to do."""


@dataclass(frozen=True)
class ClipLabels:
    """The keyframes of one clip.

    ed, es: positions in frames, ascending; those outside ``[0, frames - 1]`` are virtual ones just outside the clip.
    frames: length of the clip, None if unknown. fps: frames per second, None if the cine's own times are to be used.
    """

    file: str
    ed: tuple[float, ...]
    es: tuple[float, ...]
    frames: int | None = None
    fps: float | None = None
    view: str | None = None

    def of(self, phase: Phase) -> np.ndarray:
        """All keyframes of one phase, virtual ones included, float64."""
        return np.array(self.ed if phase is Phase.ED else self.es, float)

    def check(self, where: str = "") -> ClipLabels:
        """Return self, or raise LabelError where keyframes are unsorted, doubled, missing between two of the other
        kind, not finite, or further outside the clip than a clip's length."""
        where = f"{where}: {self.file}" if where else self.file
        for phase in Phase:
            events = self.of(phase)
            if not np.isfinite(events).all():
                raise LabelError(f"{where}: {phase} has a frame that is not a number")
            for a, b in pairwise(events.tolist()):
                if b <= a:
                    problem = "is given twice" if a == b else f"comes after {a:g}; list them in order"
                    raise LabelError(f"{where}: {phase} frame {b:g} {problem}")
        self._check_alternation(where)
        if self.fps is not None and not (math.isfinite(self.fps) and 0 < self.fps <= 10000):
            raise LabelError(f"{where}: a frame rate must lie above 0 and at most at 10000 per second, got {self.fps}")
        return self

    def _check_alternation(self, where: str) -> None:
        merged = sorted([(f, Phase.ED) for f in self.ed] + [(f, Phase.ES) for f in self.es])
        for (a, first), (b, second) in pairwise(merged):
            if first is second:
                raise LabelError(
                    f"{where}: {first} frames {a:g} and {b:g} without an {first.other} between them; "
                    "label it or leave the clip out"
                )
            if a == b:
                raise LabelError(f"{where}: frame {a:g} is labelled both ED and ES")


def check_inside(labels: ClipLabels, n_frames: int, virtual: frozenset[tuple[Phase, float]] = frozenset()) -> None:
    """Raise LabelError for a keyframe beyond the clip's ``n_frames`` that is not named as virtual."""
    for phase in Phase:
        for frame in labels.of(phase).tolist():
            if not 0 <= frame <= n_frames - 1 and (phase, frame) not in virtual:
                raise LabelError(
                    f"{labels.file}: {phase} frame {frame:g} lies beyond the clip's {n_frames} frames "
                    f"(0 to {n_frames - 1}); mark it outside=1 if it is meant to be a virtual keyframe"
                )


def read_labels(path: Path) -> list[ClipLabels]:
    """Read labels.csv (or the one in a folder), in the order in which files first appear.

    Raises LabelError, naming file and row, for whatever cannot be right (see ``ClipLabels.check``).
    """
    path = Path(path)
    path = path / LABELS_NAME if path.is_dir() else path
    rows = _rows(path)
    by_file: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, row in rows:
        by_file.setdefault(_relative_name(path, number, row), []).append((number, row))
    if not by_file:
        raise LabelError(f"{path.name}: holds no labels")
    return [_clip(path, name, entries) for name, entries in by_file.items()]


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise LabelError(f"{path.name}: larger than {LARGEST_FILE >> 20} MB, so not a file of labels")
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = [c for c in COLUMNS[:3] if c not in (reader.fieldnames or ())]
            if missing:
                raise LabelError(f"{path.name}: its first line lacks the column {missing[0]!r}")
            return [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise LabelError(f"{path.name}: no such file of labels in {path.parent}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelError(f"{path.name}: cannot be read as a table of labels ({error})") from error


def _relative_name(path: Path, number: int, row: dict[str, str]) -> str:
    name = (row["file"] or "").strip().replace("\\", "/")
    # Labels come from other people: they must not lead out of their folder.
    if not name or ".." in name.split("/") or name.startswith("/") or PureWindowsPath(name).drive:
        raise LabelError(f"{path.name} line {number}: file must name a cine inside the folder, got {name!r}")
    return name


def _clip(path: Path, name: str, entries: list[tuple[int, dict[str, str]]]) -> ClipLabels:
    events: dict[Phase, list[float]] = {Phase.ED: [], Phase.ES: []}
    virtual: set[tuple[Phase, float]] = set()
    for number, row in entries:
        phase = (row["phase"] or "").strip().upper()
        if phase not in events:
            raise LabelError(f"{path.name} line {number}: phase must be ED or ES, got {row['phase']!r}")
        frame = _number(path, number, row, "frame")
        if frame is None:
            raise LabelError(f"{path.name} line {number}: has no frame")
        events[Phase(phase)].append(frame)
        if (row.get("outside") or "").strip() in ("1", "true", "True"):
            virtual.add((Phase(phase), frame))
    number, first = entries[0]
    frames = _number(path, number, first, "frames")
    labels = ClipLabels(
        name,
        tuple(events[Phase.ED]),
        tuple(events[Phase.ES]),
        None if frames is None else int(frames),
        _number(path, number, first, "fps"),
        (first.get("view") or "").strip() or None,
    ).check(path.name)
    if labels.frames is not None:
        check_inside(labels, labels.frames, frozenset(virtual))
    return labels


def _number(path: Path, line: int, row: dict[str, str], column: str) -> float | None:
    text = (row.get(column) or "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise LabelError(f"{path.name} line {line}: {column} must be a number, got {text!r}")
    return value


def write_labels(path: Path, clips: Iterable[ClipLabels]) -> None:
    """Write labels.csv; the file appears whole or not at all. Raises LabelError as ``ClipLabels.check`` does."""
    with written_atomically(Path(path)) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for clip in clips:
            for phase in Phase:
                for frame in clip.check().of(phase).tolist():
                    outside = frame < 0 or (clip.frames is not None and frame > clip.frames - 1)
                    optional = ("" if value is None else value for value in (clip.frames, clip.fps, clip.view))
                    writer.writerow([clip.file, phase.value, f"{frame:g}", *optional, int(outside)])
