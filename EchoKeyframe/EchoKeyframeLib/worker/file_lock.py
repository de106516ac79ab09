"""A lock on a file that says whether the process which took it still lives.

The system gives the lock up however the process ends, so it needs no process number, which another process may have
by then. On Windows a locked file can be neither read nor deleted by others: it holds nothing.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


class FileLock:
    """A lock held by this process until ``release`` or its end. Processes that it starts do not inherit it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def take_lock(path: Path, patience: float = 0.0) -> FileLock | None:
    """The lock on a file, which is made if need be; None if another process has it for longer than ``patience`` s.

    Raises OSError if the file cannot be opened, or its file system has no locks.
    """
    deadline = time.monotonic() + patience
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _locked(descriptor):
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(0.001)
    except OSError:
        os.close(descriptor)
        raise
    return FileLock(descriptor)


def is_held(path: Path) -> bool:
    """Whether a living process has the lock on this file; True as well where that cannot be known, False without file.

    Takes the lock for a moment: whoever wants it needs some patience.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return not _locked(descriptor)
    except OSError:
        return True
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _locked(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _locked(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
