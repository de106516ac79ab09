"""CINE arguments, and telling what became of each: for the commands that work through many cines."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..atomic_file import sweep_unfinished
from . import UsageError
from .options import count
from .terminal import say, shows_bars, tell_failed, warn

if TYPE_CHECKING:
    from ..batch.engines import Work
    from ..batch.inputs import Unreadable
    from ..batch.job import Job, Outcome


def add_cines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cines", nargs="*", metavar="CINE", help="a file, a folder (all below it) or a glob pattern")
    add_sample(parser)
    add_output(parser)


def add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sample", action="store_true", help="the four-chamber loop that comes with pydicom")


def add_output(parser: argparse.ArgumentParser, what: str = "results") -> None:
    parser.add_argument("--output", required=True, metavar="DIR", help=f"folder for the {what}, made if need be")


def add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=count, metavar="N", help="processes on the CPU (default: one for each core)")


def cines(options: argparse.Namespace) -> list[str]:
    """What CINE and --sample name."""
    if not options.sample:
        return list(options.cines)
    from pydicom.examples import get_path

    return [*options.cines, str(get_path("ybr_color"))]


def output_folder(text: str) -> Path:
    """The folder that --output names, made if need be. Raises UsageError."""
    output = Path(text)
    if not text or (output.exists() and not output.is_dir()):
        raise UsageError(f"--output {text!r} is not a folder")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from error
    sweep_unfinished([output])
    return output.absolute()


@contextmanager
def folder_if_filled(text: str) -> Iterator[Path]:
    """``output_folder`` for a command that may end without a result: what was made is removed again if it is empty.

    It is made first all the same, so that one that cannot be made is told before any work.
    """
    path = Path(text).absolute()
    made = [folder for folder in (path, *path.parents) if not os.path.exists(folder)]
    output = output_folder(text)
    try:
        yield output
    finally:
        with suppress(OSError):  # it holds something, and so do those that it lies in
            for folder in made:
                folder.rmdir()


def jobs_for(arguments: Sequence[str], output: Path) -> tuple[list[Job], list[Unreadable]]:
    """Jobs, and the folders that cannot be read. Raises UsageError where an argument names no cine."""
    from ..batch.inputs import InputError, find_jobs

    try:
        return find_jobs(arguments, output)
    except InputError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from error


def sweep_targets(jobs: Sequence[Job]) -> None:
    """Remove what a run that was killed left half-written where the jobs' results go."""
    sweep_unfinished({job.target.parent for job in jobs})


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worked_on_cores(jobs: Sequence[Job], work: Work, processes: int | None) -> Iterator[Outcome]:
    """One outcome a job from a pool of processes (None: one for each core), under a bar."""
    from ..batch.engines import run_on_cores

    return under_bar(run_on_cores(jobs, work, min(len(jobs), processes or cores())), len(jobs))


def under_bar(outcomes: Iterable[Outcome], number: int) -> Iterator[Outcome]:
    """The outcomes, with a bar over the ``number`` of them where stderr is a terminal."""
    if not shows_bars():
        yield from outcomes
        return
    from tqdm import tqdm

    with tqdm(total=number, unit="cine") as bar:
        for outcome in outcomes:
            bar.update()
            yield outcome


def told(outcomes: Iterator[Outcome], debug: bool) -> list[Outcome]:
    """All outcomes, each printed as soon as it is known."""
    found = []
    with closing(outcomes):
        for outcome in outcomes:
            tell(outcome, debug)
            found.append(outcome)
    return found


def tell(outcome: Outcome, debug: bool) -> None:
    """Print an outcome: a line on what was found, passed over or failed, and one for each warning."""
    from ..batch.job import Status

    name = outcome.job.name
    if outcome.status is Status.FAILED:
        tell_failed(name, outcome.reason)
    elif outcome.status is Status.PASSED_OVER:
        say(f"{name}: {outcome.status}, {outcome.message}")
    else:
        say(f"{name}: {outcome.message or outcome.status}")
    for warning in outcome.warnings:
        warn(f"{name}: warning: {warning}")
    if debug and outcome.trace:
        for line in outcome.trace.splitlines():
            warn(line)


def conclude(outcomes: Sequence[Outcome], unreadable: Sequence[Unreadable]) -> int:
    """Tell what could not be read beside the cines and, where there was more than one, a tally. Returns the exit code.

    The outcomes have been told.
    """
    from ..batch.job import Status

    for name, reason in unreadable:
        tell_failed(name, reason)
    tally = Counter([*(str(outcome.status) for outcome in outcomes), *[str(Status.FAILED)] * len(unreadable)])
    if tally.total() > 1:
        say("; ".join(f"{number} {status}" for status, number in tally.items()))
    return 1 if tally[str(Status.FAILED)] else 0
