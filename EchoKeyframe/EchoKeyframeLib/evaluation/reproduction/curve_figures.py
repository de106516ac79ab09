"""Figure 3, target curves of a labelled clip, and figure 6, a system's curves with their keyframes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from ...datasets.labels import ClipLabels
from ...detection.keyframes import Phase
from ...report.figure import COLORS, LINES, MARKERS, font
from ...training.samples.targets import TargetForm, complete_keyframes, target_curves
from .report_figure import FOUND_COLOR, SIZE, ReportFigure, empty_figure, label_lines, plain, shown_name
from .system_runs import ClipRun, SystemRun
from .table import Record

_FORMS = {
    TargetForm.PAPER: "as published: Gaussians with σ = 10 frames",
    TargetForm.BEAT: "relative to the beat: σ = a tenth of the interval",
}


def target_figure(clip: ClipRun, data: str) -> ReportFigure:
    """Figure 3: the target curves of a clip with at least one ED and one ES, virtual keyframes included."""
    frames = len(clip.detection.curves.times)
    ed, es = complete_keyframes(clip.labels.ed, clip.labels.es, frames)
    figure = empty_figure(3.6, f"Figure 3. Target curves of {shown_name(clip.name)}", data)
    records: list[Record] = [{"frame": frame} for frame in range(frames)]
    for axes, (form, words) in zip(figure.subplots(2, 1, sharex=True), _FORMS.items(), strict=True):
        _draw_targets(axes, ed, es, frames, form)
        _shade_undecided(axes, clip.labels.decided_frames(frames))
        plain(axes, "frame" if form is TargetForm.BEAT else "", "target", words)
        curves = target_curves(np.arange(frames), ed, es, form)
        for record, (ed_value, es_value) in zip(records, curves.tolist(), strict=True):
            record |= {f"ed_{form}": ed_value, f"es_{form}": es_value}
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.axes[0].legend(handles, names, prop=font(SIZE), frameon=False, ncols=2, loc="lower right",
                          bbox_to_anchor=(1, 0.98), borderpad=0)  # fmt: skip
    caption = (
        f"The target that a network learns from the labels of one clip of {frames} frames: ED "
        f"{_listed(clip.labels, Phase.ED)}, ES {_listed(clip.labels, Phase.ES)}. Frames outside the clip are virtual "
        "keyframes; the curves there (pale) are not used."
    )
    if not clip.labels.decided_frames(frames).all():
        caption += " Nor are they where it is hatched: the labels do not decide those frames."
    return ReportFigure("figure-3", caption, figure, records)


def curves_figure(systems: Sequence[SystemRun], name: str, data: str) -> ReportFigure:
    """Figure 6: each system's curves of the clip ``name`` with the keyframes read off them, and the labels."""
    figure = empty_figure(0.6 + 1.3 * len(systems), f"Figure 6. Curves and keyframes of {shown_name(name)}", data)
    records: list[Record] = []
    panels = figure.subplots(len(systems), 1, sharex=True, squeeze=False)[:, 0]
    for axes, system in zip(panels, systems, strict=True):
        clip = next(clip for clip in system.clips if clip.name == name)
        draw_curves(axes, clip)
        plain(axes, "frame" if axes is panels[-1] else "", "probability", shown_name(system.name))
        for frame, (ed, es) in enumerate(clip.detection.curves.probability.tolist()):
            found = [key.phase.value for key in clip.detection.keyframes if key.frame == frame]
            records.append({"system": system.name, "frame": frame, "ed": ed, "es": es, "keyframe": " ".join(found)})
    panels[0].legend(prop=font(SIZE), frameon=False, ncols=5, loc="lower right", bbox_to_anchor=(1, 0.98), borderpad=0)
    caption = "Mean curves over all windows, detected keyframes in red, labelled ones as vertical lines."
    return ReportFigure("figure-6", caption, figure, records)


def draw_curves(axes: Axes, clip: ClipRun) -> None:
    """Both curves over frames, with red markers for detected keyframes and lines for labelled ones."""
    curves = clip.detection.curves
    last = len(curves.times) - 1
    for phase in Phase:
        axes.plot(curves.of(phase), color=COLORS[phase], linestyle=LINES[phase], linewidth=1.2, label=str(phase))
        label_lines(axes, phase, [frame for frame in clip.labels.of(phase) if 0 <= frame <= last])
        found = [key.frame for key in clip.detection.keyframes if key.phase is phase]
        axes.plot(found, curves.of(phase)[found], MARKERS[phase], color=FOUND_COLOR, markersize=4, clip_on=False,
                  label=f"{phase} detected")  # fmt: skip
    axes.plot([], [], color="0.5", linewidth=0.8, label="labelled")
    axes.set_xlim(0, max(last, 1))
    axes.set_ylim(-0.03, 1.1)
    axes.set_yticks([0, 0.5, 1])


def _draw_targets(axes: Axes, ed: np.ndarray, es: np.ndarray, frames: int, form: TargetForm) -> None:
    whole = np.arange(np.floor(min(ed[0], es[0], 0)), np.ceil(max(ed[-1], es[-1], frames - 1)) + 0.25, 0.25)
    values = target_curves(whole, ed, es, form)
    inside = (whole >= 0) & (whole <= frames - 1)
    for column, (phase, events) in enumerate(zip(Phase, (ed, es), strict=True)):
        style = {"color": COLORS[phase], "linestyle": LINES[phase]}
        axes.plot(whole, values[:, column], **style, linewidth=1, alpha=0.25)
        axes.plot(whole[inside], values[inside, column], **style, linewidth=1.4, label=str(phase))
        axes.plot(events, np.ones(len(events)), "|", color=COLORS[phase], markersize=8)
    axes.axvspan(whole[0], 0, color="0.95", zorder=-1)
    axes.axvspan(frames - 1, whole[-1], color="0.95", zorder=-1)
    axes.set_xlim(whole[0], whole[-1])
    axes.set_ylim(-0.03, 1.1)
    axes.set_yticks([0, 0.5, 1])


def _shade_undecided(axes: Axes, decided: np.ndarray) -> None:
    """Frames about which the labels say nothing, because only some beats are labelled."""
    if not decided.all():
        axes.fill_between(np.arange(len(decided)), 0, 1, where=~decided, step="mid", hatch="////", facecolor="none",
                          edgecolor="0.8", linewidth=0, transform=axes.get_xaxis_transform(), zorder=-1)  # fmt: skip


def _listed(labels: ClipLabels, phase: Phase) -> str:
    return ", ".join(f"{frame:.4g}" for frame in labels.of(phase))
