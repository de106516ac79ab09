"""A table, to be read (Markdown) and to be computed with (CSV)."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...atomic_file import written_atomically

Record = dict[str, object]


@dataclass(frozen=True)
class Table:
    """name: of its files, without suffix. rows: what is shown, a cell for each column. notes: lines beneath it.

    records: the same and more in numbers, one dictionary a row, all with the same keys.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    records: tuple[Record, ...]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """Rows and notes, without the title."""
        cells = [self.columns, ("---",) * len(self.columns), *self.rows]
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes), ""])


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Write a CSV atomically: floats with six digits, an empty cell where there is no number. Raises OSError."""
    with written_atomically(path) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        if records:
            writer = csv.DictWriter(stream, list(records[0]))
            writer.writeheader()
            writer.writerows({key: _cell(value) for key, value in record.items()} for record in records)


def mean_and_sd(mean: float, sd: float, digits: int = 2) -> str:
    """``1.27 ± 1.17``, or a dash where nothing was there to average."""
    return f"{mean:.{digits}f} ± {sd:.{digits}f}" if math.isfinite(mean) else "–"


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return "" if value is None else value
