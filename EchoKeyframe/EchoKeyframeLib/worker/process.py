"""The caller's side: starts the worker process, hands it requests, reads what it says, survives its death."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..cine.cine import CineError
from .arrived_frames import ArrivedFrames
from .event import Event
from .event_kinds import CANCELLED, DONE, FAILED, PROGRESS, READY, STARTED
from .launched_process import LaunchedProcess
from .mailbox import Mailbox, remove
from .session_folder import SessionFolder, sweep
from .submission import LoopRequest, Submission
from .temporary_disk import FULL, is_full, trouble

if TYPE_CHECKING:
    from .message import Message

CANCEL_PATIENCE = 0.3
"""Seconds in which the worker may stop by itself after a cancel; then it is killed."""


class WorkerError(Exception):
    """The worker cannot be started or reached. One line: what happened, what to do."""


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
        parent_folder: Path | None = None,
    ) -> None:
        """``command`` starts a Python interpreter, in Slicer ``PythonSlicer``; ``environment`` is its environment.

        parent_folder: where the folder for requests and results is made, by default the system's temporary folder.
        What callers that crashed left there is removed first.
        """
        self._command = tuple(command)
        self._environment = dict(environment if environment is not None else os.environ)
        self._idle_seconds, self._parent_folder = idle_seconds, parent_folder
        self._session: SessionFolder | None = None
        self._process: LaunchedProcess | None = None
        self._ended: list[LaunchedProcess] = []
        self._offset = 0
        self._ready = False
        self._other_version = ""
        self._at_work: int | None = None
        self._next = 1
        self._writing: list[Submission] = []
        self._waiting: dict[int, str] = {}
        self._cancelled: dict[int, float] = {}
        self._kept: list[Event] = []
        self._mapped: list[Path] = []

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.exit_code is None

    @property
    def busy(self) -> bool:
        """Whether a request is under way or waits."""
        return bool(self._waiting)

    @property
    def pid(self) -> int | None:
        """Number of the process that works, or, before it has told it, of what was started."""
        return self._process.pid if self.running else None

    def start(self) -> None:
        """Start the process before anything is asked of it, if none lives. Raises WorkerError as ``submit``."""
        try:
            self._start()
        except OSError as error:
            raise WorkerError(f"the detection process cannot be started: {trouble(error)}") from error

    def submit(self, request: LoopRequest) -> int:
        """Queue a detection or a tracing; returns its number. Its frames are read during the next calls of ``poll``.

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
            self._process.mailbox.cancel(number).touch()
        except OSError:
            self._cancelled[number] -= CANCEL_PATIENCE

    def poll(self) -> list[Event]:
        """Everything that happened since the last call, in order."""
        events = self._write_frames()
        events += self._read_events()
        events += self._force_cancelled()
        if self._other_version:
            events += self._refuse_other_version()
        if self._waiting and not self.running:
            events += self._after_death()
        self._remove_ended()
        kept, self._kept = self._kept, []
        return kept + events

    def stop(self) -> None:
        """End the process and remove its folder. Requests under way are dropped without an event."""
        self._abandon_writing()
        self._waiting.clear()
        self._cancelled.clear()
        self._kept.clear()
        self._end_process()
        deadline = time.monotonic() + 1.0
        while self._remove_ended() and time.monotonic() < deadline:
            time.sleep(0.01)
        self._ended.clear()
        if self._session is not None:
            self._session.remove()
            self._session = None

    def _queue(self, name: str, request: LoopRequest | None) -> int:
        self.start()
        number, self._next = self._next, self._next + 1
        self._waiting[number] = name
        if request is not None:
            self._writing.append(Submission(number, request, self._process.mailbox))
        return number

    def _post(self, number: int, request: dict[str, str]) -> None:
        try:
            self._process.mailbox.post(number, request)
        except OSError as error:
            del self._waiting[number]
            raise WorkerError(f"the detection process cannot be reached: {trouble(error)}") from error

    def _start(self) -> None:
        """Start the process if none lives. Requests that wait in the mailbox of one that ended go on in the new one."""
        if self.running:
            return
        self._end_process()
        old = self._ended[-1] if self._ended else None
        if old is not None:
            self._kept += self._read_events(old)
        if self._session is not None and not self._session.path.is_dir():  # somebody tidied up
            self._session.remove()
            self._session = None
        if self._session is None:
            sweep(self._parent_folder)
            self._session = SessionFolder(self._parent_folder)
        new = LaunchedProcess(self._command, self._environment, self._session.next_mailbox(), self._idle_seconds)
        self._process, self._offset, self._ready, self._at_work = new, 0, False, None
        for submission in self._writing:
            submission.begin_again(new.mailbox)
        for number in self._posted() if old is not None else ():
            try:
                old.mailbox.hand_on(number, new.mailbox)
            except OSError as error:
                self._kept.append(self._close(Event(FAILED, number, message=f"it could not go on: {trouble(error)}")))

    def _posted(self) -> list[int]:
        """Requests that are the worker's, in their order."""
        return sorted(self._waiting.keys() - {submission.number for submission in self._writing})

    def _write_frames(self) -> list[Event]:
        if not self._writing:
            return []
        submission = self._writing[0]
        number = submission.number
        if number in self._cancelled:
            self._writing.pop(0)
            submission.abandon()
            return [self._close(Event(CANCELLED, number))]
        try:
            fraction = submission.step()
        except Exception as error:
            self._writing.pop(0)
            submission.abandon()
            why = FULL if is_full(error) else f"the frames could not be handed over: {error}"
            return [self._close(Event(FAILED, number, message=why))]
        if submission.complete:
            self._writing.pop(0)
        return [Event(PROGRESS, number, "reading frames", fraction)]

    def _read_events(self, process: LaunchedProcess | None = None) -> list[Event]:
        process = process or self._process
        if process is None:
            return []
        messages, self._offset = process.mailbox.read_messages(self._offset)
        events = []
        for message in messages:
            if message.kind == STARTED:
                process.started_as = message.pid
                self._other_version = message.version if message.version != __version__ else ""
            self._ready |= message.kind == READY
            if message.request in self._waiting:
                self._at_work = message.request if message.kind == PROGRESS else None
                events += self._told(process, message)
        return events

    def _told(self, process: LaunchedProcess, message: Message) -> list[Event]:
        number = message.request
        if message.kind == PROGRESS:
            if number in self._cancelled:
                return []
            path = process.mailbox.cine_frames(number, message.attempt)
            arrived = ArrivedFrames(path, message.shape, message.attempt) if message.shape else None
            return [Event(PROGRESS, number, message.stage, message.fraction, arrived=arrived)]
        if number in self._cancelled:
            event = Event(CANCELLED, number)
        elif message.kind == DONE:
            event = self._result(process, number)
        else:
            event = Event(message.kind, number, message=message.text)
        return [self._close(event, process)]

    def _result(self, process: LaunchedProcess, number: int) -> Event:
        mailbox = process.mailbox
        try:
            if mailbox.cine(number).exists():
                return self._read_cine(mailbox, number)
            if mailbox.keyframes(number).exists():
                return self._read_detection(mailbox, number)
            if mailbox.contours(number).exists():
                return self._read_contours(mailbox, number)
        except CineError as error:
            return Event(FAILED, number, message=str(error))
        return Event(DONE, number)  # a release has no result

    def _read_cine(self, mailbox: Mailbox, number: int) -> Event:
        from .cine_result import described_cine, read_description

        known = read_description(mailbox.cine(number))
        frames = mailbox.cine_frames(number, known.attempt)
        cine = described_cine(known, frames)
        self._mapped += [mailbox.cine(number), *mailbox.all_cine_frames(number)]
        self._remove_mapped()
        return Event(DONE, number, fraction=1.0, cine=cine, changed=range(*known.changed),
                     arrived=ArrivedFrames(frames, cine.frames.shape, known.attempt))  # fmt: skip

    def _remove_mapped(self) -> None:
        """Remove files that were read, also while they are mapped, so that a crash leaves no image behind. Windows
        keeps a file that is mapped; that waits for next time."""
        for path in self._mapped:
            remove(path, patience=0.0)
        self._mapped = [path for path in self._mapped if path.exists()]

    def _read_detection(self, mailbox: Mailbox, number: int) -> Event:
        from ..report.curves_file import read_curves
        from ..report.keyframes_file import read_json

        result = read_json(mailbox.keyframes(number))
        curves = read_curves(mailbox.curves(number), result.model)
        mailbox.clear_results(number)
        return Event(DONE, number, fraction=1.0, result=result, curves=curves)

    def _read_contours(self, mailbox: Mailbox, number: int) -> Event:
        from .loop_contours import read_loop_contours

        contours = read_loop_contours(mailbox.contours(number))
        mailbox.clear_results(number)
        return Event(DONE, number, fraction=1.0, contours=contours)

    def _force_cancelled(self) -> list[Event]:
        posted = self._cancelled.keys() - {submission.number for submission in self._writing}
        # A request that waits in the mailbox is over at once: its mark stays, and the worker passes over it.
        events = [self._close(Event(CANCELLED, number)) for number in sorted(posted - {self._at_work})]
        since = self._cancelled.get(self._at_work)
        if since is None or time.monotonic() - since <= CANCEL_PATIENCE:
            return events
        # The worker is in a step that cannot be interrupted (loading torch, say). What else waits goes on in a new one.
        number = self._at_work
        self._end_process()
        self._kept += self._read_events(self._ended[-1])
        closing = [self._close(Event(CANCELLED, number))] if number in self._waiting else []
        return [*events, *closing, *self._go_on()]

    def _refuse_other_version(self) -> list[Event]:
        message = (
            f"EchoKeyframe on this disk is version {self._other_version}, the one at work is {__version__}; "
            "restart the application"
        )
        self._other_version = ""
        self._end_process()
        return self._close_all(message)

    def _after_death(self) -> list[Event]:
        """Close the request that the process died of and go on with the others; all of them if it never came up."""
        self._end_process()  # where only its launcher died, it would take up the next request meanwhile
        process = self._ended[-1]
        told = self._read_events(process)
        if process.exit_code == 0:  # idle just as a request came
            return told + self._go_on()
        message = f"the detection process ended: {process.cause_of_death()}; run the detection again"
        if not self._ready:
            return told + self._close_all(message)
        victims = self._posted()[:1] if self._at_work is None else [self._at_work]
        events = [
            self._close(Event(CANCELLED, n) if n in self._cancelled else Event(FAILED, n, message=message))
            for n in victims
        ]
        return told + events + self._go_on()

    def _go_on(self) -> list[Event]:
        """A new process for what still waits."""
        if not self._waiting:
            return []
        try:
            self._start()
        except OSError as error:
            return self._close_all(f"the detection process cannot be started again: {trouble(error)}")
        return []

    def _close_all(self, message: str) -> list[Event]:
        self._abandon_writing()
        return [
            self._close(Event(CANCELLED, n) if n in self._cancelled else Event(FAILED, n, message=message))
            for n in list(self._waiting)
        ]

    def _abandon_writing(self) -> None:
        while self._writing:
            self._writing.pop().abandon()

    def _close(self, event: Event, process: LaunchedProcess | None = None) -> Event:
        self._waiting.pop(event.number, None)
        self._cancelled.pop(event.number, None)
        process = process or self._process
        if event.kind != DONE and process is not None:
            process.mailbox.clear_results(event.number)
        return event

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.end()
            self._ended.append(self._process)
            self._process = None

    def _remove_ended(self) -> bool:
        """Remove the folders of processes that have ended; whether one is left that is still in use."""
        waits = self._process is None and self._waiting  # in the mailbox of the last one
        if not waits:
            self._ended = [process for process in self._ended if process.works() or not process.remove_folder()]
        return bool(self._ended)
