"""JSON files of our own, or made by hand in their form: read within a bound and checked against a schema.

A person may have edited them, another program may have written them, a disk may have spoilt them: types, lengths and
ranges are checked where they are read, so that what comes out can be relied on. Fields that a schema does not know are
those of a later version and are ignored.
"""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from .cine.cine import CineError

Schema = TypeVar("Schema")

LARGEST = 64 * 2**20
"""Bytes of a file, where its reader knows no less."""
MOST_FRAMES = 10**7

# Ranges refuse what is not finite, too.
Frame = Annotated[int, msgspec.Meta(ge=0, lt=MOST_FRAMES)]
Seconds = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
Pixels = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Word = Annotated[str, msgspec.Meta(max_length=256)]
FileName = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Line = Annotated[str, msgspec.Meta(max_length=2**16)]

_LONGEST = 100  # characters of either end of a message
_OTHER_TEXT = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


def read_text(path: Path, what: str, largest: int = LARGEST, error: type[CineError] = CineError) -> str:
    """The text of a small file in UTF-8, with or without a byte order mark.

    what: such as "keyframes file", for messages. error: kind of what is raised where the file cannot be read, is larger
    than ``largest`` bytes, is no regular file, or holds other bytes.
    """
    try:
        if not path.is_file() and path.exists():
            raise error(path.name, f"is no regular file, so no {what}")
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except OSError as fault:
        raise error(path.name, f"cannot be read as a {what} ({fault.strerror or type(fault).__name__})") from fault
    if len(data) > largest:
        raise error(path.name, f"is larger than {max(1, largest >> 20)} MB, so no {what}")
    if coding := _OTHER_TEXT.get(data[:2]):
        raise error(path.name, f"is written in {coding}; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        reason = f"byte {fault.start} is no UTF-8; save it as UTF-8"
        raise error(path.name, f"cannot be read as a {what} ({reason})") from fault


def read_document(
    path: Path, what: str, largest: int = LARGEST, error: type[CineError] = CineError
) -> dict[str, Any]:
    """The object that a JSON file holds; numbers such as ``19.0`` come as whole ones.

    Raises ``error`` as ``read_text``, and for anything but an object.
    """
    text = read_text(path, what, largest, error)
    try:
        document = json.loads(text, parse_float=_number)
    except (ValueError, RecursionError) as fault:
        reason = "it is nested too deep" if isinstance(fault, RecursionError) else str(fault).splitlines()[0]
        raise error(path.name, f"cannot be read as a {what} ({reason})") from fault
    if not isinstance(document, dict):
        raise error(path.name, f"is JSON, but no {what}")
    return document


def checked(
    document: object, schema: type[Schema], path: Path, what: str, error: type[CineError] = CineError
) -> Schema:
    """A document in the types of a schema. Raises ``error`` with what is wrong and where, such as ``$.beats[2].ed``."""
    try:
        return msgspec.convert(document, schema)
    except msgspec.ValidationError as fault:
        raise error(path.name, f"damaged {what} ({_shortened(str(fault).replace('`', ''))})") from fault


def _shortened(text: str) -> str:
    """A message that may quote a long value, which stands before the place."""
    return text if len(text) <= 2 * _LONGEST else f"{text[:_LONGEST]} … {text[-_LONGEST:]}"


def _number(text: str) -> float | int:
    """Programs that know no whole numbers write 19 as ``19.0``."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
