"""NAME.curves.csv: the ED and ES probability of every frame."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ..cine.cine import CineError
from ..csv_file import read_rows, write_rows
from ..detection.keyframes import Curves

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
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [[float(row[column]) for column in COLUMNS] for _, row in read_rows(file)[1]]
        _, times, ed, es = np.array(rows, np.float64).reshape(-1, len(COLUMNS)).T
        return Curves(np.stack([ed, es], axis=1).astype(np.float32), times, detector)
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise CineError(path.name, f"cannot be read as a curves file ({type(error).__name__})") from error
