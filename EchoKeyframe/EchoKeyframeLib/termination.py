"""Ending in order where the system asks for it: what is being written is removed, processes at work are told."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .atomic_file import discard_unfinished

ASKED_TO_END = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Terminated(BaseException):
    """The process was asked to end. number: of the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def terminated_by_signals() -> Iterator[None]:
    """Within it, SIGTERM and SIGHUP raise ``Terminated`` in the main thread; a second one ends the process at once.

    A signal that is ignored (``nohup``) or that somebody else handles is left alone, and so is all in other threads.
    """
    asked = False

    def end(number: int, _frame: object) -> None:
        nonlocal asked
        if asked:
            discard_unfinished()
            os._exit(128 + number)
        asked = True
        raise Terminated(number)

    main = threading.current_thread() is threading.main_thread()
    handled = [s for s in ASKED_TO_END if main and signal.getsignal(s) is signal.SIG_DFL]
    for number in handled:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)
