"""What a person would find in the Python console or the error log: exceptions in slots, errors of VTK and Python."""

from __future__ import annotations

import sys
import traceback
from collections import Counter

import slicer

_MARKS = ("Traceback (most recent call last)", "Error In", "ERROR: In")


class Troubles:
    """Collects from its making; ``new`` gives what came since the last call, a line for each kind."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._read, self._before = 0, sys.excepthook
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
        for row in range(min(self._read, count), count):
            text = str(log.logEntryDescription(row))
            if any(mark in text for mark in _MARKS):
                found.append(" | ".join(line.strip() for line in text.splitlines()[-2:] if line.strip())[-300:])
        self._read = count
        return found
