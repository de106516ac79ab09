"""``echokeyframe detect``: the ED and ES frames of files, folders and glob patterns."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError
from .cine_jobs import (
    add_cines,
    add_jobs,
    cines,
    conclude,
    cores,
    jobs_for,
    output_folder,
    sweep_targets,
    tell,
    told,
    under_bar,
)
from .options import DECODERS, add_debug, add_device, add_orientation, add_reading_options, add_runtime, add_test_size
from .terminal import say, shows_bars

if TYPE_CHECKING:
    from ..batch.inputs import Unreadable
    from ..batch.job import Job, Outcome, Settings
    from ..detection.detector import Detector

READERS = 4
"""Cines decoded at once ahead of a GPU; decoding one costs a core about what the GPU needs for several."""


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "detect", help="find the ED and ES frames",
        description="Finds the ED and ES frames of cines (DICOM, AVI, MP4, MOV, MKV, WebM, GIF) and writes for each "
        "NAME.keyframes.json, NAME.keyframes.csv, NAME.curves.csv and NAME.png; for several, or a folder, also one "
        "table of all beats, beats.csv (and beats.parquet where pyarrow is installed). Cines already done are skipped.",
    )
    add_cines(parser)
    parser.add_argument("--model", metavar="NAME|FILE",
                        help="a detector by name, a weights file, or fused:FILE for the mean of it and motion")
    parser.add_argument("--decoder", choices=DECODERS, default="beats",
                        help="whole sequence at once (default), or every local maximum as in the paper")
    add_device(parser)
    add_runtime(parser)
    add_test_size(parser)
    add_reading_options(parser)
    add_orientation(parser)
    add_jobs(parser)
    parser.add_argument("--measure", action="store_true", help="measure LV volumes and ejection fraction, too, as "
                        "'measure --auto' does, of cines that are done already as well")
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="this machine, or a Ray cluster")
    parser.add_argument("--force", action="store_true", help="overwrite results that are there")
    add_debug(parser)
    parser.set_defaults(run=run, resumes=True)


def run(options: argparse.Namespace) -> int:
    """Detect in every cine; 1 if one failed. Raises UsageError before any work where an argument cannot be used."""
    from ..batch.job import finished

    output = Path(options.output).absolute()
    arguments = cines(options)
    jobs, unreadable = jobs_for(arguments, output)
    output_folder(options.output)
    sweep_targets(jobs)
    tabled = _wants_table(jobs, unreadable, arguments, output, options.force)
    settings, detector = _settings_and_detector(options, many=len(jobs) > 1)
    known = [finished(job, settings, detector.name) for job in jobs]
    outcomes = [outcome for outcome in known if outcome]
    for outcome in outcomes:
        tell(outcome, options.debug)
    waiting = [job for job, outcome in zip(jobs, known, strict=True) if outcome is None]
    outcomes += told(_with_progress(waiting, settings, detector, options), options.debug)
    untold = _write_table(outcomes, unreadable, output) if tabled else []
    return conclude(outcomes, unreadable + untold)


def _wants_table(
    jobs: list[Job], unreadable: list[Unreadable], arguments: list[str], output: Path, force: bool
) -> bool:
    """Whether to write the table of all beats: for anything but a single file, and where there is one already.

    Raises UsageError where another file is in its place.
    """
    from ..report.beat_table import CSV_NAME, is_foreign
    from ..report.outputs import ADVICE

    foreign = is_foreign(output)
    if len(jobs) + len(unreadable) == 1 and all(Path(argument).is_file() for argument in arguments):
        return not foreign and (output / CSV_NAME).exists()
    if foreign and not force:
        raise UsageError(f"{foreign} is already there and no table of ours; {ADVICE}")
    return True


def _write_table(outcomes: list[Outcome], unreadable: list[Unreadable], output: Path) -> list[Unreadable]:
    """Write the table of all beats. Returns what failed: results of earlier runs that are damaged, or the table itself.
    """
    from ..batch.beat_rows import beat_rows
    from ..batch.inputs import Unreadable
    from ..report.beat_table import CSV_NAME, write_table
    from ..report.outputs import SUFFIXES

    damaged: list[Unreadable] = []

    def note(result: str, reason: str) -> None:
        damaged.append(Unreadable(f"{result}{SUFFIXES[0]}", reason))

    try:
        paths, rows = write_table(output, beat_rows(outcomes, unreadable, output, note))
    except OSError as error:
        reason = f"cannot be written to the output folder ({error.strerror or type(error).__name__})"
        return [Unreadable(CSV_NAME, reason)]
    say(f"{' and '.join(path.name for path in paths)}: {rows} rows")
    return damaged


def _settings_and_detector(options: argparse.Namespace, many: bool) -> tuple[Settings, Detector]:
    """The detector is loaded here even where other processes do the work: a bad --model is to fail before any of it."""
    from ..batch.job import Settings
    from ..cine.cine import CineError
    from ..detection.catalogue import DEFAULT_MODEL, absolute_model, load_detector

    model = absolute_model(options.model or DEFAULT_MODEL)  # the processes of a cluster start in folders of their own
    try:
        detector = load_detector(model, options.device, options.precision, options.test_size, options.runtime, many)
    except CineError as error:
        raise UsageError(str(error)) from error
    runtime = getattr(detector, "runtime", None) or options.runtime  # other processes are not to choose again
    device = "cpu" if detector.device == "cpu" else options.device
    settings = Settings(model, options.decoder, device, options.fps, options.view, options.force, options.test_size,
                        runtime, options.orientation, options.measure, options.precision)  # fmt: skip
    if options.measure:
        _require_tracer(settings)
    return settings, detector


def _require_tracer(settings: Settings) -> None:
    """Raises UsageError where no contours can be found, before any work."""
    from ..batch.process import own_tracer
    from ..cine.cine import CineError

    try:
        own_tracer(settings.device, settings.runtime)
    except CineError as error:
        raise UsageError(f"--measure: {error}") from error


def _with_progress(
    jobs: list[Job], settings: Settings, detector: Detector, options: argparse.Namespace
) -> Iterator[Outcome]:
    """Outcomes, under a bar over the cines, or over the frames of a single one. No bar where stderr is no terminal."""
    if not jobs:
        return
    if len(jobs) == 1 and options.engine == "local":
        from ..batch.engines import run_here

        if not shows_bars():
            yield from run_here(jobs, settings, detector)
            return
        from tqdm import tqdm

        with tqdm(total=1.0, bar_format="{l_bar}{bar}| {elapsed}", leave=False) as bar:
            yield from run_here(jobs, settings, detector, lambda done: bar.update(done - bar.n))
        return
    yield from under_bar(_engine(jobs, settings, detector, options), len(jobs))


def _engine(jobs: list[Job], settings: Settings, detector: Detector, options: argparse.Namespace) -> Iterator[Outcome]:
    if options.engine == "ray":
        from ..batch.ray_engine import run_on_ray

        try:
            return (yield from run_on_ray(jobs, settings))
        except ModuleNotFoundError as error:
            raise UsageError("--engine ray needs Ray: pip install 'echokeyframe[ray]'") from error
        except ConnectionError as error:
            raise UsageError("no Ray cluster answers at RAY_ADDRESS") from error
    from ..batch import process
    from ..batch.engines import run_on_cores, run_reading_ahead

    if detector.device != "cpu":
        return (yield from run_reading_ahead(jobs, settings, detector, options.jobs or READERS))
    work = partial(process.run, settings=settings)
    return (yield from run_on_cores(jobs, work, min(len(jobs), options.jobs or cores())))
