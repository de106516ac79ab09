"""A picture of every real loop: contours found on ED and ES, the volume curve, what is doubted; beside masks, Dice.

    python Testing/benchmarks/contour_sheet.py LOOPS... --output DIR [--masks FOLDER] [--weights FILE]

LOOPS: cines, and folders of them. DIR/NAME.png shows the ED and ES frames of up to two beats with the contour,
the volume of every frame with ED and ES, and what measuring says. FOLDER holds NAME.npz with frames
and masks uint8 ``[T, H, W]``, about 50 frames/s, of loops that somebody else segmented: their outlines are drawn, and
the Dice of each masked frame is told, the correlation of the areas over time, and the ejection fraction of the largest
and the smallest mask, traced and by the masks. DIR/sheet.csv has a line for each loop.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from EchoKeyframeLib.batch.inputs import find_jobs
from EchoKeyframeLib.cine.cine import Cine, CineError, Source
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import Sector, find_sector
from EchoKeyframeLib.csv_file import write_rows
from EchoKeyframeLib.datasets.masks import filled
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.detect import detect
from EchoKeyframeLib.detection.keyframes import Detection, Phase
from EchoKeyframeLib.measurement.automatic.measured_loop import MeasuredLoop
from EchoKeyframeLib.measurement.automatic.tracer import Tracer, load_tracer
from EchoKeyframeLib.measurement.automatic.tracing import LoopTracing
from EchoKeyframeLib.measurement.automatic.volume_curve import VolumeCurve, contour_of
from EchoKeyframeLib.measurement.contour import MeasurementError
from EchoKeyframeLib.measurement.disks import cut
from EchoKeyframeLib.measurement.measure import measure
from EchoKeyframeLib.measurement.segmentation import contour_of_mask
from EchoKeyframeLib.measurement.volume import single_plane
from EchoKeyframeLib.models.registry import CONTOUR_WEIGHTS
from EchoKeyframeLib.report.figure import COLORS, MARKERS, WIDTH, font, pixel_aspect, save, sector_image
from EchoKeyframeLib.report.measurement_figure import OVER_IMAGE
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FRAMES_SHOWN = 4
MASKED_RATE = 50.0
FINER = 4


@dataclass(frozen=True, eq=False)
class Sheet:
    """A loop with all that was found. masks: bool ``[T, H, W]`` or None."""

    cine: Cine
    sector: Sector
    detection: Detection
    tracing: LoopTracing
    curve: VolumeCurve
    said: list[str]
    masks: np.ndarray | None = None


@dataclass(frozen=True)
class BesideMasks:
    """dice: of each masked frame. largest, smallest: places of the largest and the smallest mask among them.
    correlation: of areas over time. fractions: ejection fraction in per cent of these two, traced and by the masks;
    where a mask's base is not flat, its annulus is where the traced one meets it. area_changes: the same of areas. own:
    traced ejection fraction of the frames where the traced area is largest and smallest: extremes that the masks choose
    are theirs, and what is traced there is less extreme."""

    dice: np.ndarray
    largest: int
    smallest: int
    correlation: float
    fractions: tuple[float, float]
    area_changes: tuple[float, float]
    own: float

    @classmethod
    def of(cls, tracing: LoopTracing, masks: np.ndarray, spacing: tuple[float, float] | None = None) -> BesideMasks:
        areas = masks.sum(axis=(1, 2))
        masked = np.flatnonzero(areas)
        fine = {frame: masks[frame].repeat(FINER, axis=0).repeat(FINER, axis=1) for frame in masked}
        found = {frame: _inside(tracing, frame, masks.shape[1:]) for frame in masked}
        dice = [2 * (found[k] & fine[k]).sum() / max(1, found[k].sum() + fine[k].sum()) for k in masked]
        traced = np.array([found[frame].sum() for frame in masked])
        varied = len(masked) > 2 and np.ptp(traced) > 0
        correlation = float(np.corrcoef(traced, areas[masked])[0, 1]) if varied else float("nan")
        ends = int(masked[areas[masked].argmax()]), int(masked[areas[masked].argmin()])
        by_masks = [_volume_of_mask(masks[frame], frame, spacing, tracing) for frame in ends]
        by_tracing = [_volume_traced(tracing, frame, spacing) for frame in ends]
        fractions = tuple(100 * (1 - es / ed) for ed, es in (by_tracing, by_masks))
        places = [int(np.flatnonzero(masked == frame)[0]) for frame in ends]
        own_ends = int(masked[traced.argmax()]), int(masked[traced.argmin()])
        own_ed, own_es = (_volume_traced(tracing, frame, spacing) for frame in own_ends)
        changes = tuple(100 * (1 - a[places[1]] / max(1, a[places[0]])) for a in (traced, areas[masked]))
        return cls(np.array(dice), *places, correlation, fractions, changes, 100 * (1 - own_es / own_ed))

    def line(self) -> str:
        (traced, masks), (area, area_masks) = self.fractions, self.area_changes
        dice = f"Dice {self.dice.mean():.3f} (lowest {self.dice.min():.3f}, largest {self.dice[self.largest]:.3f}, "
        return (f"{dice}smallest {self.dice[self.smallest]:.3f}), correlation of area {self.correlation:.2f}, "
                f"EF {traced:.0f} % (of its own extremes {self.own:.0f} %), masks {masks:.0f} %, "
                f"area change {area:.0f} %, masks {area_masks:.0f} %")  # fmt: skip


def _inside(tracing: LoopTracing, frame: int, size: tuple[int, int]) -> np.ndarray:
    traced = tracing.frames[frame]
    return np.zeros((size[0] * FINER, size[1] * FINER), bool) if traced is None else filled(traced.points, size, FINER)


def _volume_of_mask(
    mask: np.ndarray, frame: int, spacing: tuple[float, float] | None, tracing: LoopTracing
) -> float:
    traced = tracing.frames[frame]
    for annulus in (None, None if traced is None else traced.points[[0, -1]]):
        with suppress(MeasurementError):
            return single_plane(cut(contour_of_mask(mask, Phase.ED, frame, spacing, annulus), spacing))
    return float("nan")


def _volume_traced(tracing: LoopTracing, frame: int, spacing: tuple[float, float] | None) -> float:
    contour = contour_of(tracing.frames[frame])
    try:
        return float("nan") if contour is None else single_plane(cut(contour, spacing))
    except MeasurementError:
        return float("nan")


def sheet_of(cine: Cine, tracer: Tracer, detector, masks: np.ndarray | None = None) -> Sheet:
    sector = find_sector(cine)
    detection = detect(cine, detector, sector=sector)
    tracing = tracer.trace(cine, sector, None, sorted({keyframe.frame for keyframe in detection.keyframes}))
    said = [f"{tracing.apical:.2f} apical", *(doubt.text for doubt in tracing.doubts)]
    try:
        loop = MeasuredLoop.of(cine, sector, detection.beats, tracer)
        measured = measure(loop.view)
        said += [f"beat {beat.beat}: EF {beat.ejection_fraction:.0f} % ({', '.join(beat.unfit) or 'fit'})"
                 for beat in measured.beats]  # fmt: skip
        said += [f"beat {b.beat} refused: {', '.join(b.unfit) or b.reason}" for b in loop.view.refused]
    except MeasurementError as error:
        said.append(str(error))
    return Sheet(cine, sector, detection, tracing, VolumeCurve.of(cine, tracing), said, masks)


def draw(sheet: Sheet) -> Figure:
    frames = _shown(sheet)
    aspect = sheet.sector.box.height * pixel_aspect(sheet.cine) / sheet.sector.box.width
    height = WIDTH / max(2, len(frames)) * min(1.6, aspect)
    figure = Figure(figsize=(WIDTH, height + 3.0), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, max(1, len(frames)), height_ratios=[height, 1.9])
    for column, (phase, frame) in enumerate(frames):
        _draw_frame(figure.add_subplot(grid[0, column]), sheet, phase, frame)
    _draw_curve(figure.add_subplot(grid[1, :]), sheet)
    said = [sheet.cine.source.name, *sheet.said]
    if sheet.masks is not None:
        said.append(BesideMasks.of(sheet.tracing, sheet.masks).line())
    figure.suptitle("\n".join(line[:130] for line in said[:10]), fontproperties=font(7), parse_math=False)
    return figure


def _shown(sheet: Sheet) -> list[tuple[Phase, int]]:
    """ED and ES of the first beats that have both; else the first keyframe of each, or where the volume is extreme."""
    beats = sorted(sheet.detection.beats, key=lambda beat: beat.ed is None)  # those that begin in the clip first
    pairs = [(beat.ed or beat.next_ed, beat.es) for beat in beats]
    both = dict.fromkeys((key.phase, key.frame) for ed, es in pairs if ed and es for key in (ed, es))
    whole = list(both)[:FRAMES_SHOWN]
    if whole:
        return whole
    volume, shown = sheet.curve.volume, []
    for phase, extreme in ((Phase.ED, np.nanargmax), (Phase.ES, np.nanargmin)):
        found = [key.frame for key in sheet.detection.keyframes if key.phase is phase]
        if found or np.isfinite(volume).any():
            shown.append((phase, found[0] if found else int(extreme(volume))))
    return shown or [(Phase.ED, 0)]


def _draw_frame(axes: Axes, sheet: Sheet, phase: Phase, frame: int) -> None:
    box, traced = sheet.sector.box, sheet.tracing.frames[frame]
    image = sector_image(sheet.cine, sheet.sector, frame)
    bright = np.clip(image / max(1.0, np.quantile(image, 0.995)), 0, 1)
    axes.imshow(bright, cmap="gray", vmin=0, vmax=1, aspect=pixel_aspect(sheet.cine), interpolation="bilinear",
                extent=(box.x0 - 0.5, box.x1 - 0.5, box.y1 - 0.5, box.y0 - 0.5))  # fmt: skip
    limits = axes.get_xlim(), axes.get_ylim()
    if traced is not None:
        axes.plot(*traced.points.T, color=OVER_IMAGE[phase], linewidth=0.9)
        axes.plot(*traced.points[[0, -1]].T, ":", color=OVER_IMAGE[phase], linewidth=0.8)
        axes.plot(*traced.apex, "+", color=OVER_IMAGE[phase], markersize=5)
    if sheet.masks is not None:
        outlines, _ = cv2.findContours(sheet.masks[frame].astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for outline in outlines:
            axes.plot(*outline[:, 0, :].T, ":", color="magenta", linewidth=0.9)
    axes.set(xlim=limits[0], ylim=limits[1], xticks=[], yticks=[])
    sure = "no contour" if traced is None else f"{traced.confidence:.2f}"
    axes.set_title(f"{phase} {frame}: {sure}", color=COLORS[phase], fontproperties=font(7), pad=3)


def _draw_curve(axes: Axes, sheet: Sheet) -> None:
    times, volume = sheet.curve.times, 100 * sheet.curve.relative
    axes.plot(times, volume, color="0.3", linewidth=1, label="traced")
    for key in sheet.detection.keyframes:
        axes.plot(key.time, volume[key.frame], MARKERS[key.phase], color=COLORS[key.phase], markersize=4)
    if sheet.masks is not None:
        areas = sheet.masks.sum(axis=(1, 2))
        axes.plot(times, 100 * areas / max(1, areas.max()), ":", color="magenta", linewidth=1, label="area, masks")
        axes.plot(times, 100 * sheet.curve.area / np.nanmax(sheet.curve.area), color="0.7", linewidth=1, label="area")
        axes.legend(prop=font(6), frameon=False)
    axes.set_ylim(0, 105)
    axes.set_xlabel("time (s)", fontproperties=font(7))
    axes.set_ylabel("volume (% of the largest)", fontproperties=font(7))
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def loops(places: list[Path], masks: Path | None) -> Iterator[tuple[str, Cine, np.ndarray | None]]:
    """Name, cine and masks of each loop that can be read; a line for the others."""
    for job in find_jobs(list(map(str, places)), Path())[0] if places else ():
        try:
            cine = read_cine(job.cine)
        except CineError as error:
            print(error)
            continue
        if len(cine) > 1:
            yield job.cine.name, cine, None
    for path in sorted(masks.glob("*.npz")) if masks else ():
        with np.load(path) as stored:
            frames, marked = stored["frames"], stored["masks"] > 0
        yield path.name, Cine(frames, np.arange(len(frames)) / MASKED_RATE, Source(path.name)), marked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loops", nargs="*", type=Path)
    parser.add_argument("--masks", type=Path)
    parser.add_argument("--weights", type=Path, default=CONTOUR_WEIGHTS)
    parser.add_argument("--detector", default="fused")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    tracer, detector = load_tracer("onnxruntime", "cpu", options.weights), load_detector(options.detector)
    print(f"{tracer.name}, {detector.name}")
    rows = []
    for name, cine, masks in loops(options.loops, options.masks):
        sheet = sheet_of(cine, tracer, detector, masks)
        save(options.output / f"{name}.png", draw(sheet))
        row = {"loop": name, "apical": round(sheet.tracing.apical, 2), "said": "; ".join(sheet.said[1:])}
        if masks is not None:
            beside = BesideMasks.of(sheet.tracing, masks)
            traced, true = beside.fractions
            row |= {
                "dice": round(beside.dice.mean(), 3), "lowest": round(beside.dice.min(), 3),
                "correlation": round(beside.correlation, 2), "ef": round(traced, 1), "ef_own": round(beside.own, 1),
                "ef_masks": round(true, 1), "dices": " ".join(f"{one:.3f}" for one in beside.dice),
            }  # fmt: skip
            print(f"{name}: {beside.line()}")
        print(f"{name}: {'; '.join(sheet.said)}", flush=True)
        rows.append(row)
    columns = ("loop", "apical", "said", "dice", "lowest", "correlation", "ef", "ef_own", "ef_masks", "dices")
    write_rows(options.output / "sheet.csv", columns, rows)


if __name__ == "__main__":
    main()
