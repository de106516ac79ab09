"""Hands a cine's frames over while its file is still being read: they are appended to a file, of which is told.

The caller reads that file, and maps it only once it is whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..cine.color import FrameStack

_TELL_EVERY = 0.04  # s


class FramesWriter:
    """Writes what a ``FrameStack`` collects as it comes, and tells of it.

    paths: names the file of each attempt. tell: called with a fraction in [0, 1] of ``expected`` frames (0 if unknown),
    the shape of what has been written, and the attempt. begin: called with the bytes that the cine will take, before
    the first frame of each attempt; may raise.
    """

    def __init__(
        self, paths: Callable[[int], Path], tell: Callable[[float, Sequence[int], int], None],
        begin: Callable[[int], None],
    ) -> None:  # fmt: skip
        self._paths, self._tell, self._begin = paths, tell, begin
        self._stack: FrameStack | None = None
        self._file: BinaryIO | None = None
        self._attempt, self._written, self._color = 0, 0, False
        self._told = 0.0

    def follow(self, stack: FrameStack) -> None:
        """Take the stack's newest frame; all of them where the cine has just turned out to be coloured."""
        if self._stack is not stack or self._color != stack.is_color:
            self._begin_anew(stack)
        while self._written < len(stack):
            self._file.write(np.ascontiguousarray(stack.frame(self._written)).data)
            self._written += 1
        if time.monotonic() - self._told >= _TELL_EVERY or self._written == 1:
            self._file.flush()
            self._told = time.monotonic()
            fraction = min(1.0, self._written / stack.expected) if stack.expected else 0.0
            self._tell(fraction, (self._written, *stack.frame(0).shape), self._attempt)

    def finish(self, frames: np.ndarray) -> int:
        """Make the file whole: ``frames`` are those of the finished cine. Returns the attempt that holds them."""
        stack = self._stack
        if stack is None or self._written != len(frames) or self._color != (frames.ndim == 4):
            self.close()
            self._attempt += stack is not None
            with self._paths(self._attempt).open("wb") as file:
                for frame in frames:
                    file.write(np.ascontiguousarray(frame).data)
            return self._attempt
        changed = stack.grayed if self._color else ()
        if changed:  # decoded once more in colour, after the caller may have had them in gray
            path = self._paths(self._attempt)
            self.close()
            with path.open("r+b") as file:
                for i in changed:
                    file.seek(i * frames[i].size)
                    file.write(np.ascontiguousarray(frames[i]).data)
        self.close()
        return self._attempt

    @property
    def changed(self) -> range:
        """Frames that ``finish`` wrote again where they were."""
        return self._stack.grayed if self._stack is not None and self._color else range(0)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin_anew(self, stack: FrameStack) -> None:
        self.close()
        self._attempt += self._stack is not None
        self._stack, self._color, self._written = stack, stack.is_color, 0
        self._begin(stack.frame(0).size * max(stack.expected, len(stack)))
        self._file = self._paths(self._attempt).open("wb")
