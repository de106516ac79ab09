"""NAME.curves.csv: the ED and ES probability of every frame."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from ..cine.cine import CineError
from ..csv_file import write_rows
from ..detection.keyframes import Curves
from ..json_file import Frame
from ..table_file import Number, checked_row, read_table

_WHAT = "table of curves"
_Probability = Annotated[float, msgspec.Meta(ge=0, le=1, description="a probability")]

COLUMNS = ("frame", "time", "ed", "es")


def write_curves(path: Path, curves: Curves) -> None:
    """Write one line a frame, atomically: 0-based frame, time in s, ED and ES probability. Raises OSError."""
    rows = (
        {"frame": frame, "time": f"{time:.6f}", "ed": f"{ed:.6f}", "es": f"{es:.6f}"}
        for frame, (time, ed, es) in enumerate(zip(curves.times, curves.ed, curves.es, strict=True))
    )
    write_rows(path, COLUMNS, rows)


def read_curves(path: Path, detector: str = "") -> Curves:
    """Read NAME.curves.csv back; ``detector`` names what made them. Raises CineError."""
    rows = [checked_row(cells, _Row, path.name, line) for line, cells in read_table(path, _Row, _WHAT)]
    try:
        times = np.array([row.time for row in rows], np.float64)
        return Curves(np.array([[row.ed, row.es] for row in rows], np.float32).reshape(-1, 2), times, detector)
    except ValueError as error:
        raise CineError(path.name, f"is no {_WHAT} ({error})") from error


class _Row(msgspec.Struct, gc=False):
    frame: Frame
    time: Number
    ed: _Probability
    es: _Probability
