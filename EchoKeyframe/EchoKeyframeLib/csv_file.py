"""CSV files: written whole or not at all, and so that no spreadsheet takes a name in them for a formula.

A cell of text that begins like a formula gets a leading apostrophe, the mark by which spreadsheets know text; it is
taken off where the cell is read. Numbers stay as they are.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from .atomic_file import written_atomically

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")
_MARKED = re.compile(r"''*[=+\-@\t\r\n]")


def write_rows(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]], private: bool = False
) -> None:
    """Write a header and a line for each row, UTF-8. private: readable by its owner alone.

    A cell is empty where a row has None or nothing for its column; what a row has beyond the columns is left out. Bytes
    of a name that are no text become ``?``. A table without columns is an empty file. The folder must exist. Raises
    OSError.
    """
    opener = _private if private else None
    with (
        written_atomically(path) as temporary,
        open(temporary, "w", encoding="utf-8", errors="replace", newline="", opener=opener) as file,
    ):
        if columns:
            write_header(file, columns)
            append_rows(file, columns, rows)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def write_header(file: TextIO, columns: Sequence[str]) -> None:
    csv.writer(file).writerow(map(marked, columns))


def append_rows(file: TextIO, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a line for each row, as ``write_rows`` does, into a file that is open with ``newline=""``."""
    writer = csv.DictWriter(file, columns, extrasaction="ignore")
    writer.writerows({name: marked(value) for name, value in row.items()} for row in rows)


def read_rows(file: TextIO) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """The columns of a table that is open with ``newline=""``, and each row with the number of its last line.

    Columns may be separated by semicolons or tabs, as spreadsheets write them in much of Europe, with decimal commas
    then. Every row has every column, empty where the line is short; cells beyond the columns are left out.

    Raises csv.Error and UnicodeDecodeError, also while rows are taken.
    """
    first = file.readline()
    file.seek(0)
    separator = max(",;\t", key=first.count)
    reader = csv.DictReader(file, restval="", delimiter=separator)
    names = reader.fieldnames or []
    columns = [unmarked(name) for name in names]

    def read(cell: str) -> str:
        if separator == ";" and _DECIMAL_COMMA.fullmatch(cell):
            return cell.replace(",", ".")
        return unmarked(cell)

    rows = ((reader.line_num, {name: read(row[own]) for name, own in zip(columns, names, strict=True)})
            for row in reader)  # fmt: skip
    return columns, rows


def marked(value: object) -> object:
    """A cell as it is written: text that a spreadsheet would compute gets an apostrophe, all else is itself."""
    if not isinstance(value, str) or not _FORMULA.match(value) or _is_number(value):
        return value
    return f"'{value}"


def unmarked(cell: str) -> str:
    """A cell as it was before it was written."""
    return cell[1:] if _MARKED.match(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
