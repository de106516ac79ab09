"""NAME.measurement.png: contour, long axis and disks over the ED and ES frames, and the numbers beneath."""

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
from ..measurement.disks import Disks
from ..measurement.measurement import BeatMeasurement, Measurement
from ..measurement.summary import QUANTITIES
from .figure import COLORS, WIDTH, font, pixel_aspect, save, sector_image
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
_ROW = 0.22  # inches a line of the table


def write_measurement_figure(path: Path, cines: Sequence[tuple[Cine, Sector]], measurement: Measurement) -> None:
    """Draw and write the PNG atomically. Raises OSError."""
    save(path, draw_measurement(cines, measurement))


def draw_measurement(cines: Sequence[tuple[Cine, Sector]], measurement: Measurement) -> Figure:
    """The figure: a row for each of at most ``MOST_BEATS`` beats, with ED and ES of each view, and a table.

    cines: cine and sector of each view, in the order of ``measurement.sources``. Only what lies inside the sector is
    shown: text burned into the image may name the patient.
    """
    beats = measurement.beats[:MOST_BEATS]
    columns = 2 * len(cines)
    boxes = [_shown_box(measurement, view) for view in range(len(cines))]
    aspect = max(np.ptp(box[:, 1]) * pixel_aspect(cine) / np.ptp(box[:, 0])
                 for box, (cine, _) in zip(boxes, cines, strict=True))  # fmt: skip
    table = _ROW * (len(measurement.beats) + 3)
    heights = [WIDTH / columns * min(1.6, float(aspect)) + 0.25] * len(beats) + [table]
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.35), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    for row, beat in enumerate(beats):
        for view, (cine, sector) in enumerate(cines):
            for column, volume in enumerate((beat.ed, beat.es)):
                axes = figure.add_subplot(grid[row, 2 * view + column])
                _draw_disks(axes, cine, sector, volume.disks[view], boxes[view])
                axes.set_title(_caption(beat, volume.phase, view, measurement), color=COLORS[volume.phase],
                               fontproperties=font(_SIZE - 1), pad=3)  # fmt: skip
    _draw_table(figure.add_subplot(grid[-1, :]), measurement)
    figure.suptitle(_title(measurement), fontproperties=font(_SIZE + 1), parse_math=False)
    return figure


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


def _caption(beat: BeatMeasurement, phase: Phase, view: int, measurement: Measurement) -> str:
    disks = beat.of(phase).disks[view]
    where = measurement.views[view] if len(measurement.views) > 1 else f"{beat.of(phase).volume:.0f} mL"
    return f"{phase} {beat.beat}: frame {disks.contour.frame}, {disks.length:.0f} mm, {where}"


def _table(measurement: Measurement) -> list[list[str]]:
    """Head, a line for each beat, and their mean if there are several; quantities that no beat has are left out."""
    shown = [q for q in QUANTITIES if measurement.mean(q.attribute) is not None]
    lines = [["", *(f"{q.label.replace(' by ', chr(10))}\n({q.unit})" for q in shown)]]
    for beat in measurement.beats:
        lines.append([f"beat {beat.beat}", *(q.number(getattr(beat, q.attribute)) for q in shown)])
    if len(measurement.beats) > 1:
        lines.append(["mean", *(q.number(measurement.mean(q.attribute)) for q in shown)])
    return lines


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
    return "  ·  ".join([*short, measurement.method])
