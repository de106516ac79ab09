"""``echokeyframe reproduce``: the paper's tables and figures for labelled clips."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from . import UsageError
from .comparison import Comparison, add_comparison, tell_failures
from .options import DECODERS, OWN_DECODER, count

if TYPE_CHECKING:
    from ..evaluation.reproduction.departures import UsedSystem
    from ..evaluation.reproduction.system_runs import SystemRun

def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "reproduce", help="the paper's tables and figures for labelled cines",
        description="Writes the paper's tables 2 to 4 (average frame difference by view and system, cardiac cycles "
        "found, inference time, analysis of variance with Tukey's test) and figures 3 and 6 to 10 for any labelled "
        "cines and any systems, as Markdown, CSV and PNG; report.md shows them all.",
    )  # fmt: skip
    add_comparison(parser)
    parser.add_argument("--models", nargs="+", metavar="NAME|FILE",
                        help="systems by name, or weights files (default: those that come with the package and can "
                        "run here); the figures show the clips of the first")
    parser.add_argument("--decoder", choices=(OWN_DECODER, *DECODERS), default=OWN_DECODER,
                        help="how keyframes are read off the curves: each system's own way (default), or one for all")
    parser.add_argument("--view", metavar="VIEW", help="of table 3 (default: A4C, or the view with most clips)")
    parser.add_argument("--worst", type=count, default=3, metavar="N", help="clips in figure 10 (default: 3)")
    parser.add_argument("--repeats", type=count, default=20, metavar="N",
                        help="how often the inference of 16 frames is timed (default: 20)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the report; 1 if a cine could not be evaluated. Raises UsageError for the arguments."""
    from ..detection.catalogue import usable_detectors
    from ..evaluation.reproduction.systems_table import MOST_SYSTEMS

    if len(options.models or ()) > MOST_SYSTEMS:
        raise UsageError(f"--models: at most {MOST_SYSTEMS} systems are compared at once, got {len(options.models)}")
    with Comparison.of(options, options.models or usable_detectors()) as compared:
        return _reproduce(compared, options)


def _reproduce(compared: Comparison, options: argparse.Namespace) -> int:
    from ..evaluation.own_decoder import own_decoder
    from ..evaluation.reproduction.system_runs import run_system, with_times

    systems = []
    for detector, cases, step in compared.runs():
        decoder = own_decoder(detector) if options.decoder == OWN_DECODER else options.decoder
        systems.append(run_system(cases, detector, decoder, step))
    exit_code = tell_failures(failure for system in systems for failure in system.failures)
    common = _common_clips(systems, options.view)
    if not common:
        print(f"{compared.data.path.name}: no clip could be evaluated by every system, so there is nothing to report",
              file=sys.stderr)  # fmt: skip
        return 1
    systems = with_times(systems, compared.detectors, compared.data.cases(common), options.repeats)
    _write(systems, compared, options)
    return exit_code


def _common_clips(systems: list[SystemRun], view: str | None) -> set[str]:
    """Names of the clips that the report is on. Raises UsageError where there are some, but none of the view."""
    from ..evaluation.reproduction.system_runs import on_common_clips

    compared = on_common_clips(systems)[0]
    if view and compared.clips and view not in compared.views:
        raise UsageError(f"--view {view}: the clips show {', '.join(compared.views)}")
    return {clip.name for clip in compared.clips}


def _used(systems: list[SystemRun], compared: Comparison) -> list[UsedSystem]:
    """What is known of each system, for the departures."""
    from ..detection.catalogue import network_weights
    from ..evaluation.reproduction.departures import UsedSystem

    used = []
    for system, detector, model in zip(systems, compared.detectors, compared.models, strict=True):
        path = network_weights(model)
        if path is None:
            used.append(UsedSystem(system.name, system.decoder))
            continue
        from ..models.weights_card import load_card

        card = load_card(path)
        config = getattr(detector, "config", card.config)
        used.append(UsedSystem(system.name, system.decoder, config.to_dict(), card.training))
    return used


def _write(systems: list[SystemRun], compared: Comparison, options: argparse.Namespace) -> None:
    from ..evaluation.reader_agreement import reader_agreement
    from ..evaluation.reproduction.report_folder import write_report

    try:
        agreements = reader_agreement(compared.data.readings(options.clips))
        page = write_report(systems, compared.data.cases, compared.title, compared.output, options.view,
                            options.worst, agreements, _used(systems, compared))  # fmt: skip
    except OSError as error:
        raise UsageError(f"{compared.output}: the report cannot be written ({error.strerror})") from error
    print(page)
