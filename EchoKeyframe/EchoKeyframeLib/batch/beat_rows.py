"""What a batch found, row by row, for the table of its beats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ..cine.cine import CineError
from ..report.beat_table import Measured, Row, done_rows, failed_row, measured_cells
from ..report.keyframes_file import read_json, readable
from ..report.measurement_outputs import measurement_paths
from ..report.outputs import SUFFIXES, output_paths
from .inputs import Unreadable, files_below
from .job import Outcome, Status


def beat_rows(
    outcomes: Iterable[Outcome], unreadable: Iterable[Unreadable], output: Path, damaged: Callable[[str, str], None]
) -> Iterator[Row]:
    """Rows of these cines and of whatever earlier runs left below ``output``, in the order of the results' paths; then
    those of folders that could not be read.

    damaged: told the result's path and the reason where a file of an earlier run cannot be used; the others count.

    Results are read back from their files, so that no more than one cine's is held.
    """
    known = {outcome.job.target: outcome for outcome in outcomes if outcome.status is not Status.PASSED_OVER}
    for target in sorted(known.keys() | _results_below(output)):
        outcome, result = known.get(target), readable(target.relative_to(output).as_posix())
        if outcome is not None and outcome.status is Status.FAILED:
            yield failed_row(result, readable(outcome.job.cine.name), readable(outcome.reason))
            continue
        try:
            yield from done_rows(result, read_json(output_paths(target)[0]), _measured(target))
        except CineError as error:
            damaged(result, error.reason)
            yield failed_row(result, readable(target.name), readable(str(error)))
    for name, reason in unreadable:
        yield failed_row("", readable(name), readable(reason))


def _measured(target: Path) -> Measured:
    """What a measurement beside the keyframes tells, if there is one. Raises CineError."""
    path = measurement_paths(target)[0]
    return measured_cells(path) if path.exists() else lambda _: {}


def _results_below(output: Path) -> set[Path]:
    """Targets of results; what cannot be listed has none, and what is half-written lies in a hidden folder."""
    suffix = SUFFIXES[0]
    found = files_below(output, lambda *_: None)
    return {path.with_name(path.name.removesuffix(suffix)) for path in found if path.name.endswith(suffix)}
