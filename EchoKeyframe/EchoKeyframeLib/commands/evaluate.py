"""``echokeyframe evaluate``: how well detectors agree with labelled keyframes."""

from __future__ import annotations

import argparse
import re
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError
from .labelled_data import LabelledData, add_data
from .options import add_debug, add_device, count, load_detectors

if TYPE_CHECKING:
    from ..detection.detector import Detector
    from ..evaluation.evaluate import Evaluation

DECODERS = ("beats", "maxima")


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "evaluate", help="compare detectors with labelled cines",
        description="Compares what detectors find with labels: missed and extra keyframes, AFD (average frame "
        "difference), bias, precision, recall, F1, and the paper's figures. Writes comparison.md and .csv, and for "
        "each detector and decoder a folder with tables by view, heart rate and frame rate and all keyframes.",
    )  # fmt: skip
    add_data(parser)
    parser.add_argument("--model", nargs="+", metavar="NAME|FILE", help="detectors by name, or weights files")
    parser.add_argument("--decoder", choices=(*DECODERS, "both"), default="beats",
                        help="whole sequence at once (default), every local maximum as in the paper, or both")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the tables, made if need be")
    parser.add_argument("--clips", type=count, metavar="N", help="only the first so many")
    add_device(parser)
    add_debug(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a table of all detectors; 1 if a cine could not be evaluated. Raises UsageError before any work."""
    from ..cine.cine import CineError
    from ..detection.catalogue import DEFAULT_MODEL
    from ..evaluation.report import comparison

    data, output = LabelledData.of(options), Path(options.output)
    try:
        detectors = load_detectors(options.model or [DEFAULT_MODEL], options.device)
        number, title = data.extent(options.clips)
        output.mkdir(parents=True, exist_ok=True)
    except CineError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"--output {options.output!r}: {error.strerror}") from error
    evaluations = _evaluate(data, number, title, detectors, options)
    print(comparison(evaluations))
    _write(evaluations, output)
    failures = list(dict.fromkeys(failure for e in evaluations for failure in e.failures))
    if failures:
        print(f"{len(failures)} not evaluated:", *(reason for _, reason in failures), sep="\n  ", file=sys.stderr)
    return 1 if failures else 0


def _evaluate(
    data: LabelledData, number: int, title: str, detectors: list[Detector], options: argparse.Namespace
) -> list[Evaluation]:
    from tqdm import tqdm

    from ..evaluation.evaluate import evaluate

    decoders = DECODERS if options.decoder == "both" else (options.decoder,)
    evaluations: list[Evaluation] = []
    with tqdm(total=number * len(detectors), unit="clip", disable=None) as bar:
        for detector in detectors:
            cases = islice(data.cases(), number)
            evaluations += evaluate(cases, detector, decoders, title, lambda _: bar.update())
    return evaluations


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
