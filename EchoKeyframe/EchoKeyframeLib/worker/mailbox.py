"""The folder that caller and worker share, and the files in it. Each process has one of its own; the caller removes it.

::

    request-000001.json        what to do; appears last and whole, after the frames that it names
    request-000001.frames.npy  uint8 [T, h, w] or [T, h, w, 3], shrunk
    request-000001.times.npy   float64 [T] s
    cancel-000001              exists once the caller gave request 1 up
    events.jsonl               one JSON object a line, written by the worker only
    result-000001.keyframes.json, result-000001.curves.csv     of a detection
    result-000001.cine.0, result-000001.cine.json              of the reading of a file: bytes of its frames as they
                               come, begun anew (.cine.1) where gray ones turn out to be coloured; what is known of it
    result-000001.contours.json    of the tracing of a loop
    worker.lock                held as long as the worker lives
    worker.log                 what the process printed, read only when it dies
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic_file import written_atomically
from .event_kinds import STARTED

if TYPE_CHECKING:
    from .message import Message

_REQUEST = re.compile(r"request-(\d{6,9})\.json")


@dataclass(frozen=True)
class Mailbox:
    """Names of the files in a worker's folder, and how events are written and read."""

    folder: Path

    def request(self, number: int) -> Path:
        return self.folder / f"request-{number:06d}.json"

    def frames(self, number: int) -> Path:
        return self.folder / f"request-{number:06d}.frames.npy"

    def times(self, number: int) -> Path:
        return self.folder / f"request-{number:06d}.times.npy"

    def cancel(self, number: int) -> Path:
        return self.folder / f"cancel-{number:06d}"

    def keyframes(self, number: int) -> Path:
        return self.folder / f"result-{number:06d}.keyframes.json"

    def curves(self, number: int) -> Path:
        return self.folder / f"result-{number:06d}.curves.csv"

    def contours(self, number: int) -> Path:
        return self.folder / f"result-{number:06d}.contours.json"

    def cine_frames(self, number: int, attempt: int = 0) -> Path:
        return self.folder / f"result-{number:06d}.cine.{attempt}"

    def cine(self, number: int) -> Path:
        return self.folder / f"result-{number:06d}.cine.json"

    @property
    def events(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def lock(self) -> Path:
        return self.folder / "worker.lock"

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"

    def pending(self) -> list[int]:
        """Numbers of the requests that wait, oldest first. Other files mean nothing."""
        return sorted(int(found[1]) for name in os.listdir(self.folder) if (found := _REQUEST.fullmatch(name)))

    def post(self, number: int, request: dict[str, Any]) -> None:
        """Make a request visible to the worker, whole. Raises OSError."""
        with written_atomically(self.request(number)) as hidden:
            hidden.write_text(json.dumps(request), encoding="utf-8")

    def report(self, event: dict[str, Any]) -> None:
        """Append one event. Raises OSError."""
        with self.events.open("a", encoding="utf-8") as file:
            # The leading line end parts this event from what may have been left half-written.
            file.write("\n" + json.dumps(event) + "\n")

    def read_messages(self, offset: int) -> tuple[list[Message], int]:
        """Messages written since ``offset`` (bytes), and the offset to go on from.

        A half-written line waits; one that stays so, or is no message of a worker, is passed over.
        """
        try:
            with self.events.open("rb") as file:
                file.seek(offset)
                data = file.read()
        except OSError:
            return [], offset
        whole = data[: data.rfind(b"\n") + 1]
        from .message import message_from

        messages = map(message_from, whole.splitlines())
        return [message for message in messages if message is not None], offset + len(whole)

    def process_number(self) -> int | None:
        """That of the process that works here, if it has told."""
        return next((message.pid for message in self.read_messages(0)[0] if message.kind == STARTED), None)

    def last_words(self) -> str:
        """The telling line of what the process printed, at most 300 characters; empty if it printed nothing."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            return ""
        fatal = [line for line in lines if line.startswith("Fatal Python error")]
        return " ".join([*lines, *fatal][-1][:300].split()) if lines else ""

    def hand_on(self, number: int, other: Mailbox) -> None:
        """Move a request that waits to the mailbox of another process. Raises OSError if it cannot be moved."""
        # The request comes last: where it is, all of it is.
        for path in (self.frames(number), self.times(number), self.request(number)):
            with suppress(FileNotFoundError):
                os.replace(path, other.folder / path.name)

    def clear(self, number: int) -> None:
        """Remove a request's files, results excepted."""
        for path in (self.request(number), self.frames(number), self.times(number), self.cancel(number)):
            remove(path)

    def clear_results(self, number: int) -> None:
        """Remove what a request that came to nothing has left behind."""
        for path in (self.keyframes(number), self.curves(number), self.contours(number), self.cine(number),
                     *self.all_cine_frames(number)):  # fmt: skip
            remove(path)

    def all_cine_frames(self, number: int) -> Iterator[Path]:
        return self.folder.glob(f"result-{number:06d}.cine.[0-9]*")


def remove(path: Path, patience: float = 0.5) -> None:
    """Delete a file that may be gone, or still be open in the other process for a moment (Windows)."""
    deadline = time.monotonic() + patience
    while True:
        try:
            path.unlink(missing_ok=True)
            return
        except OSError:
            if time.monotonic() >= deadline:
                return
            time.sleep(0.02)
