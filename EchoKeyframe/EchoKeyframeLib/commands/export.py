"""``echokeyframe export``: ED and ES frames and whole beats as files for other tools."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ..export.formats import FORMATS
from . import UsageError
from .cine_jobs import (
    add_cines,
    add_jobs,
    cines,
    conclude,
    jobs_for,
    output_folder,
    sweep_targets,
    told,
    worked_on_cores,
)
from .extras import needs_extra
from .options import DECODERS, add_debug, add_orientation, add_reading_options, count

if TYPE_CHECKING:
    from ..batch.export_job import ExportSettings
    from ..batch.job import Job, Outcome


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "export", help="write ED and ES frames and whole beats as files",
        description="Writes the ED and ES frames of cines as PNG, NRRD or NIfTI, and whole beats (ED to next ED) as "
        "AVI or MP4, named NAME.VIEW-beatNN-PHASE-frameNNNN, or a DICOM document that refers to them, NAME.ko.dcm. "
        "What lies outside the scan sector, such as a patient's name, is blackened; the document holds the name, as "
        "DICOM demands. Exports that are there are skipped.",
    )  # fmt: skip
    add_cines(parser)
    parser.add_argument("--format", nargs="+", choices=FORMATS, default=["png"], metavar="FORMAT",
                        help=f"some of {', '.join(FORMATS)} (default: png)")
    parser.add_argument("--beat", nargs="+", type=count, metavar="N", help="only these beats, counted from 1")
    parser.add_argument("--measurable", action="store_true", help="only beats fit for measurement")
    parser.add_argument("--whole-frame", action="store_true",
                        help="show what lies outside the scan sector, too; text in it may name the patient")
    parser.add_argument("--keyframes", type=Path, metavar="DIR|FILE", help="take the keyframes from the folder that "
                        "'detect' wrote for the same CINE arguments, or from one NAME.keyframes.json")
    parser.add_argument("--model", metavar="NAME|FILE", help="a detector by name, or a weights file")
    parser.add_argument("--decoder", choices=DECODERS, default="beats", help="as for detect")
    add_reading_options(parser)
    add_orientation(parser)
    add_jobs(parser)
    parser.add_argument("--force", action="store_true", help="overwrite exports that are there")
    add_debug(parser)
    parser.set_defaults(run=run, resumes=True)


def run(options: argparse.Namespace) -> int:
    """Export every cine; 1 if one failed. Raises UsageError before any work where an argument cannot be used."""
    output = Path(options.output).absolute()
    jobs, unreadable = jobs_for(cines(options), output)
    settings = _settings(options, len(jobs))
    output_folder(options.output)
    sweep_targets(jobs)
    outcomes = told(_outcomes(jobs, settings, output, options.jobs), options.debug)
    return conclude(outcomes, unreadable)


def _settings(options: argparse.Namespace, number: int) -> ExportSettings:
    from ..batch.export_job import ExportSettings

    formats = tuple(dict.fromkeys(options.format))
    for name in formats:
        if FORMATS[name].needs:
            package, extra = FORMATS[name].needs
            with needs_extra(extra, f"--format {name}"):
                import_module(package)
    beats = tuple(sorted(set(options.beat))) if options.beat else None
    return ExportSettings(formats, _model(options), options.decoder, _keyframes(options, number), beats,
                          options.measurable, options.whole_frame, options.fps, options.view, options.force,
                          options.orientation)  # fmt: skip


def _keyframes(options: argparse.Namespace, number: int) -> Path | None:
    path = options.keyframes
    if path is None:
        return None
    if options.model:
        raise UsageError("--model detects, --keyframes says what was detected: give one of them")
    if not path.exists():
        raise UsageError(f"--keyframes {str(path)!r}: no such folder or file")
    if path.is_file() and number > 1:
        raise UsageError("--keyframes names one file but there are several cines; name the folder that detect wrote")
    return path.absolute()


def _model(options: argparse.Namespace) -> str:
    """The detector's name or file; one that cannot be loaded is to fail before any work."""
    from ..cine.cine import CineError
    from ..detection.catalogue import DEFAULT_MODEL, absolute_model, load_detector

    model = options.model or DEFAULT_MODEL
    if options.keyframes is None:
        try:
            load_detector(model, "cpu")
        except CineError as error:
            raise UsageError(str(error)) from error
    return absolute_model(model)


def _outcomes(jobs: list[Job], settings: ExportSettings, output: Path, processes: int | None) -> Iterator[Outcome]:
    """One outcome a job; a single one is done here, which starts no process."""
    from ..batch.export_job import run_export

    work = partial(run_export, settings=settings, output=output)
    yield from map(work, jobs) if len(jobs) == 1 else worked_on_cores(jobs, work, processes)
