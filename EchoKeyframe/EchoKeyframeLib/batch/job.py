"""One cine through reading, detection and writing, with everything that can go wrong turned into an outcome."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ..cine.cine import Cine, CineError
from ..cine.orientation import AUTO, CHOICES
from ..detection.keyframes import Cancelled, Detection, Phase, StillError

if TYPE_CHECKING:
    from ..cine.sector import Sector
    from ..detection.detector import Detector, Progress


@dataclass(frozen=True)
class Settings:
    """How every cine of a run is treated; the fields are the options of ``echokeyframe detect``."""

    model: str
    decoder: str = "beats"
    device: str = "auto"
    fps: float | None = None
    view: str | None = None
    force: bool = False
    test_size: int | None = None
    runtime: str = "auto"
    orientation: str = AUTO
    measure: bool = False
    precision: str = "auto"


@dataclass(frozen=True)
class Job:
    """A cine to read, and the path without a suffix that its results get.

    below: its path below the argument that named it; None: its file name. alone: it is all that was named, so that a
    still in its place is a mistake and not one of the other things that lie in a study.
    """

    cine: Path
    target: Path
    below: Path | None = field(default=None, kw_only=True)
    alone: bool = field(default=False, kw_only=True)

    @property
    def name(self) -> str:
        """What the terminal calls it."""
        return self.cine.name if self.below is None else self.below.as_posix()


class Status(StrEnum):
    DONE = "done"
    SKIPPED = "already there"
    PASSED_OVER = "passed over"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    message: one line on what was found, or the reason why it failed or was passed over, which names no file.
    concerned: the file that a failure is about where that is not the cine. trace: the traceback of an unexpected error.
    result: what the work hands back, if anything.
    """

    job: Job
    status: Status
    message: str = ""
    concerned: str = ""
    warnings: tuple[str, ...] = ()
    trace: str = ""
    result: object = None

    @property
    def reason(self) -> str:
        """Why it failed, with the other file that this is about: for a table that may name files."""
        return f"{self.concerned}: {self.message}" if self.concerned else self.message


def run_job(
    job: Job,
    settings: Settings,
    detector: Callable[[], Detector],
    load: Callable[[], tuple[Cine, Sector]] | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Detect in one cine and write its files.

    ``detector`` gives the detector, so that a failure to load it is this job's failure, too; ``load`` gives the cine
    and its sector where they are read ahead. Raises ``Cancelled``, from ``progress``, and nothing else.
    """
    return guarded(job, lambda: _detect(job, settings, detector, load, progress))


def load_cine(job: Job, settings: Settings) -> tuple[Cine, Sector]:
    """Read the cine of a job and find its scan sector. Raises CineError."""
    from ..cine.read import read_cine
    from ..cine.sector import find_sector

    cine = read_cine(job.cine, fps=settings.fps, view=settings.view)
    return cine, find_sector(cine, CHOICES[settings.orientation])


def finished(job: Job, settings: Settings, model: str) -> Outcome | None:
    """The outcome of a job that is not to be run: its results are there, or other files are in their way. Else None."""
    from ..report.keyframes_file import readable
    from ..report.outputs import Request, is_done

    if settings.force:
        return None
    request = Request(readable(job.cine.name), model, settings.decoder, settings.fps, settings.view,
                      CHOICES[settings.orientation])  # fmt: skip

    def look() -> Outcome | None:
        done = is_done(job.target, request)
        if done and settings.measure:
            from .measuring import is_measured

            done = is_measured(job.target)
        return Outcome(job, Status.SKIPPED) if done else None

    return guarded(job, look)


def _detect(
    job: Job,
    settings: Settings,
    detector: Callable[[], Detector],
    load: Callable[[], tuple[Cine, Sector]] | None,
    progress: Progress | None,
) -> Outcome:
    from ..detection.detect import detect
    from ..report.outputs import write_outputs

    if settings.measure and _is_detected(job, settings):
        return _measure_detected(job, settings, progress)
    cine, sector = load() if load else load_cine(job, settings)
    detection = detect(cine, detector(), settings.decoder, sector, progress)
    with _written(job):
        write_outputs(job.target, cine, sector, detection)
    told = [_summary(detection)]
    if settings.measure:
        from .measuring import measure_job

        with _written(job):
            told.append(measure_job(job, settings, cine, sector, detection.beats, progress))
    return Outcome(job, Status.DONE, "; ".join(told), warnings=detection.warnings)


def _is_detected(job: Job, settings: Settings) -> bool:
    """Whether an equal detection is there: ``finished`` has compared them before the job was given out."""
    from ..report.outputs import output_paths

    return not settings.force and all(path.exists() for path in output_paths(job.target))


def _measure_detected(job: Job, settings: Settings, progress: Progress | None) -> Outcome:
    from ..cine.sector import find_sector
    from ..report.marked_cine import read_marked_cine
    from ..report.outputs import output_paths
    from .measuring import measure_job

    cine, found = read_marked_cine(job.cine, output_paths(job.target)[0], settings.fps, settings.view)
    with _written(job):
        told = measure_job(job, settings, cine, find_sector(cine, CHOICES[settings.orientation]), found.beats, progress)
    return Outcome(job, Status.DONE, told)


@contextmanager
def _written(job: Job) -> Iterator[None]:
    """Raises CineError, which names the cine, for an OSError of what is written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CineError(job.cine.name, f"its results cannot be written to the output folder ({reason})") from error


def _summary(detection: Detection) -> str:
    """One line for the terminal, such as ``ED 21; ES 5; 71 beats/min``."""
    parts = []
    for phase in Phase:
        frames = [str(k.frame) for k in detection.keyframes if k.phase is phase]
        more = f" … {len(frames)} in all" if len(frames) > 8 else ""
        parts.append(f"{phase} {', '.join(frames[:8]) or 'none'}{more}")
    if detection.heart_rate:
        parts.append(f"{detection.heart_rate:.0f} beats/min")
    return "; ".join(parts)


def guarded(job: Job, work: Callable[[], Outcome | None]) -> Outcome | None:
    """What ``work`` returns, or a failure in one line that names the error. Raises ``Cancelled`` alone."""
    try:
        return work()
    except Cancelled:
        raise
    except StillError as error:
        return failure(job, error.reason) if job.alone else Outcome(job, Status.PASSED_OVER, error.reason)
    except CineError as error:
        own = error.name is None or error.name == job.cine.name
        return failure(job, error.reason, concerned="" if own else error.name)
    except MemoryError:
        return failure(job, "too large for this machine's memory", traceback.format_exc())
    except OSError as error:
        return failure(job, error.strerror or type(error).__name__, traceback.format_exc())
    except Exception as error:
        # An error that nobody foresaw may quote the file in its text, and so the patient: only its type is told.
        return failure(job, f"unexpected {type(error).__name__} (--debug shows where)", traceback.format_exc())


def failure(job: Job, reason: str, trace: str = "", concerned: str = "") -> Outcome:
    return Outcome(job, Status.FAILED, " ".join(reason.split()), concerned, trace=trace)
