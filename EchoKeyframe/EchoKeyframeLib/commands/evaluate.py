"""``echokeyframe evaluate``: how well detectors agree with labelled keyframes."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError, evaluate_contours
from .comparison import Comparison, add_comparison, tell_failures
from .options import DECODERS, OWN_DECODER, add_orientation
from .terminal import say

if TYPE_CHECKING:
    from ..detection.detector import Detector
    from ..evaluation.evaluate import Evaluation
    from .comparison import Cases


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "evaluate", help="compare detectors with labelled cines",
        description="Compares what detectors find with labels: missed and extra keyframes, AFD (average frame "
        "difference), bias, precision, recall, F1, and the paper's figures. Writes comparison.md and .csv, and for "
        "each detector and decoder a folder with tables by view, heart rate and frame rate and all keyframes. "
        "With --model lv-contour-large: how well the left ventricle is traced, by EchoNet-Dynamic or CAMUS.",
    )  # fmt: skip
    add_comparison(parser)
    parser.add_argument("--model", nargs="+", metavar="NAME|FILE", help="detectors by name, or weights files; "
                        "lv-contour-large, lv-contour or weights of these presets: Dice, and ejection fractions as "
                        "Bland-Altman")
    add_orientation(parser)
    parser.add_argument("--decoder", choices=(OWN_DECODER, *DECODERS, "both"), default=OWN_DECODER,
                        help="own (default): every local maximum (maxima) for networks whose papers take those, the "
                        "whole sequence at once (beats) for all others; one of the two, or both")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a table of all detectors; 1 if a cine could not be evaluated. Raises UsageError before any work."""
    if options.model and evaluate_contours.asked_for(options.model):
        return evaluate_contours.run(options)

    from ..detection.catalogue import DEFAULT_MODEL
    from ..evaluation.evaluate import evaluate
    from ..evaluation.report import comparison

    evaluations: list[Evaluation] = []
    with Comparison.of(options, options.model or [DEFAULT_MODEL]) as compared:
        for detector, cases, step in compared.runs():
            decoders, cases = _decoders(options.decoder, detector), _oriented(cases, options.orientation)
            evaluations += evaluate(cases, detector, decoders, compared.title, lambda _, step=step: step())
        for line in comparison(evaluations).splitlines():
            say(line)
        _write(evaluations, compared.output)
    return tell_failures(failure for evaluation in evaluations for failure in evaluation.failures)


def _oriented(cases: Cases, choice: str) -> Cases:
    from ..cine.orientation import CHOICES
    from ..evaluation.evaluate import Case

    given = CHOICES[choice]
    return (case._replace(orientation=given) if isinstance(case, Case) else case for case in cases)


def _decoders(choice: str, detector: Detector) -> tuple[str, ...]:
    from ..evaluation.own_decoder import own_decoder

    if choice == OWN_DECODER:
        return (own_decoder(detector),)
    return DECODERS if choice == "both" else (choice,)


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
