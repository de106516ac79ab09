"""beats.csv and beats.parquet: one table of everything that was found in many cines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from ..atomic_file import written_atomically
from ..csv_file import append_rows, write_header
from ..detection.keyframes import Beat
from .keyframes_file import KeyframesFile
from .measurement_file import read_measured_beats

CSV_NAME, PARQUET_NAME = "beats.csv", "beats.parquet"

COLUMNS = {
    "result": str, "file": str, "status": str, "view": str, "frames": int, "frame_rate": float, "timing": str,
    "heart_rate": float, "beat": int, "measurable": bool, "unfit": str, "beat_heart_rate": float,
    "ed_frame": int, "ed_time": float, "ed_confidence": float, "ed_at_edge": bool,
    "es_frame": int, "es_time": float, "es_confidence": float, "es_at_edge": bool,
    "next_ed_frame": int, "next_ed_time": float,
    "model": str, "decoder": str, "runtime": str, "device": str, "version": str, "warnings": str, "message": str,
    "orientation": str,
    "edv": float, "esv": float, "stroke_volume": float, "ejection_fraction": float, "measurement_unfit": str,
}  # fmt: skip
"""Name and type; anything may be missing but result and status.

result: path of the cine's results below the output folder, without suffix, unique. file: the cine's name.
status: ``done`` or ``failed``. heart_rate: of the cine, beat_heart_rate: of the beat, per minute. Times in s.
unfit: why a beat is not measurable (``Unfit``), like warnings separated by `` | ``. message: why it failed.
orientation: see ``Orientation``.
edv, esv, stroke_volume: mL. ejection_fraction: %. measurement_unfit: what makes these doubtful, or why there are none;
all empty where nobody measured.
"""

DONE, FAILED = "done", "failed"

_AT_ONCE = 5000
"""Rows held in memory, and those of a row group in Parquet."""

Row = dict[str, Any]


Measured = Callable[[Beat], Row]
"""The cells of a beat that tell its measurement."""


def done_rows(result: str, contents: KeyframesFile, measured: Measured = lambda _: {}) -> Iterator[Row]:
    """One row a beat, with what is true of the whole cine repeated in each; one without a beat where there is none."""
    cine = {
        "result": result, "file": contents.source, "status": DONE, "view": contents.view, "frames": contents.frames,
        "frame_rate": contents.frame_rate, "timing": contents.timing, "heart_rate": contents.heart_rate,
        "model": contents.model, "decoder": contents.decoder, "runtime": contents.runtime,
        "device": contents.device, "version": contents.version, "orientation": contents.orientation,
        "warnings": " | ".join(contents.warnings) or None,
    }  # fmt: skip
    if not contents.beats:
        yield cine
    for beat in contents.beats:
        yield cine | _of_beat(beat) | measured(beat)


def failed_row(result: str, file: str, message: str) -> Row:
    """The row of a cine that failed."""
    return {"result": result, "file": file, "status": FAILED, "message": message}


def measured_cells(path: Path) -> Measured:
    """The cells that NAME.measurement.json gives to the beats of its cine. Raises CineError as its reader."""
    beats, refused = read_measured_beats(path)

    def cells(beat: Beat) -> Row:
        found = beats.get(beat.number)
        if found is None:
            unfit = refused.get(beat.number, tuple(beat.unfit))
            return {"measurement_unfit": " | ".join(unfit) or None}
        if not found.is_of(beat):
            return {}
        numbers = {name: getattr(found, name) for name in ("edv", "esv", "stroke_volume", "ejection_fraction")}
        return {**numbers, "measurement_unfit": " | ".join(found.unfit) or None}

    return cells


def is_foreign(folder: Path) -> str | None:
    """The name of a file in the folder that the table would overwrite and that is no such table, None if none is."""
    path = folder / CSV_NAME
    if not path.exists():
        return PARQUET_NAME if (folder / PARQUET_NAME).exists() else None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return None if file.readline(200).startswith("result,file,status,") else CSV_NAME
    except (OSError, UnicodeDecodeError):
        return CSV_NAME


def write_table(folder: Path, rows: Iterable[Row]) -> tuple[list[Path], int]:
    """Write the table as CSV and, where pyarrow is installed, as Parquet. Returns the paths, and the number of rows.

    Each file appears when it is whole; a Parquet file that would be left out of date is deleted. Rows are taken a few
    thousand at a time. Raises OSError.
    """
    paths = [folder / CSV_NAME, folder / PARQUET_NAME]
    number = 0
    with ExitStack() as stack:
        writers = [_csv_writer(stack, paths[0])]
        if find_spec("pyarrow"):
            writers.append(_parquet_writer(stack, paths[1]))
        else:
            paths.pop().unlink(missing_ok=True)
        rows = iter(rows)
        while part := list(islice(rows, _AT_ONCE)):
            for write in writers:
                write(part)
            number += len(part)
    return paths, number


def _of_beat(beat: Beat) -> Row:
    row: Row = {"beat": beat.number, "measurable": beat.measurable, "unfit": " | ".join(beat.unfit) or None,
                "beat_heart_rate": beat.heart_rate}
    for name, keyframe in (("ed", beat.ed), ("es", beat.es), ("next_ed", beat.next_ed)):
        if keyframe is not None:
            row |= {f"{name}_{what}": getattr(keyframe, what) for what in ("frame", "time", "confidence", "at_edge")}
    return {name: value for name, value in row.items() if name in COLUMNS}


def _csv_writer(stack: ExitStack, path: Path):
    temporary = stack.enter_context(written_atomically(path))
    file = stack.enter_context(temporary.open("w", encoding="utf-8", newline=""))
    write_header(file, list(COLUMNS))
    return lambda rows: append_rows(
        file, list(COLUMNS), ({name: _text(value) for name, value in row.items()} for row in rows)
    )


def _text(value: Any) -> Any:
    """As in NAME.keyframes.csv: six decimals, missing values empty."""
    return round(value, 6) if isinstance(value, float) else value


def _parquet_writer(stack: ExitStack, path: Path):
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    types = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    schema = pyarrow.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    temporary = stack.enter_context(written_atomically(path))
    writer = stack.enter_context(ParquetWriter(temporary, schema))
    return lambda rows: writer.write_table(pyarrow.Table.from_pylist(rows, schema))
