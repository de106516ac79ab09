"""One worker process and its mailbox: started, watched and ended, also where what was started is only a launcher.

Slicer's ``PythonSlicer`` is one: it starts the real interpreter, passes no signals on, and returns its exit code. Ended
by force it leaves the interpreter behind. So the worker itself tells its process number and holds a lock for as long as
it lives: the number is only used while the lock shows that it is still the worker's.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from .file_lock import is_held
from .mailbox import Mailbox

DISK_FULL = 28
"""Exit code of a worker that could not even say that there is no room left."""

LIBRARY = Path(__file__).resolve().parents[2]
"""The folder that holds this package, whichever copies of it are installed elsewhere."""

_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows os.kill ends a process at once by SIGTERM
_NEW_SESSION = (
    {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    if sys.platform == "win32"
    else {"start_new_session": True}
)
"""Ctrl-C in the terminal that the caller was started from is for the caller to answer."""


class LaunchedProcess:
    """A worker process from its start to its end. Raises OSError if it cannot be started."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, idle_seconds: float
    ) -> None:
        """``folder``: empty, for this process alone; it becomes its mailbox."""
        self.mailbox = Mailbox(folder)
        self.started_as: int | None = None
        """Number of the process that works, once it has told."""
        with self.mailbox.log.open("wb") as log:
            # The file, not ``-m``: a copy of the package on PYTHONPATH would be found first.
            script = LIBRARY / "EchoKeyframeLib" / "worker" / "__main__.py"
            self._launched = subprocess.Popen(
                [*command, str(script), str(folder), f"{idle_seconds:g}"],
                env={**environment, "PYTHONIOENCODING": "utf-8"},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                **_NEW_SESSION,
            )

    @property
    def pid(self) -> int:
        """Number of the process that works; that of its launcher before it is known."""
        return self.started_as or self._launched.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs. Through a launcher, 1 stands for every end by force."""
        return self._launched.poll()

    def end(self, patience: float = 0.2) -> bool:
        """End it at once, the process that works before its launcher; whether that is certain after ``patience`` s.

        One that has only just been started, and has not told its number, ends by itself as soon as it looks at its
        input, which is closed here.
        """
        with suppress(OSError):
            self._launched.stdin.close()
        if self.started_as is None:
            self.started_as = self.mailbox.process_number()
        if self.started_as not in (None, self._launched.pid) and self.works():
            with suppress(OSError):
                os.kill(self.started_as, _KILL)
        self._launched.kill()
        self._launched.wait()
        deadline = time.monotonic() + patience
        while self.works() and time.monotonic() < deadline:
            time.sleep(0.005)
        return not self.works()

    def works(self) -> bool:
        """Whether the process that works is there, whatever became of its launcher."""
        return is_held(self.mailbox.lock)

    def remove_folder(self) -> bool:
        """Remove the mailbox; False where something in it is still open or mapped (Windows)."""
        shutil.rmtree(self.mailbox.folder, ignore_errors=True)
        return not self.mailbox.folder.exists()

    def cause_of_death(self) -> str:
        """Why it ended by itself, as far as exit code and last words tell: part of a line."""
        code, words = self.exit_code, self.mailbox.last_words()
        if code == DISK_FULL:
            return "the disk that holds temporary files is full; make room there"
        if code is not None and code < 0 and not words:
            memory = " (the system may have run out of memory)" if code == -9 else ""
            return f"killed by signal {-code}{memory}"
        if code in (1, 137, 247) and not words:  # by force, seen through a launcher
            return "ended from outside (the system may have run out of memory)"
        cause = f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return f"{cause}, last message: {words}" if words else cause
