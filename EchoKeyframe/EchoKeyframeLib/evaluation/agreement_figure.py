"""Ejection fractions that were found over the true ones, and the same as a Bland-Altman plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..detection.keyframes import Phase
from ..report.figure import COLORS, font
from .agreement import Agreement
from .reproduction.report_figure import SIZE, empty_figure, plain

_HEIGHT = 3.0  # inches of a row
_HIGHEST = 90.0
"""Per cent: no ventricle ejects more. What was found beyond is drawn at the edge, and counted in the figures."""
_REACH = 45.0
"""Points of difference that are shown."""


@dataclass(frozen=True, eq=False)
class FractionPairs:
    """A row of the figure. name: of the comparison. found, true: ejection fractions in per cent. doubted: bool, of
    pairs that are drawn hollow, for what was found is doubted; all count."""

    name: str
    found: np.ndarray
    true: np.ndarray
    doubted: np.ndarray

    @classmethod
    def of(cls, name: str, found: Sequence[float], true: Sequence[float], doubted: Sequence[bool]) -> FractionPairs:
        """Without pairs that are not finite."""
        values = np.array([found, true], np.float64).reshape(2, -1)
        kept = np.isfinite(values).all(axis=0)
        return cls(name, *values[:, kept], np.array(doubted, bool)[kept])

    @property
    def agreement(self) -> Agreement:
        return Agreement.of(self.found, self.true)


def draw_agreement(rows: Sequence[FractionPairs], title: str, data: str) -> Figure:
    """Each comparison: found over true with the line on which both are the same, and difference over mean with bias
    and limits of agreement."""
    figure = empty_figure(0.4 + _HEIGHT * max(1, len(rows)), title, data)
    for (left, right), pairs in zip(figure.subplots(max(1, len(rows)), 2, squeeze=False), rows, strict=False):
        _draw_scatter(left, pairs)
        _draw_differences(right, pairs)
    return figure


def _draw_scatter(axes: Axes, pairs: FractionPairs) -> None:
    axes.plot([0, _HIGHEST], [0, _HIGHEST], color="0.7", linewidth=0.8, zorder=0)
    _points(axes, pairs, pairs.true, np.clip(pairs.found, 0, _HIGHEST))
    axes.set(xlim=(0, _HIGHEST), ylim=(0, _HIGHEST), aspect="equal")
    plain(axes, "true ejection fraction (%)", "found (%)", pairs.name)
    beyond = int(((pairs.found < 0) | (pairs.found > _HIGHEST)).sum())
    shown = pairs.agreement
    lines = [f"n = {shown.n}, r = {shown.r:.2f}", f"mean error {shown.mae:.1f} points"]
    lines += [f"{beyond} beyond the axis"] if beyond else []
    axes.text(0.03, 0.97, "\n".join(lines), transform=axes.transAxes, va="top", fontproperties=font(SIZE - 1))


def _draw_differences(axes: Axes, pairs: FractionPairs) -> None:
    shown = pairs.agreement
    error = pairs.found - pairs.true
    axes.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    _points(axes, pairs, np.clip((pairs.found + pairs.true) / 2, 0, _HIGHEST), np.clip(error, -_REACH, _REACH))
    for value, style in ((shown.bias, "-"), (shown.low, "--"), (shown.high, "--")):
        if np.isfinite(value):
            axes.axhline(value, color="black", linewidth=0.8, linestyle=style)
    axes.set(xlim=(0, _HIGHEST), ylim=(-_REACH, _REACH))
    plain(axes, "mean of both (%)", "found less true (points)")
    axes.text(0.03, 0.97, f"bias {shown.bias:+.1f}, limits of agreement {shown.low:+.1f} to {shown.high:+.1f}",
              transform=axes.transAxes, va="top", fontproperties=font(SIZE - 1))  # fmt: skip


def _points(axes: Axes, pairs: FractionPairs, x: np.ndarray, y: np.ndarray) -> None:
    color = COLORS[Phase.ED]
    for chosen, filled in ((~pairs.doubted, color), (pairs.doubted, "none")):
        axes.scatter(x[chosen], y[chosen], s=9, alpha=0.6, facecolors=filled, edgecolors=color, linewidths=0.6,
                     clip_on=False)  # fmt: skip
