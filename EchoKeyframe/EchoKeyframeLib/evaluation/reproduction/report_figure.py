"""What the figures of the report have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...detection.keyframes import Phase
from ...report.figure import COLORS, LINES, WIDTH, font
from ...report.keyframes_file import readable
from .table import Record

FOUND_COLOR = "#C00000"
"""Detected keyframes, red as in the paper's figure 6."""

SIZE = 8
"""Points of all lettering."""


@dataclass(frozen=True, eq=False)
class ReportFigure:
    """name: of its files, without suffix. caption: a sentence or two beneath it. records: the numbers in it."""

    name: str
    caption: str
    figure: Figure
    records: Sequence[Record]


def empty_figure(height: float, title: str, data: str) -> Figure:
    """A figure as wide as a page, ``height`` inches high, with what it shows and on which data above it."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{title}  ·  {data}", fontproperties=font(SIZE + 1), parse_math=False)
    return figure


def plain(axes: Axes, x_label: str = "", y_label: str = "", title: str = "") -> None:
    """Lettering of one size and no box around the axes."""
    axes.set_xlabel(x_label, fontproperties=font(SIZE))
    axes.set_ylabel(y_label, fontproperties=font(SIZE))
    axes.set_title(title, fontproperties=font(SIZE), loc="left", pad=4, parse_math=False)
    axes.tick_params(labelsize=SIZE)
    axes.spines[["top", "right"]].set_visible(False)


def label_lines(axes: Axes, phase: Phase, frames: Sequence[float]) -> None:
    """A vertical line at each labelled keyframe of a phase."""
    for frame in frames:
        axes.axvline(frame, color=COLORS[phase], linewidth=0.8, linestyle=LINES[phase], alpha=0.6, zorder=0)


def shown_name(name: str, most: int = 40) -> str:
    """A clip's or a system's name, short enough for a title."""
    name = readable(name)
    return name if len(name) <= most else f"{name[: most - 13]}…{name[-12:]}"
