"""The folder that caller and worker share, and the files in it.

::

    request-000001.json        what to do; appears last and whole, after the frames that it names
    request-000001.frames.npy  uint8 [T, h, w] or [T, h, w, 3], shrunk
    request-000001.times.npy   float64 [T] s
    cancel-000001              exists once the caller gave request 1 up
    events.jsonl               one JSON object a line, written by the worker only
    result-000001.keyframes.json, result-000001.curves.csv     of a detection
    result-000001.cine.npy, result-000001.cine.json            of the reading of a file
    worker.log                 what the process printed, read only when it dies
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..atomic_file import written_atomically


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

    def cine_frames(self, number: int) -> Path:
        return self.folder / f"result-{number:06d}.cine.npy"

    def cine(self, number: int) -> Path:
        return self.folder / f"result-{number:06d}.cine.json"

    @property
    def events(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"

    def pending(self) -> list[int]:
        """Numbers of the requests that wait, oldest first."""
        return sorted(int(path.stem.split("-")[1]) for path in self.folder.glob("request-*.json"))

    def post(self, number: int, request: dict[str, Any]) -> None:
        """Make a request visible to the worker, whole. Raises OSError."""
        with written_atomically(self.request(number)) as hidden:
            hidden.write_text(json.dumps(request), encoding="utf-8")

    def report(self, event: dict[str, Any]) -> None:
        """Append one event. Raises OSError."""
        with self.events.open("a", encoding="utf-8") as file:
            # The leading line end parts this event from what a killed worker may have left half-written.
            file.write("\n" + json.dumps(event) + "\n")

    def read_events(self, offset: int) -> tuple[list[dict[str, Any]], int]:
        """Events written since ``offset`` (bytes), and the offset to go on from.

        A half-written line waits; one that a killed worker left half-written is passed over.
        """
        try:
            with self.events.open("rb") as file:
                file.seek(offset)
                data = file.read()
        except FileNotFoundError:
            return [], offset
        whole = data[: data.rfind(b"\n") + 1]
        events = []
        for line in whole.splitlines():
            with suppress(ValueError):
                events.append(json.loads(line))
        return events, offset + len(whole)

    def clear(self, number: int) -> None:
        """Remove a request's files, results excepted."""
        for path in (self.request(number), self.frames(number), self.times(number), self.cancel(number)):
            remove(path)

    def clear_results(self, number: int) -> None:
        """Remove what a request that came to nothing has left behind."""
        for path in (self.keyframes(number), self.curves(number), self.cine_frames(number), self.cine(number)):
            remove(path)


def remove(path: Path, patience: float = 0.5) -> None:
    """Delete a file that may be gone, or still be open in the other process for a moment (Windows)."""
    deadline = time.monotonic() + patience
    while True:
        try:
            path.unlink(missing_ok=True)
            return
        except OSError:
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)
