"""A line that the worker process writes for its caller. Whatever else stands there is no message, and is ignored."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import msgspec

from .event_kinds import IDLE, READY, STARTED

_OF_PROCESS = (STARTED, READY, IDLE)

_Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
_Text = Annotated[str, msgspec.Meta(max_length=2**16)]


class Message(msgspec.Struct, frozen=True):
    """One line of the mailbox's events. request: None for what concerns the process itself.

    pid, version: of the process, once it has started. shape: of the frames that have arrived, ``(count, H, W)`` or
    ``(count, H, W, 3)``; attempt: how often they were begun anew.
    """

    kind: Literal["started", "ready", "idle", "progress", "done", "failed", "cancelled"] = msgspec.field(name="event")
    request: _Count | None = None
    stage: _Text = ""
    fraction: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    text: _Text = msgspec.field(name="message", default="")
    pid: _Count = 0
    version: _Text = ""
    shape: Annotated[tuple[_Count, ...], msgspec.Meta(max_length=4)] = ()
    attempt: _Count = 0

    def __post_init__(self) -> None:
        """Raise ValueError for what a worker does not say."""
        if (self.kind in _OF_PROCESS) != (self.request is None):
            raise ValueError("of the process and of a request")
        if self.kind == STARTED and not self.pid:  # 0 would stand for a group of processes
            raise ValueError("a process without its number")
        if len(self.shape) not in (0, 3, 4):
            raise ValueError("the shape of no frames")


def message_from(line: bytes) -> Message | None:
    """A line as a message, its texts in one line; None for what no worker writes, or only half of it."""
    try:
        told = msgspec.convert(json.loads(line), Message)
    except (ValueError, RecursionError):
        return None
    stage, text, version = (" ".join(text.split()) for text in (told.stage, told.text, told.version))
    return msgspec.structs.replace(told, stage=stage, text=text, version=version)
