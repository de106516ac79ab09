"""EchoNet-Dynamic: apical four-chamber videos with one ED and one ES tracing each, in three published parts.

``FileList.csv`` (FileName, EF, ESV, EDV, ..., FPS, NumberOfFrames, Split), ``VolumeTracings.csv`` (FileName, X1, Y1,
X2, Y2, Frame; frames from 0, coordinates in pixels of the 112x112 video) and the folder ``Videos``, one a patient.
Ouyang et al., Nature 2020;580:252-256, doi:10.1038/s41586-020-2145-8; https://github.com/echonet/dynamic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from ..detection.keyframes import Phase
from ..table_file import (
    BareName,
    FrameCount,
    FrameRate,
    Milliliters,
    Number,
    Percent,
    Row,
    WholeNumber,
    checked_row,
    read_table,
)
from .clip_labels import ClipLabels, LabelError
from .dataset import Dataset, Finding, LabelledCine, Severity, StatedVolumes
from .decided import labelled_spans
from .masks import TracedMasks, in_order
from .split import Split

FORM = "EchoNet-Dynamic"
TINY_FORM = "EchoNet-Dynamic-Tiny"
TINY = 280
"""EchoNet-Dynamic-Tiny is the first so many videos by ascending file name (the paper)."""

LIST_NAME, TRACINGS_NAME, VIDEOS_NAME = "FileList.csv", "VolumeTracings.csv", "Videos"
VIEW = "A4C"
_LARGEST_FILE = 256 * 2**20
_Side = Annotated[int, msgspec.Meta(ge=1, le=2**16, description="a number of pixels")]
_Part = Annotated[str, msgspec.Meta(pattern=r"^(?i:train|val|test)\Z", description="TRAIN, VAL or TEST")]

_VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv"})


class _Listed(msgspec.Struct):
    FileName: BareName
    FrameHeight: _Side
    FrameWidth: _Side
    FPS: FrameRate
    NumberOfFrames: FrameCount
    Split: _Part
    EF: Percent | None = None
    ESV: Milliliters | None = None
    EDV: Milliliters | None = None


class _Chord(msgspec.Struct, gc=False):
    FileName: BareName
    X1: Number
    Y1: Number
    X2: Number
    Y2: Number
    Frame: WholeNumber


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
    for line, cells in _rows(folder / LIST_NAME, _Listed):
        try:
            row = checked_row(cells, _Listed, LIST_NAME, line, LabelError)
            cine = _labelled(folder, row, tracings, findings)
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


def _labelled(folder: Path, row: _Listed, tracings: Tracings, findings: list[Finding]) -> LabelledCine | None:
    name, frames, fps = _video_name(row.FileName), row.NumberOfFrames, row.FPS
    traced = tracings.get(name, {})
    if len(traced) < 2:
        findings.append(Finding(Severity.NOTE, "no two tracings", name, f"{name}: has no two tracings; left out"))
        return None
    masks = TracedMasks(traced, (row.FrameHeight, row.FrameWidth), VIEW)
    if len(traced) > 2:
        message = f"{name}: has {len(traced)} tracings; the largest is taken for ED, the smallest for ES"
        findings.append(Finding(Severity.NOTE, "more than two tracings", name, message))
    labels = _by_area(name, masks, frames, fps, findings)
    if mended := [frame for frame, chords in traced.items() if not in_order(chords)]:
        message = f"{name}: chords of the tracing on frame {mended[0]} are out of order or exchanged; put in order"
        findings.append(Finding(Severity.NOTE, "tracing put in order", name, message))
    return LabelledCine(labels, folder / VIDEOS_NAME / name, patient=name, split=Split(row.Split.lower()), masks=masks,
                        stated=StatedVolumes(row.EF, row.EDV, row.ESV))  # fmt: skip


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
    for line, cells in _rows(path, _Chord):
        try:
            row = checked_row(cells, _Chord, TRACINGS_NAME, line, LabelError)
        except LabelError as error:
            findings.append(Finding(Severity.ERROR, "wrong tracing", TRACINGS_NAME, f"{error}; left out"))
        else:
            name, chord = _video_name(row.FileName), (row.X1, row.Y1, row.X2, row.Y2)
            rows.setdefault(name, {}).setdefault(row.Frame, []).append(chord)
    return {name: {f: np.array(c, np.float32) for f, c in frames.items()} for name, frames in rows.items()}


def _rows(path: Path, schema: type) -> Iterator[tuple[int, Row]]:
    if not path.exists():
        raise LabelError(path.name, f"is missing in {path.parent.name}; copy the whole data set")
    return read_table(path, schema, "table of EchoNet-Dynamic", _LARGEST_FILE, LabelError)


def _video_name(name: str) -> str:
    """The file in ``Videos``; the two tables name it with and without its suffix. A UID has dots of its own."""
    return name if Path(name).suffix.lower() in _VIDEO_SUFFIXES else f"{name}.avi"
