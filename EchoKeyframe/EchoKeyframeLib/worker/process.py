"""The caller's side: starts the worker process, hands it requests, reads what it says, survives its death."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..cine.cine import Cine, CineError
from ..detection.keyframes import Curves
from ..report.curves_file import read_curves
from ..report.keyframes_file import KeyframesFile, read_json
from .cine_result import read_written_cine
from .mailbox import Mailbox, remove
from .submission import DetectionRequest, Submission

CANCEL_PATIENCE = 0.3
"""Seconds in which the worker may stop by itself after a cancel; then it is killed."""


class WorkerError(Exception):
    """The worker cannot be started or reached. One line: what happened, what to do."""


@dataclass(frozen=True)
class Event:
    """What became of a request.

    kind: ``"progress"``, ``"done"``, ``"failed"`` or ``"cancelled"``. number: that of the request.
    stage, fraction: for progress. message: for a failure, one line. result, curves: for a finished detection.
    cine: for a file that was read; its frames stay in a file, which is removed once nobody looks at them any more.
    """

    kind: str
    number: int
    stage: str = ""
    fraction: float = 0.0
    message: str = ""
    result: KeyframesFile | None = None
    curves: Curves | None = None
    cine: Cine | None = None


class Worker:
    """One background process that is started at the first request and restarted after it ended or died.

    Not thread-safe; made to be driven by a timer: ``submit``, then ``poll`` every 50 ms or so. No call takes longer
    than about 50 ms, the starting of the process excepted.
    """

    def __init__(
        self,
        command: Sequence[str] = (sys.executable,),
        environment: Mapping[str, str] | None = None,
        idle_seconds: float = 600.0,
    ) -> None:
        """``command`` starts a Python interpreter, in Slicer ``PythonSlicer``; ``environment`` is its environment."""
        self._command = tuple(command)
        self._environment = dict(environment if environment is not None else os.environ)
        self._idle_seconds = idle_seconds
        self._process: subprocess.Popen | None = None
        self._mailbox: Mailbox | None = None
        self._offset = 0
        self._ready = False
        self._at_work: int | None = None
        self._next = 1
        self._writing: list[Submission] = []
        self._waiting: dict[int, str] = {}
        self._cancelled: dict[int, float] = {}
        self._read_files: list[Path] = []

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def busy(self) -> bool:
        """Whether a request is under way or waits."""
        return bool(self._waiting)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self.running else None

    def submit(self, request: DetectionRequest) -> int:
        """Queue a detection; returns its number. Its frames are read during the next calls of ``poll``.

        Raises WorkerError if the temporary folder cannot be written or the process cannot be started.
        """
        return self._queue(request.name, request)

    def read(self, path: Path) -> int:
        """Queue the reading of a DICOM or video file; returns its number. Raises WorkerError as ``submit``."""
        number = self._queue(path.name, None)
        self._post(number, {"task": "read", "path": str(path.absolute())})
        return number

    def release(self) -> int | None:
        """Ask a living worker to unload its detector and free the accelerator; returns the request's number."""
        if not self.running:
            return None
        number = self._queue("release", None)
        self._post(number, {"task": "release"})
        return number

    def cancel(self, number: int) -> None:
        """Give a request up. Its ``cancelled`` event comes within half a second, by force if need be."""
        if number not in self._waiting or number in self._cancelled:
            return
        self._cancelled[number] = time.monotonic()
        if any(s.number == number for s in self._writing):
            return
        try:
            self._mailbox.cancel(number).touch()
        except OSError:
            self._cancelled[number] -= CANCEL_PATIENCE

    def poll(self) -> list[Event]:
        """Everything that happened since the last call, in order."""
        events = self._write_frames()
        events += self._read_events()
        events += self._force_cancelled()
        if self._waiting and not self.running:
            events += self._read_events() + self._after_death()
        return events

    def stop(self) -> None:
        """End the process and remove its folder. Requests under way are dropped without an event."""
        self._abandon_writing()
        self._waiting.clear()
        self._cancelled.clear()
        self._end_process()
        self._remove_folder()

    def _queue(self, name: str, request: DetectionRequest | None) -> int:
        try:
            self._start()
        except OSError as error:
            raise WorkerError(f"the detection process cannot be started ({error.strerror or error}); "
                              "check that the temporary folder can be written and has space") from error
        number, self._next = self._next, self._next + 1
        self._waiting[number] = name
        if request is not None:
            self._writing.append(Submission(number, request, self._mailbox))
        return number

    def _post(self, number: int, request: dict[str, str]) -> None:
        try:
            self._mailbox.post(number, request)
        except OSError as error:
            del self._waiting[number]
            raise WorkerError(
                f"the detection process cannot be reached ({error.strerror or error}); "
                "check that the temporary folder can be written and has space"
            ) from error

    def _start(self) -> None:
        """Start the process if none lives. Requests that wait in the mailbox of one that ended go on in the new one."""
        if self.running:
            return
        self._end_process()
        if self._mailbox is None or not self._mailbox.folder.is_dir():
            self._mailbox = Mailbox(Path(tempfile.mkdtemp(prefix="echokeyframe-")))
            self._offset = 0
        self._ready, self._at_work = False, None
        library = str(Path(__file__).resolve().parents[2])
        paths = [library, *filter(None, [self._environment.get("PYTHONPATH")])]
        with self._mailbox.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._command, "-m", "EchoKeyframeLib.worker", str(self._mailbox.folder), str(self._idle_seconds)],
                env={**self._environment, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )

    def _write_frames(self) -> list[Event]:
        if not self._writing:
            return []
        submission = self._writing[0]
        number = submission.number
        if number in self._cancelled:
            self._writing.pop(0)
            submission.abandon()
            return [self._close(Event("cancelled", number))]
        try:
            fraction = submission.step()
        except Exception as error:
            self._writing.pop(0)
            submission.abandon()
            return [self._close(Event("failed", number, message=f"the frames could not be handed over: {error}"))]
        if submission.complete:
            self._writing.pop(0)
        return [Event("progress", number, "reading frames", fraction)]

    def _read_events(self) -> list[Event]:
        if self._mailbox is None:
            return []
        raw, self._offset = self._mailbox.read_events(self._offset)
        events = []
        for entry in raw:
            self._ready |= entry["event"] == "ready"
            number = entry.get("request")
            if number not in self._waiting:
                continue
            self._at_work = number if entry["event"] == "progress" else None
            if entry["event"] == "progress":
                if number not in self._cancelled:
                    events.append(Event("progress", number, entry["stage"], entry["fraction"]))
            elif number in self._cancelled:
                events.append(self._close(Event("cancelled", number)))
            elif entry["event"] == "done":
                events.append(self._close(self._result(number)))
            else:
                events.append(self._close(Event(entry["event"], number, message=entry.get("message", ""))))
        return events

    def _result(self, number: int) -> Event:
        try:
            return self._read_cine(number) or self._read_detection(number)
        except CineError as error:
            return Event("failed", number, message=str(error))

    def _read_cine(self, number: int) -> Event | None:
        if not self._mailbox.cine(number).exists():
            return None
        self._remove_read_files()
        frames = self._mailbox.cine_frames(number)
        self._read_files.append(frames)
        cine = read_written_cine(frames, self._mailbox.cine(number))
        remove(self._mailbox.cine(number))
        return Event("done", number, fraction=1.0, cine=cine)

    def _remove_read_files(self) -> None:
        """Remove what earlier readings left. Windows keeps a file that is still looked at; that waits for next time."""
        for path in self._read_files:
            remove(path, patience=0.0)
        self._read_files = [path for path in self._read_files if path.exists()]

    def _read_detection(self, number: int) -> Event:
        paths = self._mailbox.keyframes(number), self._mailbox.curves(number)
        if not paths[0].exists():  # a release has no result
            return Event("done", number)
        result = read_json(paths[0])
        curves = read_curves(paths[1], result.model)
        for path in paths:
            remove(path)
        return Event("done", number, fraction=1.0, result=result, curves=curves)

    def _force_cancelled(self) -> list[Event]:
        posted = self._cancelled.keys() - {submission.number for submission in self._writing}
        # A request that waits in the mailbox is over at once: its mark stays, and the worker passes over it.
        events = [self._close(Event("cancelled", number)) for number in sorted(posted - {self._at_work})]
        since = self._cancelled.get(self._at_work)
        if since is None or time.monotonic() - since <= CANCEL_PATIENCE:
            return events
        # The worker is in a step that cannot be interrupted (loading torch, say). What else waits goes on in a new one.
        number = self._at_work
        self._end_process()
        self._mailbox.clear(number)
        return [*events, self._close(Event("cancelled", number)), *self._go_on()]

    def _after_death(self) -> list[Event]:
        """Close the request that the process died of and go on with the others; all of them if it never came up."""
        if self._process is not None and self._process.returncode == 0:  # idle just as a request came
            return self._go_on()
        message = f"the detection process ended: {self._cause_of_death()}; run the detection again"
        posted = sorted(self._waiting.keys() - {submission.number for submission in self._writing})
        first = posted[:1] if self._at_work is None else [self._at_work]
        victims = first if self._ready else list(self._waiting)
        if not self._ready:
            self._abandon_writing()
        for number in victims:
            self._mailbox.clear(number)
        events = [
            self._close(Event("cancelled", n) if n in self._cancelled else Event("failed", n, message=message))
            for n in victims
        ]
        return events + self._go_on()

    def _go_on(self) -> list[Event]:
        """A new process for what still waits."""
        if not self._waiting:
            return []
        try:
            self._start()
        except OSError as error:
            message = f"the detection process cannot be started again ({error.strerror or error})"
            self._abandon_writing()
            return [self._close(Event("failed", number, message=message)) for number in list(self._waiting)]
        return []

    def _abandon_writing(self) -> None:
        while self._writing:
            self._writing.pop().abandon()

    def _cause_of_death(self) -> str:
        code = self._process.poll() if self._process else None
        try:
            lines = self._mailbox.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            lines = []
        if code is not None and code < 0:
            cause = f"killed by signal {-code}" + (" (the system may have run out of memory)" if code == -9 else "")
        else:
            cause = f"exit code {code}"
        return f"{cause}, last message: {lines[-1][:300]}" if lines else cause

    def _close(self, event: Event) -> Event:
        self._waiting.pop(event.number, None)
        self._cancelled.pop(event.number, None)
        if event.kind != "done" and self._mailbox is not None:
            self._mailbox.clear_results(event.number)
        return event

    def _end_process(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process = None

    def _remove_folder(self) -> None:
        if self._mailbox is not None:
            shutil.rmtree(self._mailbox.folder, ignore_errors=True)
            self._mailbox = None
