"""What the commands tell: one line a thing, results on stdout, what failed and warnings on stderr.

Names and headers come from other people's files: no character of theirs steers the terminal.
"""

from __future__ import annotations

import sys
import traceback
from typing import TextIO

from ..printable import printable


def say(line: str) -> None:
    """Print a line of results, above a progress bar if there is one."""
    _write(line, sys.stdout)


def warn(line: str) -> None:
    """Print a line on stderr."""
    _write(line, sys.stderr)


def tell_failed(name: str, reason: str) -> None:
    """The one line about a file that failed. name: its path below the argument that named it."""
    warn(f"failed: {name}: {reason}")


def tell_error(name: str, error: Exception, debug: bool = False) -> None:
    """``tell_failed`` for what was raised while ``name`` was worked on.

    An error that nobody foresaw may quote the file in its text, and so the patient: only its kind is told.
    """
    from ..cine.cine import CineError

    if isinstance(error, CineError):
        other = error.name is not None and error.name != name.rpartition("/")[2]
        tell_failed(name, str(error) if other else error.reason)
    elif isinstance(error, OSError):
        tell_failed(name, error.strerror or type(error).__name__)
    else:
        tell_failed(name, f"unexpected {type(error).__name__} (--debug shows where)")
    if debug:
        traceback.print_exc()


def shows_bars() -> bool:
    """Whether somebody sees a progress bar: its library is not imported where none does."""
    return sys.stderr.isatty()


def _write(line: str, stream: TextIO) -> None:
    bars = sys.modules.get("tqdm")
    if bars is None:
        print(printable(line), file=stream)
    else:
        bars.tqdm.write(printable(line), file=stream)
