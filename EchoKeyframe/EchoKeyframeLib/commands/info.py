"""``echokeyframe info``: what the reader understood of a cine."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..models.registry import SUFFIX
from . import UsageError
from .options import add_debug, add_orientation, add_reading_options
from .terminal import say, tell_error, tell_failed, warn

if TYPE_CHECKING:
    from ..batch.inputs import Unreadable
    from ..batch.job import Job
    from ..cine.cine import Cine
    from ..cine.sector import Sector


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("info", help="show what is understood of a cine",
                                 description="Shows what is understood of a cine: frames, times, calibration, sector.")
    parser.add_argument("cines", nargs="+", metavar="CINE", help="a file, a folder (all below it) or a glob pattern")
    add_reading_options(parser)
    add_orientation(parser)
    parser.add_argument("--json", action="store_true", help="as JSON Lines: one object a cine, numbers as numbers, "
                        "null where unknown")
    parser.add_argument("--outline", type=Path, metavar="DIR", help="write NAME.sector.png, the image with the sector "
                        "outlined, into this folder; text burned into the image can be read in it")
    add_debug(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a block of lines, or a line of JSON, for each cine; 1 if one could not be read or a still was named."""
    jobs, failed = _jobs(options.cines)
    for name, reason in failed:
        tell_failed(name, reason)
    stills, wrong = 0, len(failed)
    for job in jobs:
        try:
            stills += _shown(job, options)
        except BrokenPipeError:  # of what is printed: no fault of the cine
            raise
        except Exception as error:
            tell_error(job.name, error, options.debug)
            wrong += 1
    if stills:
        (warn if options.json else say)(f"{stills} passed over")  # stdout holds objects alone
    return 1 if wrong else 0


def _jobs(arguments: list[str]) -> tuple[list[Job], list[Unreadable]]:
    """The cines that the arguments name, and what could not be found or listed; the others are still shown."""
    from ..batch.inputs import InputError, Unreadable, find_jobs

    jobs: dict[Path, Job] = {}
    failed: list[Unreadable] = []
    for argument in arguments:
        try:
            found, unreadable = find_jobs([argument], Path())
        except InputError as error:
            if not argument:
                raise UsageError(str(error)) from error
            failed.append(Unreadable(Path(argument).name or argument, str(error).removeprefix(f"{argument}: ")))
        except OSError as error:
            failed.append(Unreadable(Path(argument).name, error.strerror or type(error).__name__))
        else:
            for job in found:
                jobs.setdefault(job.cine, job)
            failed += unreadable
    return [replace(job, alone=job.alone and len(jobs) == 1) for job in jobs.values()], failed


def _shown(job: Job, options: argparse.Namespace) -> bool:
    """Show one cine. Returns whether it is a still among others, which is passed over.

    Raises what reading raises, and StillError for a still that was named itself once that is shown.
    """
    from ..cine.orientation import CHOICES
    from ..cine.read import read_cine
    from ..cine.sector import find_sector
    from ..detection.detect import check_loop
    from ..detection.keyframes import StillError

    if job.cine.suffix == SUFFIX:
        _show_weights(job.cine, options.json)
        return False
    cine = read_cine(job.cine, fps=options.fps, view=options.view)
    still = None
    try:
        check_loop(job.cine.name, len(cine), cine.findings)
    except StillError as error:
        still = error
    if still and not job.alone:
        if not options.json:
            say(f"{job.name}: passed over, {still.reason}")
        return True
    sector = find_sector(cine, CHOICES[options.orientation])
    outline = _outline(job, cine, sector, options.outline)
    if options.json:
        _print_data(job, cine, sector)
    else:
        _print_lines(cine, sector, outline)
    if still:
        raise still
    return False


def _show_weights(path: Path, as_data: bool) -> None:
    """The card of a weights file. Raises WeightsError where the two do not agree."""
    from ..models.card_description import describe_card
    from ..models.weights_card import load_sound_card

    card = load_sound_card(path)
    if as_data:
        document = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        print(json.dumps({"file": path.name, **document}))
        return
    for label, text in describe_card(card):
        say(f"{label:<12} {text}")
    say("")


def _outline(job: Job, cine: Cine, sector: Sector, folder: Path | None) -> Path | None:
    from ..batch.inputs import without_suffix
    from ..report.sector_picture import write_outline

    if folder is None:
        return None
    return write_outline(folder / f"{without_suffix(job.cine.name)}.sector.png", cine, sector)


def _print_data(job: Job, cine: Cine, sector: Sector) -> None:
    from ..report.description import data
    from ..report.keyframes_file import readable

    print(json.dumps({"file": readable(job.name), **data(cine, sector)}, allow_nan=False))


def _print_lines(cine: Cine, sector: Sector, outline: Path | None) -> None:
    from ..report.description import describe

    rows = describe(cine, sector)
    if outline is not None:
        rows.append(("outline", str(outline)))
    for label, text in rows:
        say(f"{label:<12} {text}")
    say("")
