"""``echokeyframe reproduce``: the paper's tables and figures for labelled clips."""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError
from .labelled_data import LabelledData, add_data
from .options import add_debug, add_device, count, load_detectors

if TYPE_CHECKING:
    from ..detection.detector import Detector
    from ..evaluation.reproduction.system_runs import SystemRun

OWN_DECODER = "own"


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "reproduce", help="the paper's tables and figures for labelled cines",
        description="Writes the paper's tables 2 to 4 (average frame difference by view and system, cardiac cycles "
        "found, inference time, analysis of variance with Tukey's test) and figures 3 and 6 to 10 for any labelled "
        "cines and any systems, as Markdown, CSV and PNG; report.md shows them all.",
    )  # fmt: skip
    add_data(parser)
    parser.add_argument("--models", nargs="+", metavar="NAME|FILE",
                        help="systems by name, or weights files (default: those that come with the package and can "
                        "run here); the figures show the clips of the first")
    parser.add_argument("--decoder", choices=(OWN_DECODER, "beats", "maxima"), default=OWN_DECODER,
                        help="how keyframes are read off the curves: each system's own way (default), or one for all")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the report, made if need be")
    parser.add_argument("--clips", type=count, metavar="N", help="only the first so many")
    parser.add_argument("--view", metavar="VIEW", help="of table 3 (default: A4C, or the view with most clips)")
    parser.add_argument("--worst", type=count, default=3, metavar="N", help="clips in figure 10 (default: 3)")
    parser.add_argument("--repeats", type=count, default=20, metavar="N",
                        help="how often the inference of 16 frames is timed (default: 20)")
    add_device(parser)
    add_debug(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the report; 1 if a cine could not be evaluated. Raises UsageError before any work."""
    from ..cine.cine import CineError
    from ..detection.catalogue import usable_detectors
    from ..evaluation.reproduction.system_runs import with_times
    from ..evaluation.reproduction.systems_table import MOST_SYSTEMS

    data, output = LabelledData.of(options), Path(options.output)
    if len(options.models or ()) > MOST_SYSTEMS:
        raise UsageError(f"--models: at most {MOST_SYSTEMS} systems are compared at once, got {len(options.models)}")
    try:
        detectors = load_detectors(options.models or usable_detectors(), options.device)
        number, title = data.extent(options.clips)
        output.mkdir(parents=True, exist_ok=True)
    except CineError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"--output {options.output!r}: {error.strerror}") from error
    systems = _run_systems(data, number, detectors, options)
    failures = list(dict.fromkeys(failure for system in systems for failure in system.failures))
    if failures:
        print(f"{len(failures)} not evaluated:", *(reason for _, reason in failures), sep="\n  ", file=sys.stderr)
    common = _common_clips(systems, data, options.view)
    systems = with_times(systems, detectors, data.cases(common), options.repeats)
    _write(systems, data, title, output, options)
    return 1 if failures else 0


def _run_systems(
    data: LabelledData, number: int, detectors: list[Detector], options: argparse.Namespace
) -> list[SystemRun]:
    from tqdm import tqdm

    from ..evaluation.reproduction.system_runs import own_decoder, run_system

    systems = []
    with tqdm(total=number * len(detectors), unit="clip", disable=None) as bar:
        for detector in detectors:
            cases = islice(data.cases(), number)
            decoder = own_decoder(detector) if options.decoder == OWN_DECODER else options.decoder
            systems.append(run_system(cases, detector, decoder, bar.update))
    return systems


def _common_clips(systems: list[SystemRun], data: LabelledData, view: str | None) -> set[str]:
    """Names of the clips that the report is on. Raises UsageError where there are none, or none of the view."""
    from ..evaluation.reproduction.system_runs import on_common_clips

    compared = on_common_clips(systems)[0]
    if not compared.clips:
        raise UsageError(f"{data.path.name}: no clip could be evaluated by every system, so there is nothing to report")
    if view and view not in compared.views:
        raise UsageError(f"--view {view}: the clips show {', '.join(compared.views)}")
    return {clip.name for clip in compared.clips}


def _write(
    systems: list[SystemRun], data: LabelledData, title: str, output: Path, options: argparse.Namespace
) -> None:
    from ..evaluation.reader_agreement import reader_agreement
    from ..evaluation.reproduction.report_folder import write_report

    try:
        agreements = reader_agreement(data.readings(options.clips))
        page = write_report(systems, data.cases, title, output, options.view, options.worst, agreements)
    except OSError as error:
        raise UsageError(f"{output}: the report cannot be written ({error.strerror})") from error
    print(page)
