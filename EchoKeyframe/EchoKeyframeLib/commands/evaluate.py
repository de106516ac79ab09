"""``echokeyframe evaluate``: how well detectors agree with labelled keyframes."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError
from .comparison import Comparison, add_comparison, tell_failures
from .options import DECODERS

if TYPE_CHECKING:
    from ..evaluation.evaluate import Evaluation


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "evaluate", help="compare detectors with labelled cines",
        description="Compares what detectors find with labels: missed and extra keyframes, AFD (average frame "
        "difference), bias, precision, recall, F1, and the paper's figures. Writes comparison.md and .csv, and for "
        "each detector and decoder a folder with tables by view, heart rate and frame rate and all keyframes.",
    )  # fmt: skip
    add_comparison(parser)
    parser.add_argument("--model", nargs="+", metavar="NAME|FILE", help="detectors by name, or weights files")
    parser.add_argument("--decoder", choices=(*DECODERS, "both"), default="beats",
                        help="whole sequence at once (default), every local maximum as in the paper, or both")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a table of all detectors; 1 if a cine could not be evaluated. Raises UsageError before any work."""
    from ..detection.catalogue import DEFAULT_MODEL
    from ..evaluation.evaluate import evaluate
    from ..evaluation.report import comparison

    decoders = DECODERS if options.decoder == "both" else (options.decoder,)
    evaluations: list[Evaluation] = []
    with Comparison.of(options, options.model or [DEFAULT_MODEL]) as compared:
        for detector, cases, step in compared.runs():
            evaluations += evaluate(cases, detector, decoders, compared.title, lambda _, step=step: step())
        print(comparison(evaluations))
        _write(evaluations, compared.output)
    return tell_failures(failure for evaluation in evaluations for failure in evaluation.failures)


def _write(evaluations: list[Evaluation], output: Path) -> None:
    from ..evaluation.report import write_comparison, write_report

    try:
        for evaluation in evaluations:
            write_report(evaluation, output / _folder_name(evaluation))
        write_comparison(evaluations, output)
    except OSError as error:
        raise UsageError(f"{output}: the tables cannot be written ({error.strerror})") from error


def _folder_name(evaluation: Evaluation) -> str:
    """Names come from cards of other people's weights."""
    name = re.sub(r"[^\w.-]+", "-", evaluation.detector).strip(".-")
    return f"{name}-{evaluation.decoder}"
