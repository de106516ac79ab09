"""preparation.json: how the cines of a folder were prepared, so that a resumed run goes on in the same way."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import __version__
from ..atomic_file import written_atomically
from ..cine.cine import CineError

PREPARATION_NAME = "preparation.json"


@dataclass(frozen=True)
class PreparationFile:
    """size: pixels of a side, None for native. fps, view: given by a person for all cines. key_check: of the key for
    pseudonyms, see ``Pseudonyms.check``."""

    size: int | None
    codec: str
    whole_frame: bool
    fps: float | None
    view: str | None
    key_check: str
    interpolation: str = "bilinear"
    version: str = __version__

    def difference(self, other: PreparationFile) -> str | None:
        """The name of the first choice that differs, None if none does; the version may."""
        mine, theirs = asdict(self), asdict(other)
        return next((name for name in mine if name != "version" and mine[name] != theirs[name]), None)


def read_preparation(folder: Path) -> PreparationFile | None:
    """What the folder's file says, None where there is none. Raises CineError for another file of that name."""
    path = folder / PREPARATION_NAME
    if not path.exists():
        return None
    try:
        return PreparationFile(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise CineError(path.name, "is already there and of another kind; name another --output") from error


def write_preparation(folder: Path, preparation: PreparationFile) -> None:
    """Write the file atomically. Raises OSError."""
    with written_atomically(folder / PREPARATION_NAME) as temporary:
        temporary.write_text(json.dumps(asdict(preparation), indent=2) + "\n", encoding="utf-8")
