"""preparation.json: how the cines of a folder were prepared, so that a resumed run goes on in the same way."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from .. import __version__
from ..atomic_file import written_atomically
from ..cine.cine import HIGHEST_FRAME_RATE, CineError
from ..json_file import Word, checked, read_document

PREPARATION_NAME = "preparation.json"
_WHAT = "record of a preparation"
_LARGEST = 2**16


@dataclass(frozen=True)
class PreparationFile:
    """size: pixels of a side, None for native. fps, view: given by a person for all cines. key_check: of the key for
    pseudonyms, see ``Pseudonyms.check``."""

    size: Annotated[int, msgspec.Meta(ge=1, le=2**16)] | None
    codec: Word
    whole_frame: bool
    fps: Annotated[float, msgspec.Meta(gt=0, le=HIGHEST_FRAME_RATE)] | None
    view: Word | None
    key_check: Word
    interpolation: Word = "bilinear"
    version: Word = __version__

    def difference(self, other: PreparationFile) -> str | None:
        """The name of the first choice that differs, None if none does. Another version may prepare in another way."""
        mine, theirs = asdict(self), asdict(other)
        return next((name for name in mine if mine[name] != theirs[name]), None)


def read_preparation(folder: Path) -> PreparationFile | None:
    """What the folder's file says, None where there is none. Raises CineError for another file of that name."""
    path = folder / PREPARATION_NAME
    if not path.exists():
        return None
    try:
        document = read_document(path, _WHAT, _LARGEST)
        return checked(document, PreparationFile, path, _WHAT)
    except CineError as error:
        reason = f"is already there and of another kind ({error.reason}); name another --output"
        raise CineError(path.name, reason) from error


def write_preparation(folder: Path, preparation: PreparationFile) -> None:
    """Write the file atomically. Raises OSError."""
    with written_atomically(folder / PREPARATION_NAME) as temporary:
        temporary.write_text(json.dumps(asdict(preparation), indent=2) + "\n", encoding="utf-8")
