"""What runs in each process of a batch: one detector, loaded once, and one job after another."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing.synchronize import Event
from types import FrameType
from typing import TYPE_CHECKING

from ..atomic_file import discard_unfinished
from ..termination import ASKED_TO_END
from .job import Job, Outcome, Settings, run_job

if TYPE_CHECKING:
    from ..detection.detector import Detector
    from ..measurement.automatic.tracer import Tracer

_stop: Event | None = None


def start(stop: Event) -> None:
    """Prepare a process of a pool. ``stop`` ends the job in work soon after it is set."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the first one decides
    for number in ASKED_TO_END:  # SIGTERM is what a pool sends to the others when one of its processes died
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # see ``not_interrupted``
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _keep_to_one_thread()


@contextmanager
def not_interrupted() -> Iterator[None]:
    """Hold Ctrl-C back while a process is started, then let it act.

    The process inherits the blocked signal: before ``start`` it would answer with a traceback. The block is this
    thread's only; where the system gives the signal to another thread, Python runs the handler in the main thread all
    the same, which would leave the process half-started, without what it has to read.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    main = threading.current_thread() is threading.main_thread()
    arrived: list[tuple[int, FrameType | None]] = []
    handler = signal.getsignal(signal.SIGINT)
    deferred = main and callable(handler)
    if deferred:
        signal.signal(signal.SIGINT, lambda *received: arrived.append(received))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if deferred:
            signal.signal(signal.SIGINT, handler)
            if arrived:
                handler(*arrived[0])


def run(job: Job, settings: Settings) -> Outcome:
    """Run a job on one thread with this process's detector. Raises ``Cancelled`` once ``stop`` is set."""
    def detector() -> Detector:
        return own_detector(settings.model, settings.device, settings.test_size, settings.runtime, settings.precision)

    return run_job(job, settings, detector, progress=check_stop)


def check_stop(done: float = 0.0) -> None:
    """Raise ``Cancelled`` once ``stop`` is set; a ``Progress``."""
    if _stop is not None and _stop.is_set():
        from ..detection.keyframes import Cancelled

        raise Cancelled


@cache
def own_detector(
    model: str, device: str, test_size: int | None = None, runtime: str = "auto", precision: str = "auto"
) -> Detector:
    """The process's detector, loaded once."""
    _keep_to_one_thread()  # processes of Ray do not call start()
    from ..detection.catalogue import load_detector

    return load_detector(model, device, precision, test_size, runtime)


@cache
def own_tracer(device: str = "auto", runtime: str = "auto") -> Tracer:
    """What finds contours in this process, loaded once."""
    from ..measurement.automatic.tracer import load_tracer

    return load_tracer(runtime, device)


def _keep_to_one_thread() -> None:
    """Parallel work comes from the number of processes."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"  # read by torch when it is imported, which is later
    import cv2

    cv2.setNumThreads(1)


def _end_with_parent() -> None:
    """A killed parent cannot tell its pool, which would wait for jobs for ever."""
    multiprocessing.parent_process().join()
    _end()


def _end(*_signal: object) -> None:
    """End at once, even within a job, and leave nothing half-written."""
    discard_unfinished()
    os._exit(1)
