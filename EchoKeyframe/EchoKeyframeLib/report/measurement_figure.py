"""NAME.measurement.png: contour, long axis and disks over the ED and ES frames, the volume over time where it is known,
and the numbers beneath."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ..cine.cine import Cine
from ..cine.sector import Sector
from ..detection.keyframes import Phase
from ..measurement.automatic.volume_curve import VolumeCurve
from ..measurement.contour import AUTO, MANUAL
from ..measurement.disks import Disks
from ..measurement.measurement import BeatMeasurement, Measurement
from ..measurement.summary import QUANTITIES, interval_shown
from .figure import COLORS, MARKERS, MOST_NUMBERS, WIDTH, font, pixel_aspect, save, sector_image
from .keyframes_file import readable

OVER_IMAGE = {Phase.ED: "#00FFFF", Phase.ES: "#FFFF00"}
"""ED's cyan and ES's yellow, as the bookmarks have them; bright, for dark images."""

MOST_BEATS = 4
"""Beats whose frames are shown; all are in the table."""
_MARGIN = 0.3
"""Of the contours' size, how much of the image around them is shown."""
_BRIGHTEST = 0.995
"""Part of the pixels that stays below white."""
_SIZE = 8
_ROW, _CURVE = 0.22, 1.9  # inches of a line of the table, and of the volume over time


def write_measurement_figure(
    path: Path, cines: Sequence[tuple[Cine, Sector]], measurement: Measurement, curves: Sequence[VolumeCurve] = ()
) -> None:
    """Draw and write the PNG atomically. Raises OSError."""
    save(path, draw_measurement(cines, measurement, curves))


def draw_measurement(
    cines: Sequence[tuple[Cine, Sector]], measurement: Measurement, curves: Sequence[VolumeCurve] = ()
) -> Figure:
    """The figure: ED and ES of each view of at most ``MOST_BEATS`` beats, and a table; between them the volume of every
    frame, where ``curves`` tell it, one for each view.

    cines: cine and sector of each view, in the order of ``measurement.sources``. Only what lies inside the sector is
    shown: text burned into the image may name the patient.
    """
    beats = _shown(measurement)
    columns = 4 if len(beats) * len(cines) > 1 else 2
    boxes = [_shown_box(measurement, view) for view in range(len(cines))]
    aspect = max(np.ptp(box[:, 1]) * pixel_aspect(cine) / np.ptp(box[:, 0])
                 for box, (cine, _) in zip(boxes, cines, strict=True))  # fmt: skip
    panels = [(beat, view, phase) for beat in beats for view in range(len(cines)) for phase in Phase]
    rows = -(-len(panels) // columns)
    table = _ROW * (len(_table(measurement)) + 2)
    heights = [WIDTH / columns * min(1.6, float(aspect)) + 0.25] * rows + [_CURVE] * bool(curves) + [table]
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.35), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    for place, (beat, view, phase) in enumerate(panels):
        axes = figure.add_subplot(grid[place // columns, place % columns])
        _draw_disks(axes, *cines[view], beat.of(phase).disks[view], boxes[view])
        axes.set_title(_caption(beat, phase, view, measurement, wide=columns == 2), color=COLORS[phase],
                       fontproperties=font(_SIZE - 1), pad=3)  # fmt: skip
    width = columns // max(1, len(curves))
    for view, curve in enumerate(curves):
        draw_volumes(figure.add_subplot(grid[rows, width * view : width * (view + 1)]), curve, measurement, view)
    _draw_table(figure.add_subplot(grid[-1, :]), measurement)
    figure.suptitle(_title(measurement), fontproperties=font(_SIZE + 1), parse_math=False)
    return figure


def draw_volumes(axes: Axes, curve: VolumeCurve, measurement: Measurement, view: int) -> None:
    """The volume of every frame in one plane, and where the measured ED and ES lie on it."""
    volume = curve.volume if curve.calibrated else 100 * curve.relative
    axes.plot(curve.times, volume, color="0.4", linewidth=1)
    for phase in Phase:
        frames = [beat.of(phase).frames[view] for beat in measurement.beats]
        axes.plot(curve.times[frames], volume[frames], MARKERS[phase], color=COLORS[phase], markersize=4.5,
                  label=str(phase), zorder=3)  # fmt: skip
        for frame in frames if len(frames) <= MOST_NUMBERS // 2 else ():
            axes.annotate(str(frame), (curve.times[frame], volume[frame]), xytext=(0, 5), textcoords="offset points",
                          ha="center", color=COLORS[phase], fontproperties=font(_SIZE - 1))  # fmt: skip
    axes.set_ylim(0, 1.18 * max(float(np.nanmax(volume)), 1e-6) if np.isfinite(volume).any() else 1)
    axes.set_xlabel("time (s)", fontproperties=font(_SIZE))
    unit = "mL" if curve.calibrated else "% of the largest"
    axes.set_ylabel(f"volume ({unit})", fontproperties=font(_SIZE))
    axes.tick_params(labelsize=_SIZE)
    axes.spines[["top", "right"]].set_visible(False)


def _shown(measurement: Measurement) -> tuple[BeatMeasurement, ...]:
    """Those whose frames are shown: beats that the means are over first, in their order."""
    others = [beat for beat in measurement.beats if beat not in measurement.taken]
    chosen = [*measurement.taken, *others][:MOST_BEATS]
    return tuple(beat for beat in measurement.beats if beat in chosen)


def _draw_disks(axes: Axes, cine: Cine, sector: Sector, disks: Disks, box: np.ndarray) -> None:
    contour, color = disks.contour, OVER_IMAGE[disks.contour.phase]
    edges = sector.box
    image = sector_image(cine, sector, contour.frame)
    bright = np.clip(image / max(1.0, np.quantile(image, _BRIGHTEST)), 0, 1)  # walls are hard to judge in a dark image
    axes.imshow(bright, cmap="gray", vmin=0, vmax=1, aspect=pixel_aspect(cine),
                extent=(edges.x0 - 0.5, edges.x1 - 0.5, edges.y1 - 0.5, edges.y0 - 0.5), interpolation="bilinear")
    axes.add_collection(LineCollection(disks.chords, colors=color, linewidths=0.4, alpha=0.6))
    axes.plot(*np.transpose([disks.base, disks.apex]), color=color, linewidth=0.8, linestyle=(0, (4, 2)))
    axes.plot(*contour.points.T, color=color, linewidth=1.1)
    axes.plot(*contour.annulus.T, color=color, linewidth=0.8, linestyle=":", marker="o", markersize=2.5)
    axes.set_xlim(*box[:, 0])
    axes.set_ylim(*box[::-1, 1])
    axes.set_facecolor("black")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=COLORS[contour.phase], linewidth=1.5)


def _shown_box(measurement: Measurement, view: int) -> np.ndarray:
    """What of a view's image is shown, the same for all frames: ``[[x0, y0], [x1, y1]]``."""
    disks = [volume.disks[view] for beat in measurement.beats for volume in (beat.ed, beat.es)]
    points = np.concatenate([d.contour.points for d in disks] + [[d.apex] for d in disks])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = _MARGIN * (high - low).max()
    return np.array([low - margin, high + margin])


def _caption(beat: BeatMeasurement, phase: Phase, view: int, measurement: Measurement, wide: bool) -> str:
    disks = beat.of(phase).disks[view]
    volume = beat.of(phase).volume
    parts = [f"frame {disks.contour.frame}"]
    parts += [f"{disks.length:.0f} mm"] if disks.calibrated and (wide or len(measurement.views) > 1) else []
    if len(measurement.views) > 1:
        parts.append(str(measurement.views[view]))
    elif volume is not None:
        parts.append(f"{volume:.0f} mL")
    if disks.contour.source == AUTO and wide:
        parts.append(f"auto {disks.contour.confidence:.2f}")
    return f"{phase} {beat.beat}: {', '.join(parts)}"


def _table(measurement: Measurement) -> list[list[str]]:
    """Head, a line for each beat, mean and standard deviation of several; quantities that no beat has are left out."""
    shown = [q for q in QUANTITIES if measurement.mean(q.attribute) is not None]
    lines = [["", *(f"{q.label.replace(' by ', chr(10))}\n({q.unit})" for q in shown)]]
    for beat in measurement.beats:
        mark = "*" if beat.unfit and beat.source != MANUAL else ""
        lines.append([f"beat {beat.beat}{mark}", *(q.number(getattr(beat, q.attribute)) for q in shown)])
    if len(measurement.beats) > 1:
        lines.append([f"mean of {len(measurement.taken)}", *(q.number(measurement.mean(q.attribute)) for q in shown)])
    if len(measurement.taken) > 1:
        lines.append(["SD", *(q.number(measurement.spread(q.attribute)) for q in shown)])
    return _with_intervals(lines, measurement, [q.attribute for q in shown].index("ejection_fraction") + 2)


def _with_intervals(lines: list[list[str]], measurement: Measurement, place: int) -> list[list[str]]:
    """The table with a column for the 90 % interval of the ejection fraction, where beats have one."""
    intervals = [interval_shown(beat).removesuffix(" %") for beat in measurement.beats]
    if not any(intervals):
        return lines
    cells = ["EF in\n9 of 10\n(%)", *intervals, *[""] * (len(lines) - 1 - len(intervals))]
    return [[*line[:place], cell, *line[place:]] for line, cell in zip(lines, cells, strict=True)]


def _draw_table(axes: Axes, measurement: Measurement) -> None:
    axes.set_axis_off()
    head, *lines = _table(measurement)
    table = axes.table(lines, colLabels=head, loc="center", cellLoc="center", edges="horizontal", bbox=(0, 0, 1, 1))
    table.auto_set_font_size(False)
    for (row, _), cell in table.get_celld().items():
        cell.set_text_props(fontproperties=font(_SIZE - 1))
        cell.set_linewidth(0.5)
        cell.set_height(2 if row == 0 else 1)


def _title(measurement: Measurement) -> str:
    names = [readable(name) for name in measurement.sources]
    short = (name if len(name) <= 36 else f"{name[:22]}…{name[-12:]}" for name in names)
    doubt = "" if measurement.verified else "contours not verified"
    if doubt and any(beat.unfit and beat.source != MANUAL for beat in measurement.beats):
        doubt += ", * doubtful"
    return "  ·  ".join(filter(None, [*short, measurement.method, doubt]))
