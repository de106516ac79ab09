"""What a person would find in the Python console or the error log: exceptions in slots, errors of VTK and Python."""

from __future__ import annotations

import sys
import traceback
from collections import Counter

import slicer

_TRACEBACK = "Traceback (most recent call last)"
_ERRORS = "Error", "Critical", "Fatal"
_LEVEL, _ORIGIN = 2, 3
"""Columns of CTK's log (ctkErrorLogAbstractModel), which takes "ERROR: In file, line" off the errors of VTK."""


class Troubles:
    """Collects from its making; ``new`` gives what came since the last call, a line for each kind."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._read, self._last, self._before = 0, "", sys.excepthook
        sys.excepthook = self._on_exception

    def new(self) -> list[str]:
        counts, self._found = Counter([*self._found, *self._from_log()]), []
        return [line if times == 1 else f"{line} ({times} times)" for line, times in counts.items()]

    def stop(self) -> None:
        sys.excepthook = self._before

    def _on_exception(self, kind, error, trace) -> None:
        place = traceback.extract_tb(trace)[-1] if trace is not None else None
        where = f" ({place.filename.rpartition('/')[2]}:{place.lineno})" if place is not None else ""
        self._found.append(f"{kind.__name__}: {error}{where}")
        self._before(kind, error, trace)

    def _from_log(self) -> list[str]:
        log = slicer.app.errorLogModel() if hasattr(slicer.app, "errorLogModel") else None
        if log is None:
            return []
        count, found = log.logEntryCount(), []
        read = min(self._read, count)
        for row in range(max(0, read - 1), count):
            text = str(log.logEntryDescription(row))
            new = text.removeprefix(self._last) if row < read else text  # alike entries are put into one row
            self._last = text
            level, origin = (str(log.data(log.index(row, column))) for column in (_LEVEL, _ORIGIN))
            if new and (_TRACEBACK in new or (origin == "VTK" and level in _ERRORS)):
                found.append(" | ".join(line.strip() for line in new.splitlines()[-2:] if line.strip())[-300:])
        self._read = count
        return found
