"""Figure 7, how far predictions lie from labels by view, and the same as Bland-Altman plots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ...detection.keyframes import Phase
from ...report.figure import COLORS, font
from .frame_differences import Pairing, Unit, differences
from .report_figure import SIZE, ReportFigure, empty_figure, plain, shown_name
from .system_runs import SystemRun
from .table import Record

_SHADES = [colormaps["tab20"](i) for i in (*range(0, 20, 2), *range(1, 20, 2))]
_LEAST_TOP = 5.0
"""Upper end of the paper's axis, in frames."""


def views_figure(systems: Sequence[SystemRun], data: str) -> ReportFigure:
    """Figure 7: \\|detected - true\\| of matched keyframes, one box for each view and system."""
    figure = empty_figure(2.8, "Figure 7. Agreement of detected and labelled keyframes", data)
    records: list[Record] = []
    for axes, phase in zip(figure.subplots(1, 2), Phase, strict=True):
        records += _boxes(axes, systems, phase)
        plain(axes, "", f"AFD ({phase}), frames")
    handles = [Patch(color=_shade(i), label=shown_name(s.name)) for i, s in enumerate(systems)]
    figure.legend(handles=handles, prop=font(SIZE), frameon=False, ncols=min(3, len(systems)),
                  loc="outside lower center")  # fmt: skip
    caption = (
        "Distance between matched labelled and detected keyframes by view. Boxes: quartiles and median; triangles: "
        "means; whiskers: up to 1.5 times the box's height beyond it; dots: single keyframes."
    )
    return ReportFigure("figure-7", caption, figure, records)


def bland_altman_figure(systems: Sequence[SystemRun], data: str) -> ReportFigure:
    """Figure 7, second part: difference against mean of detected and labelled frame, with limits of agreement."""
    figure = empty_figure(0.7 + 1.5 * len(systems), "Figure 7, Bland-Altman: detected minus labelled", data)
    panels = figure.subplots(len(systems), 2, squeeze=False, sharex=True, sharey=True)
    records: list[Record] = []
    for row, system in zip(panels, systems, strict=True):
        for axes, phase in zip(row, Phase, strict=True):
            records.append({"system": system.name, "phase": phase.value} | _bland_altman(axes, system, phase))
            plain(axes, "mean of both, frame" if system is systems[-1] else "", "frames" if phase is Phase.ED else "",
                  f"{phase}, {shown_name(system.name)}")  # fmt: skip
    low, high = panels[0, 0].get_ylim()
    panels[0, 0].set_ylim(low, high + 0.5 * (high - low))  # room for the figures above the points
    caption = (
        "Matched keyframes of all clips. Lines: bias and limits of agreement (bias ± 1.96 SD), which take keyframes "
        "of one clip for independent."
    )
    return ReportFigure("figure-7-bland-altman", caption, figure, records)


def _boxes(axes: Axes, systems: Sequence[SystemRun], phase: Phase) -> list[Record]:
    views = sorted({view for system in systems for view in system.views})
    width = 0.8 / len(systems)
    records: list[Record] = []
    everything: list[np.ndarray] = []
    for i, system in enumerate(systems):
        groups = [differences(system.of_view(v), phase, Pairing.MATCHED, Unit.KEYFRAME) for v in views]
        box = axes.boxplot(
            groups, positions=np.arange(len(views)) + (i - (len(systems) - 1) / 2) * width, widths=0.85 * width,
            patch_artist=True, showmeans=True, manage_ticks=False, medianprops={"color": "black"},
            flierprops={"marker": ".", "markersize": 3, "markeredgecolor": _shade(i)},
            meanprops={"markersize": 4, "markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 0.6},
        )  # fmt: skip
        for patch in box["boxes"]:
            patch.set(facecolor=_shade(i), alpha=0.7, linewidth=0.8)
        records += [_box_record(system.name, v, phase, group) for v, group in zip(views, groups, strict=True)]
        everything += groups
    _limit(axes, everything)
    axes.set_xticks(range(len(views)), [f"{v}\n{_labelled(systems[0], v, phase)} labelled" for v in views])
    return records


def _labelled(system: SystemRun, view: str, phase: Phase) -> int:
    return sum(event.phase is phase for clip in system.of_view(view) for event in clip.result.events)


def _limit(axes: Axes, groups: Sequence[np.ndarray]) -> None:
    """Single keyframes far off must not flatten the boxes; how many lie above is said."""
    quartiles = [np.quantile(group, [0.25, 0.75]) for group in groups if len(group)]
    top = max([_LEAST_TOP, *(2.75 * upper - 1.5 * lower for lower, upper in quartiles)])
    axes.set_ylim(-0.05 * top, top)
    above = sum(int((group > top).sum()) for group in groups)
    if above:
        axes.text(0.99, 0.99, f"{above} above {top:.1f}", transform=axes.transAxes, ha="right", va="top",
                  fontproperties=font(SIZE))  # fmt: skip


def _box_record(system: str, view: str, phase: Phase, values: np.ndarray) -> Record:
    quartiles = np.quantile(values, [0.25, 0.5, 0.75]).tolist() if len(values) else [None] * 3
    return {
        "system": system, "view": view, "phase": phase.value, "n": len(values),
        "mean": float(values.mean()) if len(values) else None,
        **dict(zip(("lower_quartile", "median", "upper_quartile"), quartiles, strict=True)),
        "largest": float(values.max()) if len(values) else None,
    }  # fmt: skip


def _bland_altman(axes: Axes, system: SystemRun, phase: Phase) -> Record:
    events = [event for clip in system.clips for event in clip.result.events if event.phase is phase]
    matched = [event for event in events if event.error_frames is not None]
    error = np.array([event.error_frames for event in matched])
    middle = np.array([event.frame for event in matched]) + error / 2
    axes.plot(middle, error, ".", color=COLORS[phase], markersize=3, alpha=0.5)
    axes.axhline(0, color="0.7", linewidth=0.6, zorder=0)
    record: Record = {"n": len(error), "missed": len(events) - len(error)}
    if len(error) < 2:
        axes.text(0.5, 0.5, "too few", transform=axes.transAxes, ha="center", fontproperties=font(SIZE))
        return record | dict.fromkeys(("bias", "sd", "low", "high"))
    bias, sd = float(error.mean()), float(error.std(ddof=1))
    low, high = bias - 1.96 * sd, bias + 1.96 * sd
    for value, style in ((bias, "-"), (low, "--"), (high, "--")):
        axes.axhline(value, color="black", linewidth=0.8, linestyle=style)
    axes.text(0.02, 0.98, f"n = {len(error)}, missed {record['missed']}\n{bias:+.2f} [{low:.2f}, {high:.2f}]",
              transform=axes.transAxes, va="top", fontproperties=font(SIZE - 1))  # fmt: skip
    return record | {"bias": bias, "sd": sd, "low": low, "high": high}


def _shade(index: int) -> str:
    return _SHADES[index % len(_SHADES)]
