"""The loops on which a detector is worst, a sheet each: readers' and found frames side by side, both curves.

    python Testing/benchmarks/worst_loops.py CINES [--model fused] [--worst 10] --output DIR

CINES: a folder with labels as ``evaluate`` reads them, or a store of ``phantom``. Loops are ranked by missed and extra
keyframes, then by the mean distance of the others in frames; ``worst.csv`` lists all. A sheet shows the worst keyframes
of a loop, what readers marked above what was found. Curves: readers' keyframes are vertical lines, found ones markers.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from EchoKeyframeLib.cine.sector import Sector
from EchoKeyframeLib.csv_file import write_rows
from EchoKeyframeLib.datasets.open_dataset import open_dataset
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.detector import Detector
from EchoKeyframeLib.detection.keyframes import Detection, Phase
from EchoKeyframeLib.evaluation.clip_score import ClipResult
from EchoKeyframeLib.evaluation.evaluate import Case, case_curves, labelled_cines, score_case, stored_clips
from EchoKeyframeLib.report.figure import BOTTOM, COLORS, LINES, MARKERS, WIDTH, font, pixel_aspect, save, sector_image
from EchoKeyframeLib.training.stores.clip_store import ClipStore, is_store
from matplotlib.axes import Axes
from matplotlib.figure import Figure

MOST_SHOWN = 6
"""Keyframes of a loop."""
COLUMNS = ("rank", "clip", "view", "missed", "extra", "mean_frames_off", "worst")
_SIZE = 7


@dataclass(frozen=True)
class Fault:
    """One keyframe: where readers saw it and where it was found, either None if nowhere."""

    phase: Phase
    labelled: float | None
    found: int | None

    @property
    def off(self) -> float:
        """Frames; infinite for a missed or extra one."""
        return np.inf if self.labelled is None or self.found is None else abs(self.found - self.labelled)

    @property
    def place(self) -> float:
        return self.labelled if self.labelled is not None else float(self.found or 0)

    def __str__(self) -> str:
        if self.labelled is None:
            return f"{self.phase} extra at {self.found}"
        if self.found is None:
            return f"{self.phase} {_shown(self.labelled)} missed"
        return f"{self.phase} {_shown(self.labelled)} found at {self.found}"


@dataclass(frozen=True, eq=False)
class Judged:
    """A loop with its keyframes, each beside the readers'."""

    name: str
    view: str | None
    faults: tuple[Fault, ...]

    @property
    def badness(self) -> tuple[int, float]:
        """Missed and extra keyframes, and the mean distance of the others in frames."""
        off = [fault.off for fault in self.faults]
        near = [distance for distance in off if np.isfinite(distance)]
        return len(off) - len(near), float(np.mean(near)) if near else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cines", type=Path)
    parser.add_argument("--model", default="fused")
    parser.add_argument("--worst", type=int, default=10)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    detector = load_detector(options.model, "cpu")
    for path in write_sheets(options.cines, detector, options.worst, options.output):
        print(path)


def write_sheets(cines: Path, detector: Detector, worst: int, output: Path) -> list[Path]:
    """Judge all loops, write ``worst.csv`` and the sheets of the worst; returns these, the worst first."""
    judged = sorted((judge(case, detector)[0] for case in cases(cines)), key=lambda j: j.badness, reverse=True)
    output.mkdir(parents=True, exist_ok=True)
    write_rows(output / "worst.csv", COLUMNS, (_row(rank, one) for rank, one in enumerate(judged, 1)))
    ranks = {one.name: rank for rank, one in enumerate(judged[:worst], 1)}
    paths = {}
    for case in cases(cines, set(ranks)):
        one, detection, sector = judge(case, detector)
        rank = ranks[one.name]
        paths[rank] = output / f"{rank:02d}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', one.name)}.png"
        save(paths[rank], sheet(case, sector, detection, one, rank))
    return [paths[rank] for rank in sorted(paths)]


def cases(cines: Path, only: set[str] | None = None) -> Iterable[Case]:
    if is_store(cines):
        return stored_clips(ClipStore(cines), only=only)
    labelled = labelled_cines(open_dataset(cines).sound().cines, only)
    return (case for case in labelled if isinstance(case, Case))


def judge(case: Case, detector: Detector) -> tuple[Judged, Detection, Sector]:
    curves, sector, film = case_curves(case, detector)
    detection, result = score_case(case, curves, "beats", sector, film)
    return Judged(result.name, result.view, tuple(faults_of(result))), detection, sector


def faults_of(result: ClipResult) -> Iterable[Fault]:
    for event in result.events:
        found = None if event.error_frames is None else round(event.frame + event.error_frames)
        yield Fault(event.phase, event.frame, found)
    for extra in result.extras:
        yield Fault(extra.phase, None, extra.frame)


def sheet(case: Case, sector: Sector, detection: Detection, judged: Judged, rank: int) -> Figure:
    shown = sorted(sorted(judged.faults, key=lambda f: f.off, reverse=True)[:MOST_SHOWN], key=lambda f: f.place)
    columns = max(4, len(shown))  # or a single frame would be as wide as the page
    tall = WIDTH / columns * min(1.5, sector.box.height * pixel_aspect(case.cine) / sector.box.width) + 0.25
    figure = Figure(figsize=(WIDTH, 2.2 + 2 * tall), layout="constrained")
    grid = figure.add_gridspec(3, columns, height_ratios=[2.2, tall, tall])
    _draw_curves(figure.add_subplot(grid[0, :]), case, detection)
    for column, fault in enumerate(shown):
        _draw_frame(figure.add_subplot(grid[1, column]), case, sector, fault.phase, "readers", fault.labelled)
        _draw_frame(figure.add_subplot(grid[2, column]), case, sector, fault.phase, "found", fault.found)
    wrong, off = judged.badness
    title = f"{rank}. {judged.name} · {judged.view or 'view not known'} · {detection.model} · "
    title += f"{wrong} missed or extra, the others {off:.1f} frames off"
    figure.suptitle(title, fontproperties=font(_SIZE + 1), parse_math=False)
    return figure


def _draw_curves(axes: Axes, case: Case, detection: Detection) -> None:
    frames = np.arange(len(case.cine))
    for phase in Phase:
        color = COLORS[phase]
        axes.plot(frames, detection.curves.of(phase), color=color, linestyle=LINES[phase], linewidth=1.1, label=phase)
        for labelled in case.labels.of(phase):
            if 0 <= labelled <= frames[-1]:
                axes.axvline(labelled, color=color, linestyle=LINES[phase], linewidth=0.8, alpha=0.6)
        found = [k.frame for k in detection.keyframes if k.phase is phase]
        axes.plot(found, detection.curves.of(phase)[found], MARKERS[phase], color=color, markersize=4.5)
    decided = case.labels.decided_frames(len(frames))
    axes.fill_between(frames, BOTTOM, 1.1, where=~decided, color="0.9", step="mid", linewidth=0)
    axes.set_xlim(0, max(1, frames[-1]))
    axes.set_ylim(BOTTOM, 1.1)
    axes.set_xlabel("frame; lines: readers, markers: found, gray: not decided", fontproperties=font(_SIZE))
    axes.tick_params(labelsize=_SIZE)
    axes.legend(prop=font(_SIZE), frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.98), borderpad=0)


def _draw_frame(axes: Axes, case: Case, sector: Sector, phase: Phase, who: str, place: float | None) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=COLORS[phase], linewidth=1.2)
    frame = None if place is None else int(np.clip(round(place), 0, len(case.cine) - 1))
    image = np.full((sector.box.height, sector.box.width), 240) if frame is None else None
    if image is None:
        image = sector_image(case.cine, sector, frame)
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, aspect=pixel_aspect(case.cine))
    told = "none" if place is None else _shown(place)
    axes.set_title(f"{phase}, {who}: {told}", color=COLORS[phase], fontproperties=font(_SIZE), pad=2)


def _shown(frame: float) -> str:
    return f"{round(frame, 1):g}"


def _row(rank: int, judged: Judged) -> dict[str, object]:
    missed = sum(fault.found is None for fault in judged.faults)
    worst: Sequence[Fault] = sorted(judged.faults, key=lambda fault: fault.off, reverse=True)[:MOST_SHOWN]
    return {"rank": rank, "clip": judged.name, "view": judged.view or "", "missed": missed,
            "extra": judged.badness[0] - missed, "mean_frames_off": round(judged.badness[1], 2),
            "worst": "; ".join(map(str, worst))}  # fmt: skip


if __name__ == "__main__":
    main()
