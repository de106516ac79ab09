"""NAME.png: the probability curves with their keyframes, and the ED and ES frames of the beats beneath."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font_names
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox
from PIL import Image

from ..atomic_file import written_atomically
from ..cine.cine import Cine
from ..cine.orientation import Orientation
from ..cine.sector import Sector
from ..detection.keyframes import Beat, Detection, Keyframe, Phase
from .keyframes_file import readable

COLORS = {Phase.ED: "#007C91", Phase.ES: "#C77700"}
"""ED's cyan and ES's yellow, dark enough for white paper. Blue against orange: told apart by any colour vision, and
the dash pattern and the marker tell them apart without colour."""
LINES = {Phase.ED: "-", Phase.ES: (0, (4, 1.5))}
MARKERS = {Phase.ED: "o", Phase.ES: "v"}

MOST_BEATS = 4
"""Beats whose frames are shown; more would be too small to see valve leaflets."""
MOST_NUMBERS = 24
"""Keyframes up to which each marker carries its frame number."""
WIDTH = 7.2
"""Inches: two columns of a journal page."""
DPI = 200
_COMPRESSION = 4
"""Of zlib: two thirds of its usual level's time, for a file 6 % larger."""
BOTTOM = -0.03
"""Lower end of the probability axis, so that a curve at 0 can be seen."""

_SCRIPTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "Microsoft YaHei", "Yu Gothic", "PingFang SC", "Hiragino Sans",
            "Arial Unicode MS")
_SIZE = 8

# Inches. Laid out by hand: Matplotlib's own layout measures every text and takes longer than drawing them.
_LEFT, _RIGHT, _GAP = 0.48, 0.05, 0.1
_TITLE, _LEGEND, _CURVES, _TIME, _CAPTION = 0.27, 0.15, 1.6, 0.4, 0.2


def write_figure(path: Path, cine: Cine, sector: Sector, detection: Detection) -> None:
    """Draw and write the PNG atomically. Raises OSError."""
    save(path, draw(cine, sector, detection))


def save(path: Path, figure: Figure) -> None:
    """Write a PNG atomically. Raises OSError."""
    with written_atomically(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        _picture(figure).save(temporary, "PNG", dpi=(DPI, DPI), compress_level=_COMPRESSION)


def _picture(figure: Figure) -> Image.Image:
    """The figure drawn at ``DPI``: what ``savefig`` does, which draws all of it twice to lay it out."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3]))


def draw(cine: Cine, sector: Sector, detection: Detection) -> Figure:
    """The figure: curves over time, keyframes marked, and the frames of at most ``MOST_BEATS`` beats.

    Only what lies inside the scan sector is shown: text burned into the image may name the patient.
    """
    beats = [beat for beat in detection.beats if beat.ed or beat.es]
    shown = _evenly(beats, MOST_BEATS)
    rows = _rows(shown)
    columns = max(2, *map(len, rows)) if rows else 1  # a single frame as wide as the page would be too tall
    aspect = sector.box.height * pixel_aspect(cine) / sector.box.width
    across = WIDTH - _LEFT - _RIGHT
    width = (across - _GAP * (columns - 1)) / columns
    height = width * min(1.5, aspect)
    above, below = _TITLE + _LEGEND, (_CAPTION + height) * len(rows)
    figure = Figure(figsize=(WIDTH, above + _CURVES + _TIME + below + _RIGHT))
    FigureCanvasAgg(figure)
    _draw_curves(_axes(figure, above, across, _CURVES), detection)
    if rows:
        axes = _axes(figure, above + _CURVES + _TIME, across, below)
        axes.set_axis_off()
        for row, cells in enumerate(rows):
            for column, (phase, beat) in enumerate(cells):
                place = Bbox.from_bounds((width + _GAP) * column, (_CAPTION + height) * row + _CAPTION, width, height)
                _draw_frame(axes, place, cine, sector, phase, beat)
        axes.set(xlim=(0, across), ylim=(below, 0))
    title = _title(cine, detection, len(shown), len(beats))
    figure.suptitle(title, y=1 - 0.05 / figure.get_figheight(), fontproperties=font(_SIZE + 1), parse_math=False)
    return figure


def _axes(figure: Figure, top: float, width: float, height: float) -> Axes:
    """Axes by inches; top: from the figure's upper edge down to theirs."""
    page, tall = figure.get_size_inches()
    return figure.add_axes((_LEFT / page, 1 - (top + height) / tall, width / page, height / tall))


def _draw_curves(axes: Axes, detection: Detection) -> None:
    curves = detection.curves
    for phase in Phase:
        keys = [k for k in detection.keyframes if k.phase is phase]
        axes.plot(curves.times, curves.of(phase), color=COLORS[phase], linestyle=LINES[phase], linewidth=1.2,
                  label=f"{phase} ({len(keys)})")
        if keys:
            _mark(axes, phase, keys, curves.of(phase)[[k.frame for k in keys]],
                  len(detection.keyframes) <= MOST_NUMBERS)  # fmt: skip
    if len(curves.times) > 1:
        axes.set_xlim(curves.times[0], curves.times[-1])
        axes.margins(x=0.01)
    axes.set_ylim(BOTTOM, 1.18)
    axes.set_yticks([0, 0.5, 1])
    axes.set_xlabel("time (s)", fontproperties=font(_SIZE))
    axes.set_ylabel("probability", fontproperties=font(_SIZE))
    axes.tick_params(labelsize=_SIZE)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(prop=font(_SIZE), frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.98), borderpad=0)


def _mark(axes: Axes, phase: Phase, keys: list[Keyframe], heights: np.ndarray, numbered: bool) -> None:
    """Markers on a curve, hollow at the clip's edge, on lines from below, with the frame numbers above them."""
    color, times, edge = COLORS[phase], np.array([key.time for key in keys]), np.array([key.at_edge for key in keys])
    axes.vlines(times, BOTTOM, heights, color=color, linewidth=0.5, alpha=0.4, linestyle=LINES[phase])
    for among, filling in ((edge, "white"), (~edge, color)):
        if among.any():
            axes.plot(times[among], heights[among], MARKERS[phase], color=color, markersize=4.5, clip_on=False,
                      zorder=3, markerfacecolor=filling)  # fmt: skip
    for key, height in zip(keys, heights.tolist(), strict=True) if numbered else ():
        # Beside the axis, not on it, where the curve begins.
        shift, align = (3, "left") if key.frame == 0 else (0, "center")
        axes.annotate(str(key.frame), (key.time, height), xytext=(shift, 5), textcoords="offset points", ha=align,
                      color=color, fontproperties=font(_SIZE - 1), annotation_clip=False)


def _draw_frame(axes: Axes, place: Bbox, cine: Cine, sector: Sector, phase: Phase, beat: Beat) -> None:
    """A beat's ED or ES at a place of axes in inches: all frames in the same axes, each of which takes its time."""
    keyframe, color, middle = _keyframe(beat, phase), COLORS[phase], (place.x0 + place.x1) / 2
    if keyframe is None:
        title = f"{phase} {beat.number}"
        axes.text(middle, (place.y0 + place.y1) / 2, "not in the clip", ha="center", va="center", color="0.4",
                  fontproperties=font(_SIZE))  # fmt: skip
        shown, filling = place, "0.95"  # as large as the frames beside it
    else:
        doubts = [word for word, holds in (("edge", keyframe.at_edge), ("degraded", keyframe.degraded)) if holds]
        doubt = f" ({', '.join(doubts)})" if doubts else ""
        title = f"{phase} {beat.number}: frame {keyframe.frame}, {keyframe.time:.3f} s{doubt}"
        image = sector_image(cine, sector, keyframe.frame)
        shown, filling = _within(place, image.shape[0] * pixel_aspect(cine) / image.shape[1]), "none"
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, aspect="auto", interpolation="bilinear", label=title,
                    extent=(shown.x0, shown.x1, shown.y1, shown.y0))  # fmt: skip
    axes.add_patch(Rectangle(shown.p0, shown.width, shown.height, facecolor=filling, edgecolor=color, linewidth=1.5,
                             clip_on=False, zorder=0 if keyframe is None else 2))  # fmt: skip
    axes.text(middle, place.y0 - 0.04, title, ha="center", va="bottom", color=color, fontproperties=font(_SIZE - 1))


def _within(place: Bbox, aspect: float) -> Bbox:
    """The largest box of this height over width in the middle of a place."""
    width = min(place.width, place.height / aspect)
    return Bbox.from_bounds(place.x0 + (place.width - width) / 2, place.y0, width, width * aspect)


def sector_image(cine: Cine, sector: Sector, frame: int) -> np.ndarray:
    """One frame, uint8 ``[h, w]`` or ``[h, w, 3]`` of the sector's box, black outside the sector: text burned into the
    image may name the patient."""
    image = cine.frames[frame][sector.box.slices].copy()
    image[~sector.mask[sector.box.slices]] = 0
    return image


def _title(cine: Cine, detection: Detection, shown: int, beats: int) -> str:
    name = readable(cine.source.name)
    parts = [name if len(name) <= 48 else f"{name[:30]}…{name[-16:]}", detection.model]
    if detection.heart_rate:
        parts.append(f"{detection.heart_rate:.0f} beats/min")
    if detection.orientation is Orientation.APEX_DOWN:
        parts.append(detection.orientation)
    if shown < beats:
        parts.append(f"{shown} of {beats} beats shown")
    return "  ·  ".join(parts)


def _rows(beats: list[Beat]) -> list[list[tuple[Phase, Beat]]]:
    """What each row of frames shows: one or two beats in a row of what there is of them, more with ED above ES."""
    if len(beats) > 2:
        return [[(phase, beat) for beat in beats] for phase in Phase]
    row = [(phase, beat) for beat in beats for phase in Phase if _keyframe(beat, phase)]
    return [row] if row else []


def _keyframe(beat: Beat, phase: Phase) -> Keyframe | None:
    return beat.ed if phase is Phase.ED else beat.es


def _evenly(beats: list[Beat], most: int) -> list[Beat]:
    """At most ``most`` beats, evenly spread; those fit for measurement first."""
    measurable = [beat for beat in beats if beat.measurable]
    if len(measurable) >= min(most, len(beats)):
        beats = measurable
    chosen = np.linspace(0, len(beats) - 1, min(most, len(beats))).round().astype(int)
    return [beats[i] for i in chosen]


def pixel_aspect(cine: Cine) -> float:
    """Height of a pixel over its width."""
    return cine.spacing[0] / cine.spacing[1] if cine.spacing else 1.0


@cache
def font(size: float) -> FontProperties:
    """DejaVu Sans, and behind it whatever this machine has for file names in other scripts."""
    installed = set(get_font_names())
    return FontProperties(family=["DejaVu Sans", *(name for name in _SCRIPTS if name in installed)], size=size)
