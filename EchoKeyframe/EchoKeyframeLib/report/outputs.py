"""The four files that a detection leaves for one cine."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..atomic_file import make_folder, written_together
from ..cine.cine import GIVEN_RATE, Cine, CineError
from ..cine.orientation import Orientation
from ..cine.sector import Sector
from ..detection.keyframes import Detection
from .curves_file import write_curves
from .keyframes_file import KeyframesFile, read_json, write_csv, write_json

SUFFIXES = (".keyframes.json", ".keyframes.csv", ".curves.csv", ".png")
"""The JSON comes first: where it lies, the others beside it are known to be ours."""


ADVICE = "use --force to overwrite, or another --output"


class OutputExists(CineError):
    """Files are in the way that are not this detection's own. One line: which, what to do."""


def output_paths(target: Path) -> list[Path]:
    """The files for ``target``, which is DIR/NAME without a suffix, in the order of ``SUFFIXES``."""
    return [target.with_name(target.name + suffix) for suffix in SUFFIXES]


def refuse_to_overwrite(paths: Iterable[Path]) -> None:
    """Raise OutputExists for the first of these files that is there already."""
    for path in paths:
        if path.exists():
            raise OutputExists(path.name, f"is already there; {ADVICE}")


@dataclass(frozen=True)
class Request:
    """What makes two detections equal: the cine's file name, and how it was asked for. None: as file or picture say."""

    source: str
    model: str
    decoder: str
    fps: float | None = None
    view: str | None = None
    orientation: Orientation | None = None

    def difference(self, found: KeyframesFile) -> str | None:
        """What in a file differs from what this request would give, in a few words; None if nothing does."""
        for name, wanted in (("source", self.source), ("model", self.model), ("decoder", self.decoder),
                             ("version", __version__), ("view", self.view or found.view)):
            if getattr(found, name) != wanted:
                return f"{name} {getattr(found, name)}, not {wanted}"
        given = found.frame_rate if found.timing == GIVEN_RATE else None
        if (given is None) != (self.fps is None) or (given and not math.isclose(given, self.fps, rel_tol=1e-4)):
            return f"frame rate {found.frame_rate} ({found.timing}), not {self.fps or 'that of the file'}"
        if found.given_orientation is not self.orientation:
            wanted, origin = self.orientation or "that of the picture", "given" if found.orientation_given else "found"
            return f"orientation {found.orientation} ({origin}), not {wanted}"
        return None


def is_done(target: Path, request: Request) -> bool:
    """Whether the files of an equal detection are all there.

    False where nothing is there, or only part of an equal detection that was cut short. Raises OutputExists where
    writing would overwrite anything else.
    """
    present = [path for path in output_paths(target) if path.exists()]
    if not present:
        return False
    if not present[0].name.endswith(SUFFIXES[0]):
        raise OutputExists(present[0].name, f"is already there and not from a detection; {ADVICE}")
    try:
        difference = request.difference(read_json(present[0]))
    except CineError as error:
        raise OutputExists(error.name, f"{error.reason}; {ADVICE}") from error
    if difference:
        raise OutputExists(present[0].name, f"is already there with {difference}; {ADVICE}")
    return len(present) == len(SUFFIXES)


def write_outputs(target: Path, cine: Cine, sector: Sector, detection: Detection) -> None:
    """Write the four files. They are made in full aside and then moved, so that an error leaves what was there.

    The folder of ``target`` is made if need be. Raises OSError.
    """
    from .figure import write_figure

    make_folder(target.parent)
    contents = KeyframesFile.of(cine, detection)
    with written_together(output_paths(target)) as (json_path, csv_path, curves_path, figure_path):
        write_json(json_path, contents)
        write_csv(csv_path, contents)
        write_curves(curves_path, detection.curves)
        write_figure(figure_path, cine, sector, detection)
