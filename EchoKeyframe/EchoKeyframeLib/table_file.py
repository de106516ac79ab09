"""Tables of our own, or other people's: read within a bound, each row checked against a schema, as ``json_file`` does.

A column that a schema does not know is ignored; an empty cell stands for its column's default. What is wrong is named
by line and column, and not quoted: where columns have slipped, a cell may hold the key to a patient.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import msgspec

from .cine.cine import HIGHEST_FRAME_RATE, CineError
from .csv_file import read_rows
from .json_file import LARGEST, MOST_FRAMES, read_text

Schema = TypeVar("Schema")
Row = dict[str, str]

MOST_ROWS = 1_000_000

# A description says, behind "must be", what a cell is to hold.
Number = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9, description="a number")]
WholeNumber = Annotated[int, msgspec.Meta(ge=0, lt=MOST_FRAMES, description="a whole number")]
FrameCount = Annotated[int, msgspec.Meta(ge=1, le=MOST_FRAMES, description="a number of frames")]
FrameRate = Annotated[
    float, msgspec.Meta(gt=0, le=HIGHEST_FRAME_RATE, description=f"frames per second, up to {HIGHEST_FRAME_RATE}")
]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100, description="per cent, 0 to 100")]
Milliliters = Annotated[float, msgspec.Meta(ge=0, le=1e5, description="a volume in mL")]
Name = Annotated[str, msgspec.Meta(max_length=256, description="at most 256 characters")]
BareName = Annotated[
    str, msgspec.Meta(pattern=r"^(?!\.\.?\Z)[^/\\:\0]+\Z", max_length=1024, description="a bare name")
]
"""Of a file that lies beside the table."""

_COLUMN = re.compile(r"\$\.(\w+)|field `(\w+)`")


def read_table(
    path: Path, schema: type, what: str, largest: int = LARGEST, error: type[CineError] = CineError,
    whole_lines: bool = False,
) -> Iterator[tuple[int, Row]]:
    """The rows of a CSV file with the number of their last line: cells of the schema's columns that are not empty, as
    text; ``checked_row`` makes the schema of each.

    what: such as "table of labels", for messages. whole_lines: leave out a last line without its end, which a killed
    process left. Raises ``error`` as ``read_text``, and where a column is missing that the schema has no default for.
    """
    text = read_text(path, what, largest, error)
    try:
        columns, rows = read_rows(io.StringIO(text[: text.rfind("\n") + 1] if whole_lines else text, newline=""))
        missing = [column for column in _needed(schema) if column not in columns]
        if missing:
            raise error(path.name, f"its first line lacks the column {missing[0]!r}, so it is no {what}")
        known = _words(schema)
        for count, (line, row) in enumerate(rows):
            if count == MOST_ROWS:
                raise error(path.name, f"has more than {MOST_ROWS} lines, so it is no {what}")
            yield line, {column: text for column in known if (text := row.get(column, "").strip(" \t"))}
    except csv.Error as fault:
        raise error(path.name, f"cannot be read as a {what} ({fault}); save it as CSV in UTF-8") from fault


def checked_row(
    row: Mapping[str, str], schema: type[Schema], name: str, line: int | None = None,
    error: type[CineError] = CineError,
) -> Schema:
    """A row in the types of a schema. Raises ``error`` for file ``name``: line, column and what it is to hold."""
    words, numbers = _words(schema), _numbers(schema)
    typed = {column: _number(cell) if column in numbers else cell for column, cell in row.items()}
    try:
        return msgspec.convert(typed, schema, strict=False)
    except msgspec.ValidationError as fault:
        found = _COLUMN.search(str(fault))
        column = (found[1] or found[2]) if found else ""
        where = "" if line is None else f"line {line}: "
        raise error(name, f"{where}{column or 'a column'} must be {words.get(column) or 'another value'}") from fault


def _number(cell: str) -> str | float | int:
    """As people write numbers: 007, +3, .5 and 18.0, too. Text stays, for the schema to refuse."""
    try:
        value = float(cell)
    except ValueError:
        return cell
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


@cache
def _needed(schema: type) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(schema) if field.required)


@cache
def _words(schema: type) -> dict[str, str]:
    """What each column is to hold."""
    return {name: _description(hint) for name, hint in get_type_hints(schema, include_extras=True).items()}


def _description(hint: Any) -> str:
    told = (meta.description for part in (hint, *get_args(hint)) for meta in getattr(part, "__metadata__", ()))
    return next(filter(None, told), "")


@cache
def _numbers(schema: type) -> frozenset[str]:
    plain = get_type_hints(schema)
    return frozenset(name for name, hint in plain.items() if {int, float} & {hint, *get_args(hint)})
