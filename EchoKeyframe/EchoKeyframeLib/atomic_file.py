"""Files that are either written whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_PATIENCE = 1.0 if sys.platform == "win32" else 0.0
"""Seconds in which a file may still be open elsewhere, to a virus scanner, say: Windows replaces no such file."""

_unfinished: set[Path] = set()


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``; what is written there becomes ``path`` if no error occurs.

    A reader sees the old file or the new one, never a part. The folder must exist. Raises OSError.
    """
    temporary = path.with_name(f".writing-{uuid4().hex}{path.suffix}")
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
    with tempfile.TemporaryDirectory(dir=paths[0].parent, prefix=".writing-") as folder:
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
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
