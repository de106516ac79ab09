"""A table, to be read (Markdown) and to be computed with (CSV)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...csv_file import write_rows

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
    rows = ({key: _cell(value) for key, value in record.items()} for record in records)
    write_rows(path, list(records[0]) if records else (), rows)


def mean_and_sd(mean: float, sd: float, digits: int = 2) -> str:
    """``1.27 ± 1.17``, or a dash where nothing was there to average."""
    return f"{mean:.{digits}f} ± {sd:.{digits}f}" if math.isfinite(mean) else "–"


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return "" if value is None else value
