"""A line that the worker process writes for its caller. Whatever else stands there is no message, and is ignored."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

STARTED, READY, IDLE = "started", "ready", "idle"
PROGRESS, DONE, FAILED, CANCELLED = "progress", "done", "failed", "cancelled"
_OF_PROCESS = (STARTED, READY, IDLE)
_OF_REQUEST = (PROGRESS, DONE, FAILED, CANCELLED)


@dataclass(frozen=True)
class Message:
    """One line of the mailbox's events. request: None for what concerns the process itself.

    pid, version: of the process, once it has started. shape: of the frames that have arrived, ``(count, H, W)`` or
    ``(count, H, W, 3)``; attempt: how often they were begun anew.
    """

    kind: str
    request: int | None = None
    stage: str = ""
    fraction: float = 0.0
    text: str = ""
    pid: int = 0
    version: str = ""
    shape: tuple[int, ...] = ()
    attempt: int = 0


def message_from(line: bytes) -> Message | None:
    """A line as a message; None for what no worker writes, or only half of it."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    kind, request = entry.get("event"), entry.get("request")
    if kind not in (_OF_PROCESS if request is None else _OF_REQUEST) or not (request is None or _is_count(request)):
        return None
    fraction, shape = entry.get("fraction", 0.0), entry.get("shape", [])
    texts = [entry.get(key, "") for key in ("stage", "message", "version")]
    counts = [entry.get(key, 0) for key in ("pid", "attempt")]
    is_sound = (
        isinstance(fraction, (int, float)) and math.isfinite(fraction)
        and isinstance(shape, list) and len(shape) in (0, 3, 4) and all(map(_is_count, shape))
        and all(isinstance(text, str) for text in texts) and all(map(_is_count, counts))
    )  # fmt: skip
    if not is_sound or (kind == STARTED and not counts[0]):  # 0 would stand for a group of processes
        return None
    stage, text, version = (" ".join(text.split()) for text in texts)
    return Message(kind, request, stage, min(1.0, max(0.0, float(fraction))), text, counts[0], version,
                   tuple(shape), counts[1])  # fmt: skip


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53
