"""The private folder of one caller: a mailbox for each process that it starts, all gone with the caller.

::

    echokeyframe-worker-XXXXXXXX/     readable by its owner only
        caller.lock                   held as long as the caller lives
        1/, 2/, ...                   the mailbox of the first process, of the second, ...

A folder whose lock nobody holds was left by a caller that crashed, and holds decoded images: ``sweep`` removes it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .file_lock import FileLock, take_lock

PREFIX = "echokeyframe-worker-"
LOCK_NAME = "caller.lock"
_BEFORE_LOCKS = "echokeyframe-????????/worker.log"  # where version 0.1.0 left them
_WITHOUT_LOCK = 86400.0  # s without change after which a folder without lock counts as left


class SessionFolder:
    """Made by a caller that lives; ``remove`` before it ends. Raises OSError if it cannot be made."""

    def __init__(self, parent: Path | None = None) -> None:
        """``parent``: an existing folder, by default the system's temporary one."""
        self.path, self._lock = _locked_folder(parent)
        self._count = 0

    def next_mailbox(self) -> Path:
        """A new empty folder for one process. Raises OSError."""
        self._count += 1
        folder = self.path / str(self._count)
        folder.mkdir(mode=0o700)
        return folder

    def remove(self) -> None:
        """Remove everything. What is still open or mapped on Windows stays for the next ``sweep``."""
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)


def sweep(parent: Path | None = None) -> None:
    """Remove what callers that are dead left in a folder; what belongs to living ones, or other people, stays."""
    for folder in _own_folders(Path(parent or tempfile.gettempdir())):
        remove_if_left(folder)


def remove_if_left(folder: Path, patience: float = 0.0) -> None:
    """Remove a session's folder if its caller is dead, or dies within ``patience`` s."""
    with suppress(OSError):
        if not (folder / LOCK_NAME).exists():
            if time.time() - folder.stat().st_mtime > _WITHOUT_LOCK:
                shutil.rmtree(folder, ignore_errors=True)
            return
        lock = take_lock(folder / LOCK_NAME, patience)
        if lock is None:
            return
        for mailbox in list(folder.iterdir()):
            shutil.rmtree(mailbox, ignore_errors=True) if mailbox.is_dir() else None
        lock.release()  # on Windows a locked file cannot be removed
        shutil.rmtree(folder, ignore_errors=True)


def _locked_folder(parent: Path | None) -> tuple[Path, FileLock]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = None
        with suppress(FileNotFoundError):  # swept in the moment before the lock was taken
            lock = take_lock(folder / LOCK_NAME)
        if lock is not None and (folder / LOCK_NAME).exists():
            return folder, lock
        if lock is not None:
            lock.release()


def _own_folders(parent: Path) -> Iterator[Path]:
    with suppress(OSError):
        for folder in [*parent.glob(f"{PREFIX}*"), *(log.parent for log in parent.glob(_BEFORE_LOCKS))]:
            with suppress(OSError):
                is_own = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
                if is_own and folder.is_dir() and not folder.is_symlink():
                    yield folder
