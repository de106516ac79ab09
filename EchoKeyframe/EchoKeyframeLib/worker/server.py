"""The worker process: takes requests from the mailbox one after another, keeps its detector loaded between them."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from ..cine.cine import Box, Cine, CineError, Source
from ..cine.read import read_cine
from ..detection.detect import detect
from ..detection.detector import Detector
from ..detection.keyframes import Cancelled
from ..report.curves_file import write_curves
from ..report.keyframes_file import KeyframesFile, write_json
from .cine_result import write_cine
from .mailbox import Mailbox

POLL_SECONDS = 0.01


def serve(folder: Path, idle_seconds: float = 600.0) -> int:
    """Work off requests until the caller goes away or asks for nothing for ``idle_seconds``. Returns 0."""
    _end_with_caller(folder)
    mailbox = Mailbox(folder)
    session = _Session(mailbox)
    mailbox.report({"event": "ready", "pid": os.getpid()})
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < idle_seconds:
        if not folder.is_dir():
            return 0
        pending = mailbox.pending()
        if not pending:
            time.sleep(POLL_SECONDS)
            continue
        session.answer(pending[0])
        idle_since = time.monotonic()
    mailbox.report({"event": "idle"})
    return 0


def _end_with_caller(folder: Path) -> None:
    """End this process when the caller's end of stdin closes, which the system does however the caller ends."""

    def wait() -> None:
        # Not through sys.stdin: its lock, held while it waits, would abort an interpreter that ends for being idle.
        while os.read(sys.stdin.fileno(), 1):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


class _Session:
    """The loaded detector and the answering of one request at a time."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.loaded: tuple[tuple[str, str], Detector] | None = None

    def answer(self, number: int) -> None:
        """Do one request; whatever comes of it is reported as one closing event."""
        try:
            self._check_cancelled(number)
            request = json.loads(self.mailbox.request(number).read_text(encoding="utf-8"))
            if request["task"] == "release":
                self.release()
            elif request["task"] == "read":
                self.read(number, Path(request["path"]))
            else:
                self.detect(number, request)
            closing = {"event": "done"}
        except Cancelled:
            closing = {"event": "cancelled"}
        except CineError as error:
            closing = {"event": "failed", "message": str(error)}
        except MemoryError:
            self.release()
            closing = {"event": "failed", "message": "not enough memory for this cine; close other programs"}
        except Exception as error:
            # An error that nobody foresaw may quote the file in its text, and so the patient: neither message nor log
            # repeat it.
            traceback.print_tb(error.__traceback__)
            closing = {"event": "failed", "message": f"unexpected {type(error).__name__}; please report it"}
        self.mailbox.clear(number)
        self.mailbox.report({"request": number, **closing})

    def detect(self, number: int, request: dict[str, Any]) -> None:
        """Read the cine from the mailbox, detect, write the result files."""
        self._stage(number, "loading the detector", 0.0)
        detector = self._detector(request["model"], request["device"])
        self._check_cancelled(number)
        cine = self._cine(number, request)
        self._stage(number, "detecting", 0.0)
        last = [time.monotonic()]

        def progress(fraction: float) -> None:
            self._check_cancelled(number)
            if time.monotonic() - last[0] > 0.1:
                last[0] = time.monotonic()
                self._stage(number, "detecting", fraction)

        detection = detect(cine, detector, request["decoder"], progress=progress)
        self._check_cancelled(number)
        write_curves(self.mailbox.curves(number), detection.curves)
        write_json(self.mailbox.keyframes(number), KeyframesFile.of(cine, detection))

    def read(self, number: int, path: Path) -> None:
        """Read a file and leave its cine in the mailbox, decoded."""
        self._stage(number, "reading the file", 0.0)
        cine = read_cine(path)
        self._check_cancelled(number)
        write_cine(cine, self.mailbox.cine_frames(number), self.mailbox.cine(number))

    def release(self) -> None:
        """Forget the detector and give the accelerator's memory back."""
        self.loaded = None
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _detector(self, model: str, device: str) -> Detector:
        if self.loaded is None or self.loaded[0] != (model, device):
            from ..detection.catalogue import load_detector

            self.loaded = None
            self.loaded = ((model, device), load_detector(model, device))
        return self.loaded[1]

    def _cine(self, number: int, request: dict[str, Any]) -> Cine:
        frames = np.load(self.mailbox.frames(number), allow_pickle=False)
        times = np.load(self.mailbox.times(number), allow_pickle=False)
        return Cine(
            frames=frames,
            times=times,
            source=Source(request["name"]),
            spacing=tuple(request["spacing"]) if request["spacing"] else None,
            region=Box(*request["region"]) if request["region"] else None,
            heart_rate=request["heart_rate"],
            timing=request["timing"],
            view=request["view"],
        )

    def _stage(self, number: int, stage: str, fraction: float) -> None:
        self.mailbox.report({"event": "progress", "request": number, "stage": stage, "fraction": round(fraction, 3)})
        # A caller that had not read this yet may just have taken the request for one that waits.
        self._check_cancelled(number)

    def _check_cancelled(self, number: int) -> None:
        if self.mailbox.cancel(number).exists():
            raise Cancelled
