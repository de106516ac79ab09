"""Figures 8 and 9, matched frames of labels and systems, and figure 10, the clips that went worst."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from matplotlib.figure import Figure

from ...detection.keyframes import Phase
from ...report.figure import WIDTH, font
from ..clip_score import ClipResult, Event
from ..evaluate import Case
from .clip_choice import RULE, median_clip, worst_clips
from .curve_figures import draw_curves
from .frame_strips import KeyframePair, Pictures, Strip, draw_strip, frames_around, pair_up, read_pictures
from .report_figure import SIZE, ReportFigure, empty_figure, plain, shown_name
from .system_runs import ClipRun, SystemRun

FRAMES_EACH = 3
"""Frames around each keyframe in figures 8 and 9, as in the paper."""

ABNORMAL_FRAMES = 8
"""Frames of each clip in figure 10, as in the paper."""

_LEGEND = (
    "Labelled frames are framed in the colour of their phase, detected ones in red; *both*: the labelled frame was "
    "detected."
)

ReadCases = Callable[[set[str]], Iterable[Case | tuple[str, str]]]
"""Opens clips by name once more."""


def frame_figures(systems: Sequence[SystemRun], read: ReadCases, worst: int, data: str) -> list[ReportFigure]:
    """Figures 8 and 10 of the first system, figure 9 of all; what has no clip to show is left out."""
    by_view, by_system = view_strips(systems[0]), system_strips(systems)
    abnormal = {clip.name: (clip, worst_strip(clip)) for clip in worst_clips(systems[0].clips, worst)}
    strips = [*by_view, *by_system, *(strip for _, strip in abnormal.values())]
    pictures = read_pictures(read({strip.clip for strip in strips}), strips)
    name = shown_name(systems[0].name)
    figures: list[ReportFigure] = []

    def add(number: int, title: str, strips: Sequence[Strip], caption: str) -> None:
        title = f"Figure {number}. {title}"
        figures.append(_strips_figure(f"figure-{number}", title, data, strips, pictures, f"{caption} {_LEGEND}"))

    if by_view:
        caption = f"Of each view the clip in the middle of the ranking, its ED and ES of median error. {RULE}"
        add(8, f"Labelled and detected keyframes, {name}", by_view, caption)
    if by_system:
        caption = "Neighbouring keyframes of the clip in the middle of the ranking, by each system."
        add(9, f"The same keyframes of {shown_name(by_system[0].clip)} by every system", by_system, caption)
    if abnormal:
        figures.append(_abnormal_figure(name, list(abnormal.values()), pictures, data))
    return figures


def view_strips(system: SystemRun) -> list[Strip]:
    """For each view the clip in the middle of the ranking: its ED and its ES of median error."""
    strips = []
    for view in system.views:
        clip = median_clip(system.of_view(view))
        if clip is not None:
            events = sorted((_middling(clip.result, phase) for phase in Phase), key=lambda event: event.frame)
            pairs = tuple(pair_up(event, clip, FRAMES_EACH) for event in events)
            strips.append(Strip(clip.name, f"{view}\n{shown_name(clip.name, 24)}", pairs))
    return strips


def system_strips(systems: Sequence[SystemRun]) -> list[Strip]:
    """Three neighbouring keyframes (from an ED where there is one) of one clip, for each system."""
    middle = median_clip(systems[0].clips)
    if middle is None:
        return []
    strips = []
    for system in systems:
        clip = next(clip for clip in system.clips if clip.name == middle.name)
        pairs = tuple(pair_up(event, clip, FRAMES_EACH) for event in _neighbours(clip.result))
        strips.append(Strip(clip.name, shown_name(system.name, 34), pairs))
    return strips


def worst_strip(clip: ClipRun) -> Strip:
    """The keyframe that went most wrong: a missed one, else an extra one, else the one furthest off."""
    missed = [event for event in clip.result.events if event.error_s is None]
    last = len(clip.detection.curves.times) - 1
    if not missed and clip.result.extras:
        extra = clip.result.extras[0]
        pair = KeyframePair(extra.phase, None, extra.frame, frames_around(None, extra.frame, ABNORMAL_FRAMES, last))
    else:
        event = missed[0] if missed else max(clip.result.events, key=lambda e: abs(e.error_s))
        pair = pair_up(event, clip, ABNORMAL_FRAMES)
    return Strip(clip.name, shown_name(clip.name), (pair,))


def _strips_figure(
    name: str, title: str, data: str, strips: Sequence[Strip], pictures: Pictures, caption: str
) -> ReportFigure:
    columns = max(len(pair.frames) for s in strips for pair in s.pairs) * max(len(s.pairs) for s in strips)
    height = sum(_row_height([strip], columns, pictures) for strip in strips)
    figure = empty_figure(0.4 + height, title, data)
    panels = figure.subplots(len(strips), columns, squeeze=False)
    for row, strip in zip(panels, strips, strict=True):
        draw_strip(row, strip, pictures)
    return ReportFigure(name, caption, figure, [record for strip in strips for record in strip.records()])


def _abnormal_figure(
    system: str, clips: Sequence[tuple[ClipRun, Strip]], pictures: Pictures, data: str
) -> ReportFigure:
    heights = [h for _, s in clips for h in (1.3, _row_height([s], ABNORMAL_FRAMES, pictures))]
    figure: Figure = empty_figure(0.4 + sum(heights), f"Figure 10. The worst clips of {system}", data)
    grid = figure.add_gridspec(len(heights), ABNORMAL_FRAMES, height_ratios=heights)
    for i, (clip, strip) in enumerate(clips):
        axes = figure.add_subplot(grid[2 * i, :])
        draw_curves(axes, clip)
        plain(axes, "frame", "probability", f"{strip.title}, {clip.view}: {_what_happened(clip.result)}")
        row = [figure.add_subplot(grid[2 * i + 1, column]) for column in range(ABNORMAL_FRAMES)]
        draw_strip(row, Strip(strip.clip, "", strip.pairs), pictures)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, prop=font(SIZE), frameon=False, ncols=5, loc="outside lower center")
    caption = (
        f"The {len(clips)} clips at the end of the ranking: curves (detected keyframes red, labelled ones as lines) "
        "and frames about the keyframe that went most wrong: a missed one and the nearest detected, an extra one "
        f"alone, or the one furthest off. {RULE} {_LEGEND}"
    )
    return ReportFigure("figure-10", caption, figure, [record for _, s in clips for record in s.records()])


def _row_height(strips: Sequence[Strip], columns: int, pictures: Pictures) -> float:
    """Inches of a row of frames with the words above and below them."""
    shapes = [(image.shape, pictures.aspects[clip]) for (clip, _), image in pictures.images.items()
              if clip in {strip.clip for strip in strips}]  # fmt: skip
    tallest = max((height * aspect / width for (height, width, *_), aspect in shapes), default=1.0)
    return 0.93 * WIDTH / columns * min(tallest, 1.5) + 0.35


def _middling(result: ClipResult, phase: Phase) -> Event:
    """The keyframe of a phase with the median error, missed ones last."""
    events = [event for event in result.events if event.phase is phase]
    events.sort(key=lambda event: math.inf if event.error_s is None else abs(event.error_s))
    return events[(len(events) - 1) // 2]


def _neighbours(result: ClipResult) -> list[Event]:
    events = sorted(result.events, key=lambda event: event.frame)
    starts = [i for i, event in enumerate(events) if event.phase is Phase.ED and i + 3 <= len(events)]
    return events[starts[len(starts) // 2] if starts else 0 :][:3]


def _what_happened(result: ClipResult) -> str:
    missed = sum(event.error_s is None for event in result.events)
    errors = [abs(event.error_frames) for event in result.events if event.error_frames is not None]
    furthest = f", {max(errors):.1f} frames off at most" if errors else ""
    return f"{len(result.events)} labelled, {missed} missed, {len(result.extras)} extra{furthest}"
