"""The worker process: takes requests from the mailbox one after another, keeps its detector loaded between them."""

from __future__ import annotations

import importlib
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .event_kinds import IDLE, PROGRESS, READY
from .launched_process import DISK_FULL
from .mailbox import Mailbox, remove
from .request import (
    DetectRequest,
    FramesRequest,
    ReadRequest,
    ReleaseRequest,
    Request,
    RequestError,
    TraceRequest,
    request_from,
)
from .temporary_disk import FULL, is_full

if TYPE_CHECKING:
    from ..cine.cine import Cine
    from ..cine.color import FrameStack
    from ..detection.detector import Detector
    from ..detection.keyframes import Keyframe
    from ..measurement.automatic.tracer import Tracer

POLL_SECONDS = 0.01
USED_FIRST = (  # imported while nothing is asked: what reading takes, then what detecting takes without torch
    "EchoKeyframeLib.cine.read",
    "EchoKeyframeLib.worker.frames_writer",
    "EchoKeyframeLib.worker.cine_result",
    "EchoKeyframeLib.detection.detect",
    "EchoKeyframeLib.detection.motion",
    "EchoKeyframeLib.detection.catalogue",
    "EchoKeyframeLib.detection.fusion",
    "EchoKeyframeLib.detection.network",
    "EchoKeyframeLib.models.onnx_runner",
    "EchoKeyframeLib.report.curves_file",
    "EchoKeyframeLib.report.keyframes_file",
)


def serve(folder: Path, idle_seconds: float = 600.0) -> int:
    """Work off requests until the caller goes away or asks for nothing for ``idle_seconds``. Returns the exit code."""
    mailbox = Mailbox(folder)
    session = _Session(mailbox)
    unused = list(USED_FIRST)
    idle_since = time.monotonic()
    try:
        mailbox.report({"event": READY})
        while time.monotonic() - idle_since < idle_seconds:
            try:
                pending = mailbox.pending()
            except FileNotFoundError:
                return 0
            if pending:
                session.answer(pending[0])
                idle_since = time.monotonic()
            elif unused:
                with suppress(ImportError):  # told to whom asks for what needs it
                    importlib.import_module(unused.pop(0))
            else:
                time.sleep(POLL_SECONDS)
        mailbox.report({"event": IDLE})
    except OSError as error:
        if not is_full(error):
            raise
        return DISK_FULL
    return 0


class _Session:
    """The loaded detector and the answering of one request at a time."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.loaded: tuple[tuple[str, str], Detector] | None = None
        self.tracer: tuple[str, Tracer] | None = None

    def answer(self, number: int) -> None:
        """Do one request; whatever comes of it is reported as one closing event. Raises OSError if it cannot be."""
        from ..cine.cine import CineError
        from ..detection.keyframes import Cancelled

        try:
            self._check_cancelled(number)
            self._do(number, request_from(self.mailbox.request(number)))
            closing = {"event": "done"}
        except Cancelled:
            closing = {"event": "cancelled"}
        except (CineError, RequestError) as error:
            closing = {"event": "failed", "message": str(error)}
        except ImportError as error:
            missing = error.name or "that it needs"
            closing = {"event": "failed", "message": f"the Python package {missing} is missing; install it"}
        except MemoryError:
            self.release()
            closing = {"event": "failed", "message": "not enough memory for this cine; close other programs"}
        except Exception as error:
            # An error that nobody foresaw may quote the file in its text, and so the patient: neither message nor log
            # repeat it.
            traceback.print_tb(error.__traceback__)
            told = FULL if is_full(error) else f"unexpected {type(error).__name__}; please report it"
            closing = {"event": "failed", "message": told}
        if closing["event"] != "done":
            self.mailbox.clear_results(number)  # before anything is written: it may be what fills the disk
        self.mailbox.report({"request": number, **closing})
        self.mailbox.clear(number)

    def _do(self, number: int, request: Request) -> None:
        match request:
            case ReleaseRequest():
                self.release()
            case ReadRequest():
                self.read(number, Path(request.path))
            case DetectRequest():
                self.detect(number, request)
            case TraceRequest():
                self.trace(number, request)

    def detect(self, number: int, request: DetectRequest) -> None:
        """Read the cine from the mailbox, detect, write the result files."""
        from ..cine.orientation import CHOICES
        from ..cine.sector import find_sector
        from ..detection.detect import detect
        from ..report.curves_file import write_curves
        from ..report.keyframes_file import KeyframesFile, write_json

        self._stage(number, "loading the detector", 0.0)
        detector = self._detector(request.model, request.device)
        self._check_cancelled(number)
        cine = self._cine(number, request)
        sector = find_sector(cine, CHOICES[request.orientation])
        detection = detect(cine, detector, request.decoder, sector, self._progress(number, "detecting"))
        self._check_cancelled(number)
        write_curves(self.mailbox.curves(number), detection.curves)
        write_json(self.mailbox.keyframes(number), KeyframesFile.of(cine, detection))

    def trace(self, number: int, request: TraceRequest) -> None:
        """Read the cine from the mailbox, find the contours that are wanted, write the result file."""
        from ..cine.orientation import CHOICES
        from ..cine.sector import find_sector
        from ..measurement.automatic.find_contours import find_contours
        from ..measurement.automatic.volume_curve import VolumeCurve
        from .loop_contours import LoopContours, write_loop_contours

        self._stage(number, "loading the network for contours", 0.0)
        tracer = self._tracer(request.device)
        self._check_cancelled(number)
        cine = self._cine(number, request)
        wanted = _wanted(request, cine)
        sector = find_sector(cine, CHOICES[request.orientation])
        frames = sorted({key.frame for keys in wanted.values() for key in keys})
        tracing = tracer.trace(cine, sector, self._progress(number, "finding contours"), frames)
        found = find_contours(cine, sector, wanted, tracing)
        told = LoopContours(found, VolumeCurve.of(cine, tracing), tracer.name)
        self._check_cancelled(number)
        write_loop_contours(self.mailbox.contours(number), told, request.scale)

    def read(self, number: int, path: Path) -> None:
        """Read a file and leave its cine in the mailbox, decoded: its frames as they come, then what is known of it."""
        from ..cine.cine import CineError
        from ..cine.color import followed_by
        from ..cine.read import read_cine
        from .cine_result import write_description
        from .frames_writer import FramesWriter

        self._stage(number, "reading the file", 0.0)

        def tell(fraction: float, shape: Sequence[int], attempt: int) -> None:
            self._stage(number, "reading the file", fraction, shape=list(shape), attempt=attempt)

        def begin(size: int) -> None:
            free = shutil.disk_usage(self.mailbox.folder).free
            if size > free:
                raise CineError(
                    path.name, f"needs {size / 1e9:.1f} GB of the disk that holds temporary files, where "
                    f"{free / 1e9:.1f} GB are free; make room there"
                )  # fmt: skip

        writer = FramesWriter(lambda attempt: self.mailbox.cine_frames(number, attempt), tell, begin)
        try:
            with _not_for_readers() as follow, followed_by(lambda stack: follow(self._follow, number, writer, stack)):
                cine = read_cine(path)
            self._check_cancelled(number)
            attempt = writer.finish(cine.frames)
            write_description(cine, attempt, writer.changed, self.mailbox.cine(number))
        finally:
            writer.close()

    def _follow(self, number: int, writer: Any, stack: FrameStack) -> None:
        self._check_cancelled(number)
        writer.follow(stack)

    def release(self) -> None:
        """Forget the networks and give the accelerator's memory back."""
        self.loaded = self.tracer = None
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _detector(self, model: str, device: str) -> Detector:
        if self.loaded is None or self.loaded[0] != (model, device):
            from ..detection.catalogue import load_detector

            self.loaded = None
            self.loaded = ((model, device), load_detector(model, device))
        return self.loaded[1]

    def _tracer(self, device: str) -> Tracer:
        if self.tracer is None or self.tracer[0] != device:
            from ..measurement.automatic.tracer import load_tracer

            self.tracer = None
            self.tracer = (device, load_tracer(device=device))
        return self.tracer[1]

    def _cine(self, number: int, request: FramesRequest) -> Cine:
        import numpy as np

        from ..cine.cine import Box, Cine, Source

        try:
            frames = np.load(self.mailbox.frames(number), allow_pickle=False)
            times = np.load(self.mailbox.times(number), allow_pickle=False)
        except FileNotFoundError:  # a process before this one had begun with it, and took them away
            raise RequestError("the detection process ended: it was at this loop; run the detection again") from None
        remove(self.mailbox.frames(number), patience=0.0)  # nothing of the image outlives a crash
        return Cine(
            frames=frames,
            times=times,
            source=Source(request.name),
            spacing=request.spacing,
            region=Box(*request.region) if request.region else None,
            heart_rate=request.heart_rate,
            timing=request.timing,
            view=request.view,
        )

    def _progress(self, number: int, stage: str) -> Callable[[float], None]:
        """Tells of a stage ten times a second at most, and ends it where the request was cancelled."""
        self._stage(number, stage, 0.0)
        last = [time.monotonic()]

        def progress(fraction: float) -> None:
            self._check_cancelled(number)
            if time.monotonic() - last[0] > 0.1:
                last[0] = time.monotonic()
                self._stage(number, stage, fraction)

        return progress

    def _stage(self, number: int, stage: str, fraction: float, **more: Any) -> None:
        told = {"event": PROGRESS, "request": number, "stage": stage, "fraction": round(fraction, 3), **more}
        self.mailbox.report(told)
        # A caller that had not read this yet may just have taken the request for one that waits.
        self._check_cancelled(number)

    def _check_cancelled(self, number: int) -> None:
        if self.mailbox.cancel(number).exists():
            from ..detection.keyframes import Cancelled

            raise Cancelled


def _wanted(request: TraceRequest, cine: Cine) -> dict[int, tuple[Keyframe, ...]]:
    """Keyframes by their beat. Raises CineError for a frame that the cine does not have."""
    from ..cine.cine import CineError
    from ..detection.keyframes import Keyframe

    wanted: dict[int, tuple[Keyframe, ...]] = {}
    for one in request.wanted:
        if one.frame >= len(cine):
            raise CineError(request.name, f"has no frame {one.frame} (0 to {len(cine) - 1})")
        key = Keyframe(one.phase, one.frame, float(cine.times[one.frame]))
        wanted[one.beat] = (*wanted.get(one.beat, ()), key)
    return wanted


@contextmanager
def _not_for_readers() -> Iterator[Any]:
    """Yields what calls a function within a reader; what that raises passes the reader, which takes every error but its
    own for damage of the file."""
    from ..cine.cine import CineError

    raised: list[Exception] = []

    def follow(function: Any, *arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception as error:
            raised.append(error)
            raise CineError("stopped") from None

    try:
        yield follow
    except CineError:
        if raised:
            raise raised[0] from None
        raise
