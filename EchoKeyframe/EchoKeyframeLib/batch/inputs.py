"""Which cines a command line means, and where the results of each go."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..cine.container import VIDEO_SUFFIXES
from .job import Job

DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".dic", ".ima"})
SUFFIXES = DICOM_SUFFIXES | VIDEO_SUFFIXES

_BEAT_VIDEO = re.compile(r"\.(\w+-)?beat\d{2,}-frames\d{4,}-\d{4,}\.(avi|mp4)")
"""The end of the name that ``export`` gives a beat: in a folder that is worked through again it is no new cine."""
_DOCUMENTS = re.compile(
    rb"\x02\x00\x02\x00UI..1\.2\.840\.10008\.5\.1\.4\.1\.1\.(88|11|104)\.[0-9.]+\x00?\x02\x00", re.DOTALL
)
"""Media Storage SOP Class (0002,0002) of reports and key objects (88), presentation states (11), PDF and such (104)."""


class InputError(Exception):
    """An argument that names no cine. One line: which, what to do."""


class Unreadable(NamedTuple):
    """Something beside the cines that failed. name: its path below the argument, or the argument's own."""

    name: str
    reason: str


def find_jobs(arguments: Sequence[str], output: Path) -> tuple[list[Job], list[Unreadable]]:
    """The jobs for files, folders and glob patterns, and the folders that could not be read.

    A file's results are named after it, those of a file in a folder lie in the same subfolders of ``output``. So that
    results never overwrite each other, files whose names differ only in their suffix keep it, and files of one name
    from several folders get eight digits of a hash of their path. The same file named twice is one job. Raises
    InputError where an argument matches nothing.
    """
    places: dict[Path, Path] = {}  # cine -> its path below the argument that names it first
    unreadable: list[Unreadable] = []
    for argument in arguments:
        for cine, relative in _expand(argument, unreadable):
            places.setdefault(Path(os.path.abspath(cine)), relative)
    if not places and not unreadable:
        raise InputError("no cine given")
    alone = len(places) == 1 and not any(os.path.isdir(match) for argument in arguments for match in _matches(argument))
    jobs = [Job(cine, output / name, below=places[cine], alone=alone) for cine, name in distinct_names(places).items()]
    return jobs, unreadable


def _expand(argument: str, unreadable: list[Unreadable]) -> list[tuple[Path, Path]]:
    """Cines that one argument names, each with the relative path that its results get."""
    if not argument:
        raise InputError("an empty path is no cine")
    matches = _matches(argument)
    found: list[tuple[Path, Path]] = []
    for path in map(Path, matches):
        if path.is_dir():
            found += [(cine, cine.relative_to(path)) for cine in _cines_below(path, unreadable)]
        else:
            found.append((path, Path(path.name)))
    if not found and not unreadable:
        raise InputError(f"{argument}: no cine in this folder or below it" if matches else f"{argument}: no such file")
    return found


def _matches(argument: str) -> list[str]:
    return [argument] if Path(argument).exists() else sorted(glob.glob(argument, recursive=True))


def _cines_below(folder: Path, unreadable: list[Unreadable]) -> Iterable[Path]:
    """Files below a folder that are cines by their suffix, or DICOM by their first bytes, in a fixed order.

    What lies beside cines in any archive is none: DICOM documents, and what ``export`` and ``measure`` wrote.
    """

    def note(place: Path, error: OSError) -> None:
        name = place.name if place == folder else place.relative_to(folder).as_posix()
        unreadable.append(Unreadable(name, error.strerror or type(error).__name__))

    return sorted(path for path in files_below(folder, note) if _is_cine(path))


def files_below(folder: Path, unreadable: Callable[[Path, OSError], None]) -> Iterator[Path]:
    """Files in a folder and its subfolders, hidden ones left out; links to folders are not followed.

    unreadable: takes each folder that cannot be listed. However deep they lie: ``os.walk`` and ``Path.rglob`` recurse.
    """
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                shown = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            unreadable(place, error)
            continue
        for entry in shown:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(place / entry.name)
            elif not entry.is_dir():
                yield place / entry.name


def _is_cine(path: Path) -> bool:
    """DICOM files often have no suffix; their preamble tells them (PS3.10, 7.1). A DICOMDIR is no image."""
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return _BEAT_VIDEO.search(path.name) is None
    if path.name.upper() == "DICOMDIR" or not path.is_file():
        return suffix in DICOM_SUFFIXES
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError:
        return suffix in DICOM_SUFFIXES  # reading it will tell why not
    is_dicom = head[128:132] == b"DICM"
    return (is_dicom or suffix in DICOM_SUFFIXES) and not (is_dicom and _DOCUMENTS.search(head[132:]))


def distinct_names(places: dict[Path, Path]) -> dict[Path, Path]:
    """A relative path for each cine's results that no other has, on file systems that ignore case, too."""
    names = {cine: relative.with_name(without_suffix(relative.name)) for cine, relative in places.items()}
    for change in (lambda cine: places[cine], lambda cine: _hashed(names[cine], cine)):
        sharing: dict[str, list[Path]] = defaultdict(list)
        for cine, name in names.items():
            sharing[str(name).casefold()].append(cine)
        for cines in sharing.values():
            if len(cines) > 1:
                names.update({cine: change(cine) for cine in cines})
    return names


def without_suffix(name: str) -> str:
    """What results are named after. A UID as a file name has dots of its own: only suffixes of cines are taken off."""
    path = Path(name)
    return path.stem if path.suffix.lower() in SUFFIXES else name


def _hashed(name: Path, cine: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(cine)).hexdigest()[:8]
    return name.with_name(f"{name.name}-{digest}")
