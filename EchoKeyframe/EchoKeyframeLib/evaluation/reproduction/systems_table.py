"""Tables 3 and 4: the systems beside each other, with analysis of variance and Tukey's test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

import numpy as np

from ...detection.keyframes import Phase
from .analyses import Analysed, analysis_records, outcome
from .frame_differences import Pairing, Unit, differences, mean_differences
from .statistics import PairedTest, analyse, compare_paired
from .system_runs import TIMED_FRAMES, TIMED_RATE, SystemRun
from .table import Record, Table, mean_and_sd

MOST_SYSTEMS = len(ascii_uppercase)
"""Systems are told apart by letters, as in the paper."""

@dataclass(frozen=True, eq=False)
class _Line:
    """A line of the table: its analysis, the values behind it by letter, and the test for paired ones where it is one
    over clips."""

    analysed: Analysed
    values: dict[str, np.ndarray]
    paired: PairedTest | None = None


_PAIRINGS = {Pairing.NEAREST: "eq. 4", Pairing.MATCHED: "matched"}


def letters(systems: Sequence[SystemRun]) -> dict[str, str]:
    """A letter for each system, in their order: ``{"A": name}``."""
    return dict(zip(ascii_uppercase, (system.name for system in systems), strict=False))


def systems_table(number: int, systems: Sequence[SystemRun], view: str | None, data: str) -> Table:
    """AFD by phase, pairing and unit of analysis, and inference time, a column for each system.

    number: 3 or 4. systems: on the same clips. view: only clips of it; None: all. data: how many clips of which kind
    all views have together.
    """
    named = dict(zip(ascii_uppercase, systems, strict=False))
    lines = _lines(named, view)
    columns = ("Performance", "Unit", *(f"{letter}: {s.name}" for letter, s in named.items()), "F", "P",
               "Pairs that differ (Tukey's HSD, P < 0.05)", "Same patients")  # fmt: skip
    where = f"{view} view: {len(systems[0].of_view(view))} of" if view else "all views:"
    return Table(
        f"table-{number}",
        f"Table {number}. Detection error and inference time of the systems, {where} {data}",
        columns,
        tuple(map(_row, lines)),
        tuple(record for line in lines for record in _records(line)),
        _notes(systems),
    )


def _lines(named: dict[str, SystemRun], view: str | None) -> list[_Line]:
    lines = []
    for phase in Phase:
        for pairing, word in _PAIRINGS.items():
            for unit in Unit:
                values = {k: differences(s.of_view(view), phase, pairing, unit) for k, s in named.items()}
                analysed = Analysed("all", f"AFD ({phase}), {word}", pairing, unit, analyse(values))
                lines.append(_Line(analysed, values, _paired(named, view, phase, pairing, unit)))
    seconds = {letter: np.array(system.seconds) for letter, system in named.items()}
    lines.append(_Line(Analysed("all", "Inference time (s)", None, "repetition", analyse(seconds)), seconds))
    return lines


def _paired(
    named: dict[str, SystemRun], view: str | None, phase: Phase, pairing: Pairing, unit: Unit
) -> PairedTest | None:
    if unit is not Unit.CLIP:
        return None
    return compare_paired([mean_differences(system.of_view(view), phase, pairing) for system in named.values()])


def _row(line: _Line) -> tuple[str, ...]:
    analysed = line.analysed
    digits = 2 if analysed.pairing else 4
    cells = [f"{mean_and_sd(*_moments(v), digits)} (n = {len(v)})" for v in line.values.values()]
    return (analysed.measure, str(analysed.unit), *cells, *outcome(analysed.analysis), str(line.paired or "–"))


def _records(line: _Line) -> list[Record]:
    cells: Record = {}
    for letter, group in line.values.items():
        mean, sd = _moments(group)
        cells |= {f"{letter}_mean": mean, f"{letter}_sd": sd, f"{letter}_n": len(group)}
    test = line.paired
    names = ("paired_test", "paired_n", "paired_statistic", "paired_p", "paired_not_tested")
    values = ("", None, None, None, "") if test is None else (test.name, test.n, test.statistic, test.p, test.reason)
    cells |= dict(zip(names, values, strict=True))
    return [record | cells for record in analysis_records([replace(line.analysed, system=", ".join(line.values))])]


def _moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of the population (eq. 5)."""
    return (float(values.mean()), float(values.std())) if len(values) else (float("nan"), float("nan"))


def _notes(systems: Sequence[SystemRun]) -> tuple[str, ...]:
    devices = ", ".join(sorted({system.device for system in systems}))
    return (
        "AFD in frames, mean ± SD: *eq. 4* takes the nearest detection of the phase however far, *matched* leaves "
        "missed keyframes out. *Unit*: what counts as one observation. Keyframes of one clip err together, so the "
        "tests over keyframes, which the paper seems to make, find differences too easily; those over clips do not.",
        "All systems saw the same clips, of which one-way ANOVA, the paper's test, takes no account. *Same patients*: "
        "Friedman's test (two systems: Wilcoxon's signed-rank test) over the mean error of each patient, or of each "
        "clip where patients are not known.",
        f"Inference time: {TIMED_FRAMES} frames from pixels to curves on {devices}, repeated, the "
        f"systems taking turns; frames are taken to come at {TIMED_RATE:g}/s. SD and P over repetitions of one "
        "sequence on one machine, with whatever else it did.",
    )
