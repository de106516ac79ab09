"""Files that are either written whole or not at all.

What is being written has a hidden name that says which process writes it, so that the next run can sweep away what one
that was killed left behind, and leaves alone what another one is at.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

PREFIX = ".writing-"
_OWNED = re.compile(r"\.writing-([0-9a-f]{8})-(\d+)-(\d+)-")
_ABANDONED = 24 * 3600
"""Seconds after which what a process of another machine began to write is taken for left behind."""
_PATIENCE = 1.0 if sys.platform == "win32" else 0.0
"""Seconds in which a file may still be open elsewhere, to a virus scanner, say: Windows replaces no such file."""

_unfinished: set[Path] = set()


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``; what is written there becomes ``path`` if no error occurs.

    A reader sees the old file or the new one, never a part. The folder must exist. Raises OSError.
    """
    temporary = path.with_name(f"{_own_prefix()}{uuid4().hex}{path.suffix}")
    _unfinished.add(temporary)
    try:
        yield temporary
        _move(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
        _unfinished.discard(temporary)


@contextmanager
def written_together(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield a temporary path of the same name for each path; if no error occurs, all are moved to where they belong.

    All paths lie in one folder, which must exist. They are moved in their order, and what was there of all but the
    first is deleted before: cut short in between, the first tells that the others are missing. Raises OSError.
    """
    with tempfile.TemporaryDirectory(dir=paths[0].parent, prefix=_own_prefix()) as folder:
        _unfinished.add(Path(folder))
        aside = [Path(folder) / path.name for path in paths]
        try:
            yield aside
            for outdated in paths[1:]:
                outdated.unlink(missing_ok=True)
            for temporary, path in zip(aside, paths, strict=True):
                _move(temporary, path)
        finally:
            _unfinished.discard(Path(folder))


@contextmanager
def named_by_text(path: Path) -> Iterator[Path]:
    """The path, for a C++ library to write to, or one whose file is copied to it: such libraries end the process for a
    name in bytes that are no text, which Linux allows. Raises OSError."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
        with tempfile.TemporaryDirectory(prefix="echokeyframe-") as folder:
            named = Path(folder) / f"file{suffix}"
            yield named
            shutil.copyfile(named, path)
    else:
        yield path


def make_folder(folder: Path) -> None:
    """Make a folder and those that it lies in, however deep: ``Path.mkdir`` recurses. Raises OSError."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)


def _move(source: Path, target: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)


def discard_unfinished() -> None:
    """Remove what this process has begun to write: for one that is about to end without unwinding."""
    for temporary in list(_unfinished):
        _remove(temporary)


def sweep_unfinished(folders: Iterable[Path]) -> None:
    """Remove what processes that are gone have begun to write into these folders; subfolders are not looked into."""
    for folder in folders:
        with suppress(OSError):  # not there yet, or not to be listed: writing into it will tell
            with os.scandir(folder) as entries:
                left = [Path(entry.path) for entry in entries if entry.name.startswith(PREFIX)]
            for path in left:
                if not _is_being_written(path):
                    _remove(path)


def _own_prefix() -> str:
    return f"{PREFIX}{_machine()}-{os.getpid()}-{_started(os.getpid()) or 0}-"


@cache
def _machine() -> str:
    return hashlib.sha256(platform.node().encode("utf-8", "replace")).hexdigest()[:8]


def _started(process: int) -> int | None:
    """When a process started, in the system's own count; None where it is gone, or the system (no Linux) keeps it."""
    try:
        stat = Path(f"/proc/{process}/stat").read_bytes()
    except OSError:
        return None
    state, *values = stat.rpartition(b")")[2].split()  # the name before it may hold anything
    return None if state in (b"Z", b"X") else int(values[18])


def _is_being_written(path: Path) -> bool:
    """Whether the process that its name tells of is alive. Names without one are of versions before this rule."""
    named = _OWNED.match(path.name)
    if named is None:
        return False
    machine, process, started = named[1], int(named[2]), int(named[3])
    if machine != _machine() or (started == 0 and os.name == "nt"):  # which cannot be asked without harm
        with suppress(OSError):
            return time.time() - path.stat().st_mtime < _ABANDONED
        return False
    if started:
        return _started(process) == started
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another person's
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
