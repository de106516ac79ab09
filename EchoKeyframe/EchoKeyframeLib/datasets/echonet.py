"""EchoNet-Dynamic: apical four-chamber videos with one ED and one ES tracing each, in three published parts.

``FileList.csv`` (FileName, ..., FPS, NumberOfFrames, Split), ``VolumeTracings.csv`` (FileName, X1, Y1, X2, Y2, Frame;
frames from 0, coordinates in pixels of the 112x112 video) and the folder ``Videos``. One video a patient.
Ouyang et al., Nature 2020;580:252-256, doi:10.1038/s41586-020-2145-8; https://github.com/echonet/dynamic.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import numpy as np

from ..csv_file import read_rows
from ..detection.keyframes import Phase
from .clip_labels import ClipLabels, LabelError
from .dataset import Dataset, Finding, LabelledCine, Severity
from .decided import labelled_spans
from .masks import TracedMasks, in_order, outline
from .split import Split
from .table_number import table_number

FORM = "EchoNet-Dynamic"
TINY_FORM = "EchoNet-Dynamic-Tiny"
TINY = 280
"""EchoNet-Dynamic-Tiny is the first so many videos by ascending file name (the paper)."""

LIST_NAME, TRACINGS_NAME, VIDEOS_NAME = "FileList.csv", "VolumeTracings.csv", "Videos"
VIEW = "A4C"
_LIST_COLUMNS = ("FileName", "FrameHeight", "FrameWidth", "FPS", "NumberOfFrames", "Split")
_TRACING_COLUMNS = ("FileName", "X1", "Y1", "X2", "Y2", "Frame")

_VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv"})

Tracings = dict[str, dict[int, np.ndarray]]


def is_echonet(folder: Path) -> bool:
    """Whether a folder holds EchoNet-Dynamic."""
    return (folder / LIST_NAME).is_file()


def read_echonet(folder: Path) -> Dataset:
    """The labelled videos of EchoNet-Dynamic; those without two tracings are left out with a note.

    Raises LabelError where a table itself cannot be read.
    """
    findings: list[Finding] = []
    tracings = _read_tracings(folder / TRACINGS_NAME, findings)
    cines = []
    for line, row in _rows(folder / LIST_NAME, _LIST_COLUMNS):
        try:
            cine = _labelled(folder, line, row, tracings, findings)
        except LabelError as error:
            findings.append(Finding(Severity.ERROR, "wrong labels", LIST_NAME, str(error)))
        else:
            if cine is not None:
                cines.append(cine)
    return Dataset(FORM, folder, tuple(cines), tuple(findings))


def tiny(dataset: Dataset) -> Dataset:
    """EchoNet-Dynamic-Tiny: the first 280 labelled videos by file name, without the published parts (the paper divides
    them anew, 4:1)."""
    first = sorted(dataset.cines, key=lambda cine: cine.labels.file)[:TINY]
    return replace(dataset, form=TINY_FORM, cines=tuple(replace(cine, split=None) for cine in first))


def _labelled(
    folder: Path, line: int, row: dict[str, str], tracings: Tracings, findings: list[Finding]
) -> LabelledCine | None:
    name = _video_name(row["FileName"], f"{LIST_NAME} line {line}")
    where = f"{LIST_NAME} line {line}: {name}"
    fps, frames = _positive(row["FPS"], f"{where}: FPS"), round(_positive(row["NumberOfFrames"], f"{where}: frames"))
    split = row["Split"].strip().lower()
    if split not in list(Split):
        raise LabelError(where, f"Split must be TRAIN, VAL or TEST, got {row['Split']!r}")
    size = tuple(round(_positive(row[column], f"{where}: {column}")) for column in ("FrameHeight", "FrameWidth"))
    traced = tracings.get(name, {})
    polygons = {frame: outline(chords) for frame, chords in traced.items()}
    if len(polygons) < 2:
        findings.append(Finding(Severity.NOTE, "no two tracings", name, f"{name}: has no two tracings; left out"))
        return None
    masks = TracedMasks(polygons, size)
    if len(polygons) > 2:
        message = f"{name}: has {len(polygons)} tracings; the largest is taken for ED, the smallest for ES"
        findings.append(Finding(Severity.NOTE, "more than two tracings", name, message))
    labels = _by_area(name, masks, frames, fps, findings)
    if mended := [frame for frame, chords in traced.items() if not in_order(chords)]:
        message = f"{name}: chords of the tracing on frame {mended[0]} are out of order or exchanged; put in order"
        findings.append(Finding(Severity.NOTE, "tracing put in order", name, message))
    return LabelledCine(labels, folder / VIDEOS_NAME / name, patient=name, split=Split(split), masks=masks)


def _by_area(name: str, masks: TracedMasks, frames: int, fps: float, findings: list[Finding]) -> ClipLabels:
    """ED where the tracing is largest, ES where it is smallest: the order in the file says nothing."""
    areas = {frame: masks.area(frame) for frame in masks.frames}
    ed, es = max(areas, key=areas.get), min(areas, key=areas.get)
    if areas[es] <= 0 or areas[ed] == areas[es]:
        raise LabelError(name, f"its tracings in {TRACINGS_NAME} do not tell ED from ES by area")
    if not 0 <= max(ed, es) < frames:
        raise LabelError(name, f"frame {max(ed, es)} is traced, the video has {frames} frames")
    events = sorted([(float(ed), Phase.ED), (float(es), Phase.ES)])
    decided = labelled_spans(events, frames, fps)
    if decided == ():
        message = (f"{name}: ED {ed} and ES {es} are {abs(ed - es) / fps:.1f} s apart, so not of one beat; "
                   "nothing between them is decided")  # fmt: skip
        findings.append(Finding(Severity.WARNING, "ED and ES of different beats", name, message))
    return ClipLabels(name, (float(ed),), (float(es),), frames, fps, VIEW, decided).check()


def _read_tracings(path: Path, findings: list[Finding]) -> Tracings:
    """Rows x1, y1, x2, y2 of every traced frame, float32 ``[n, 4]``, by video and frame."""
    rows: dict[str, dict[int, list[tuple[float, ...]]]] = {}
    for line, row in _rows(path, _TRACING_COLUMNS):
        try:
            name = _video_name(row["FileName"], f"{TRACINGS_NAME} line {line}")
            frame = _whole(row["Frame"])
            chord = tuple(float(row[column]) for column in ("X1", "Y1", "X2", "Y2"))
            if frame < 0 or not all(map(math.isfinite, chord)):
                raise ValueError
        except (ValueError, TypeError, LabelError):
            message = f"{TRACINGS_NAME} line {line}: is no tracing (a video, four coordinates and a frame); left out"
            findings.append(Finding(Severity.ERROR, "wrong tracing", TRACINGS_NAME, message))
        else:
            rows.setdefault(name, {}).setdefault(frame, []).append(chord)
    return {name: {f: np.array(c, np.float32) for f, c in frames.items()} for name, frames in rows.items()}


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            there, rows = read_rows(stream)
            missing = [column for column in columns if column not in there]
            if missing:
                raise LabelError(path.name,
                                 f"its first line lacks the column {missing[0]!r}, so it is not the table "
                                 "of EchoNet-Dynamic")  # fmt: skip
            yield from rows
    except FileNotFoundError:
        raise LabelError(path.name, f"is missing in {path.parent.name}; copy the whole data set") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelError(path.name, f"cannot be read as a table ({error})") from error


def _video_name(text: str, where: str) -> str:
    """The file in ``Videos``; the two tables name it with and without its suffix. A UID has dots of its own."""
    name = text.strip()
    if not name or Path(name).name != name or PureWindowsPath(name).name != name or name == "..":
        raise LabelError(where, f"FileName must name a video, got {name!r}")
    return name if Path(name).suffix.lower() in _VIDEO_SUFFIXES else f"{name}.avi"


def _whole(text: str) -> int:
    """A frame's number; some programs write ``18.0``. Raises ValueError."""
    value = table_number(text)
    if not value.is_integer():
        raise ValueError
    return int(value)


def _positive(text: str, where: str) -> float:
    value = table_number(text)
    if not 0 < value <= 1e6:
        raise LabelError(where, f"must be a number above 0, got {text!r}")
    return value
