"""One-way analysis of variance with Tukey's test behind it, a test for paired values, and words where numbers cannot
be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

SIGNIFICANT = 0.05
"""The paper's level."""

FEWEST = 2
"""Values that a group must have: one has no spread."""

FEWEST_PAIRED = 6
"""Patients below which no paired test can find anything: with fewer, Wilcoxon's P never falls below 0.05."""


@dataclass(frozen=True)
class Group:
    """A group's values in three figures; ``sd`` is the sample's (n - 1), as the test takes it."""

    name: str
    n: int
    mean: float
    sd: float


@dataclass(frozen=True)
class Pair:
    """Tukey's HSD for two groups: difference of means (first - second), its 95 % interval, and P."""

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float

    @property
    def differs(self) -> bool:
        return self.p < SIGNIFICANT


@dataclass(frozen=True)
class AnalysisOfVariance:
    """One-way ANOVA over groups, and Tukey's HSD of all pairs.

    groups: those that were compared. left_out: names of those with fewer than two finite values. f, p: None where the
    test cannot be made; ``reason`` then says why.
    """

    groups: tuple[Group, ...]
    left_out: tuple[str, ...] = ()
    f: float | None = None
    p: float | None = None
    pairs: tuple[Pair, ...] = ()
    reason: str = ""

    @property
    def degrees_of_freedom(self) -> tuple[int, int]:
        """Between and within groups."""
        return len(self.groups) - 1, sum(group.n for group in self.groups) - len(self.groups)


@dataclass(frozen=True)
class PairedTest:
    """Whether systems differ on the same patients: Friedman's test, for two systems Wilcoxon's signed-rank test.

    n: patients (clips whose patient is not known count as one each) on which all systems have a value. statistic, p:
    None where the test cannot be made; ``reason`` then says why.
    """

    name: str
    n: int
    statistic: float | None = None
    p: float | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.p is None:
            return f"not tested: {self.reason}"
        shown = shown_p(self.p)
        return f"{self.name}: P {shown if shown.startswith('<') else f'= {shown}'} (n = {self.n})"


def compare_paired(groups: Sequence[Mapping[str, float]]) -> PairedTest:
    """groups: for each system its value by patient; those that not all have do not count."""
    name = "Friedman" if len(groups) > 2 else "Wilcoxon"
    if len(groups) < 2:
        return PairedTest(name, 0, reason="one system only")
    common = sorted(set.intersection(*(set(group) for group in groups)))
    values = np.array([[group[key] for key in common] for group in groups])
    if len(common) < FEWEST_PAIRED:
        return PairedTest(name, len(common), reason=f"fewer than {FEWEST_PAIRED} patients with values of all systems")
    if not np.ptp(values, axis=0).any():
        return PairedTest(name, len(common), reason="no patient on which the systems differ")
    found = stats.friedmanchisquare(*values) if len(groups) > 2 else stats.wilcoxon(*values)
    return PairedTest(name, len(common), float(found.statistic), float(found.pvalue))


def analyse(groups: Mapping[str, np.ndarray]) -> AnalysisOfVariance:
    """Compare the means of groups of independent values (NaN and infinite ones do not count).

    Equal variances are assumed, as by the paper's tests; groups of unequal size are compared after Tukey and Kramer.
    """
    finite = {name: np.asarray(values, float)[np.isfinite(values)] for name, values in groups.items()}
    used = {name: values for name, values in finite.items() if len(values) >= FEWEST}
    described = tuple(Group(n, len(v), float(v.mean()), float(v.std(ddof=1))) for n, v in used.items())
    left_out = tuple(name for name in finite if name not in used)
    if len(used) < 2:
        return AnalysisOfVariance(described, left_out, reason="fewer than two groups with two values each")
    if not any(group.sd > 0 for group in described):
        return AnalysisOfVariance(described, left_out, reason="no spread within any group")
    f, p = stats.f_oneway(*used.values())
    return AnalysisOfVariance(described, left_out, float(f), float(p), _pairs(used))


def _pairs(groups: Mapping[str, np.ndarray]) -> tuple[Pair, ...]:
    tukey = stats.tukey_hsd(*groups.values())
    interval = tukey.confidence_interval(confidence_level=1 - SIGNIFICANT)
    names = list(groups)
    return tuple(
        Pair(
            names[i],
            names[j],
            float(tukey.statistic[i, j]),
            float(interval.low[i, j]),
            float(interval.high[i, j]),
            float(tukey.pvalue[i, j]),
        )
        for i, j in combinations(range(len(names)), 2)
    )


def shown_p(p: float) -> str:
    """A P value as journals print it."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"
