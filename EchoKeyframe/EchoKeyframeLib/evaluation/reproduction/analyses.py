"""Analyses of variance as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .frame_differences import Pairing, Unit
from .statistics import AnalysisOfVariance, Pair, shown_p
from .table import Record, Table

_COLUMNS = ("System", "Measure", "Unit", "Groups (n)", "F", "P", "Pairs that differ (Tukey's HSD, P < 0.05)")


@dataclass(frozen=True)
class Analysed:
    """One analysis: of which system (or of all), of what, and what counts as one observation."""

    system: str
    measure: str
    pairing: Pairing | None
    unit: Unit | str
    analysis: AnalysisOfVariance


def analyses_table(name: str, title: str, analysed: Sequence[Analysed]) -> Table:
    """Markdown rows for the paper's pairing alone, records of everything: a row for each pair of groups."""
    shown = [t for t in analysed if t.pairing is not Pairing.MATCHED]
    rows = tuple((t.system, t.measure, str(t.unit), _groups(t.analysis), *outcome(t.analysis)) for t in shown)
    return Table(name, title, _COLUMNS, rows, analysis_records(analysed))


def outcome(analysis: AnalysisOfVariance) -> tuple[str, str, str]:
    """F, P and the pairs that differ; where the test cannot be made, why."""
    if analysis.f is None:
        return "–", "–", f"not analysed: {analysis.reason}"
    return f"{analysis.f:.3f}", shown_p(analysis.p), differing(analysis) or "none"


def differing(analysis: AnalysisOfVariance) -> str:
    """Pairs of groups that Tukey's HSD tells apart."""
    return ", ".join(f"{p.first} and {p.second} ({_shown_pair_p(p)})" for p in analysis.pairs if p.differs)


def analysis_records(analysed: Sequence[Analysed]) -> tuple[Record, ...]:
    """One record for each pair of groups, or one without a pair where there was no test."""
    return tuple(record for t in analysed for record in _records(t))


def _records(analysed: Analysed) -> list[Record]:
    analysis = analysed.analysis
    between, within = analysis.degrees_of_freedom if analysis.f is not None else (None, None)
    common: Record = {
        "system": analysed.system, "measure": analysed.measure, "pairing": str(analysed.pairing or ""),
        "unit": str(analysed.unit), "groups": _groups(analysis), "df_between": between, "df_within": within,
        "f": analysis.f, "p": analysis.p, "not_analysed": analysis.reason, "left_out": ", ".join(analysis.left_out),
    }  # fmt: skip
    pairs = analysis.pairs or (None,)
    return [common | _pair_cells(pair) for pair in pairs]


def _pair_cells(pair: Pair | None) -> Record:
    names = ("first", "second", "difference", "low", "high", "tukey_p")
    if pair is None:
        return dict.fromkeys(names)
    return dict(zip(names, (pair.first, pair.second, pair.difference, pair.low, pair.high, pair.p), strict=True))


def _groups(analysis: AnalysisOfVariance) -> str:
    compared = [f"{group.name} ({group.n})" for group in analysis.groups]
    return ", ".join([*compared, *(f"{name} (too few)" for name in analysis.left_out)])


def _shown_pair_p(pair: Pair) -> str:
    p = shown_p(pair.p)
    return f"P {p}" if p.startswith("<") else f"P = {p}"
