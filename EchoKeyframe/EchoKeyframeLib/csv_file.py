"""CSV files that are either written whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .atomic_file import written_atomically


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a header and a line for each row, UTF-8.

    A cell is empty where a row has None or nothing for its column; what a row has beyond the columns is left out. A
    table without columns is an empty file. The folder must exist. Raises OSError.
    """
    with written_atomically(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        if columns:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
