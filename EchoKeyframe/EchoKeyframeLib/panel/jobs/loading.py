"""One file on its way into the scene: its frames are added while the worker still reads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from ...cine.cine import Cine
from ...scene import GrowingSequence
from ...worker.arrived_frames import ArrivedFrames


class Loading:
    """Drive it by ``step``. Until that says that it is complete, or after ``discard``, no node stands in the scene that
    could be taken for the whole loop."""

    def __init__(self, scene: Any, name: str) -> None:
        self._scene, self._name = scene, name
        self._growing: GrowingSequence | None = None
        self._arrived: ArrivedFrames | None = None
        self._cine: Cine | None = None
        self._again: list[int] = []
        self._completing: Iterator[float] | None = None

    @property
    def sequence(self) -> Any | None:
        """The node that grows; None before its first frame."""
        return self._growing.sequence if self._growing is not None else None

    @property
    def read(self) -> bool:
        """Whether the whole file has been read."""
        return self._cine is not None

    @property
    def fraction(self) -> float:
        """Of the frames that have arrived, those that are in the scene."""
        return self._added / max(1, len(self._arrived)) if self._arrived is not None else 0.0

    def arrive(self, arrived: ArrivedFrames) -> None:
        """More frames of the file can be had; those of another attempt replace what is in the scene so far."""
        if self._arrived is not None and arrived.attempt != self._arrived.attempt:
            self.discard()
        self._arrived = arrived

    def finish(self, cine: Cine, arrived: ArrivedFrames, changed: range) -> None:
        """The file has been read: its cine, and which of its frames arrived as others before."""
        self.arrive(arrived)
        self._cine, self._again = cine, [i for i in changed if i < self._added]

    def step(self, seconds: float) -> bool:
        """Add frames for about ``seconds``; whether the sequence is complete.

        Raises SceneError, MemoryError, OSError; nothing is left in the scene then.
        """
        deadline = time.monotonic() + seconds
        try:
            with self._told_once():
                return self._step(lambda: time.monotonic() > deadline)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove what is in the scene."""
        if self._growing is not None:
            self._growing.discard()
            self._growing, self._completing, self._again = None, None, []

    @property
    def _added(self) -> int:
        return len(self._growing) if self._growing is not None else 0

    def _told_once(self) -> Any:
        if self._growing is None:
            self._growing = GrowingSequence(self._scene, self._name)
        return self._growing.at_once()

    def _step(self, is_late: Callable[[], bool]) -> bool:
        while self._arrived is not None and self._added < len(self._arrived):
            self._growing.add(self._frame(self._added))
            if is_late() or self._added == 1:  # the first one is shown before the others
                return False
        if self._cine is None:
            return False
        while self._again:
            index = self._again.pop()
            self._growing.replace(index, self._frame(index))
            if is_late():
                return False
        self._completing = self._completing or iter(self._growing.complete(self._cine))
        return all(not is_late() for _ in self._completing)

    def _frame(self, index: int) -> Any:
        return self._cine.frames[index] if self._cine is not None else self._arrived.frame(index)
