"""Real clips beside simulated ones: a page of frames (PNG) and a table of statistics on both.

Run: ECHOKEYFRAME_DATA=<folder of labelled clips> python Testing/benchmarks/real_beside_simulated.py --page page.png
Without the folder, pydicom's own clip is the only real one.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from EchoKeyframeLib.cine.prepare import prepare
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.simulator.config import PhantomConfig
from EchoKeyframeLib.simulator.phantom import simulate
from pydicom.examples import get_path

SIZE = 112


@dataclass(frozen=True)
class Clip:
    """frames uint8 ``[T, S, S]``, mask of the sector bool ``[S, S]``, cycle length in frames."""

    name: str
    frames: np.ndarray
    mask: np.ndarray
    cycle: float
    fps: float


def real_clips() -> list[Clip]:
    """The labelled clips of the folder ECHOKEYFRAME_DATA and pydicom's."""
    folder = Path(os.environ.get("ECHOKEYFRAME_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    listed = json.loads((folder / "labels.json").read_text()) if (folder / "labels.json").exists() else []
    clips = []
    for entry in listed or [{"file": "examples_ybr_color.dcm", "fps": 30, "ed": [21], "es": [5]}]:
        path = folder / entry["file"]
        cine = read_cine(path if path.exists() else get_path("ybr_color"), fps=entry["fps"])
        sector = find_sector(cine)
        mask = prepare(_still(cine, sector.mask), sector, SIZE)[0] > 127
        clips.append(Clip(entry["file"], prepare(cine, sector, SIZE), mask, _cycle(entry), entry["fps"]))
    return clips


def _still(cine, mask: np.ndarray):
    """The sector's mask as a cine of one white frame, to be prepared as the frames are."""
    white = np.where(mask, 255, 0).astype(np.uint8)[None]
    return replace(cine, frames=white, times=cine.times[:1])


def _cycle(entry: dict) -> float:
    """Frames a beat: between labelled ED, else twice the time from ES to ED."""
    ed, es = entry["ed"], entry["es"]
    return float(np.mean(np.diff(ed))) if len(ed) > 1 else 1.7 * abs(ed[0] - es[0])


def simulated_clips(count: int, views: tuple[str, ...]) -> list[Clip]:
    batch = simulate(range(1000, 1000 + count), PhantomConfig(views=views))
    clips = []
    for i, frames in enumerate(batch.frames.numpy()):
        mask = cv2.morphologyEx(frames.max(0), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)) > 3
        cycle = batch.fps[i] * 60 / batch.heart_rate[i]
        name = f"{batch.view[i]} EF {batch.ejection_fraction[i]:.0f} HR {batch.heart_rate[i]:.0f}"
        clips.append(Clip(name, frames, mask, cycle, batch.fps[i]))
    return clips


def statistics(clip: Clip) -> dict[str, float]:
    """Figures of one clip; correlations are of the gray levels less their local mean over 9x9 pixels."""
    frames, mask = clip.frames.astype(np.float32), clip.mask
    inner = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    fine = np.stack([f - cv2.blur(f, (9, 9)) for f in frames[::4]])
    values = frames[:, inner]
    step = max(1, round(clip.fps / 25))
    change = np.abs(values[step:] - values[:-step]).mean() / (values.std() + 1e-6)
    later = [np.corrcoef(a, b)[0, 1] for a, b in zip(values[:-step], values[step:], strict=True)]
    return {
        "mean gray": values.mean(),
        "share under 10": (values < 10).mean(),
        "share over 200": (values > 200).mean(),
        "axial speckle corr.": _neighbours(fine, inner, 0),
        "lateral speckle corr.": _neighbours(fine, inner, 1),
        "change in 40 ms / spread": change,
        "corr. after 40 ms": float(np.mean(later)),
        "displacement a beat, px": _displacement(clip, inner),
    }


def _neighbours(fine: np.ndarray, inner: np.ndarray, axis: int) -> float:
    """Correlation of pixels with their neighbours along an axis."""
    one, other = (np.s_[:, :-1], np.s_[:, 1:]) if axis == 0 else (np.s_[:, :, :-1], np.s_[:, :, 1:])
    both = inner[one[1:]] & inner[other[1:]]
    return float(np.corrcoef(fine[one][:, both].ravel(), fine[other][:, both].ravel())[0, 1])


def _displacement(clip: Clip, inner: np.ndarray) -> float:
    """Path in a beat by Farneback flow, averaged over the sector with the gray level as weight."""
    speeds = []
    for before, after in zip(clip.frames[:-1], clip.frames[1:], strict=True):
        flow = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 2, 13, 2, 5, 1.1, 0)
        weight = cv2.blur(before.astype(np.float32), (5, 5)) * inner + 1e-6
        speeds.append((np.hypot(flow[..., 0], flow[..., 1]) * weight).sum() / weight.sum())
    return float(np.mean(speeds) * clip.cycle)


def histogram_distance(real: list[Clip], simulated: list[Clip]) -> float:
    """Earth mover's distance between the pooled gray histograms, in gray levels."""
    cumulated = []
    for clips in (real, simulated):
        parts = [np.bincount(c.frames[:, c.mask].ravel(), minlength=256) / c.frames[:, c.mask].size for c in clips]
        cumulated.append(np.cumsum(np.mean(parts, 0)))
    return float(np.abs(cumulated[0] - cumulated[1]).sum())


def page(real: list[Clip], simulated: list[Clip], columns: int) -> np.ndarray:
    """A row of frames for each real clip, then one frame of each simulated one."""
    shown = [(f"real: {c.name}", c.frames[len(c.frames) * k // columns]) for c in real for k in range(columns)]
    shown += [(c.name, c.frames[len(c.frames) // 3]) for c in simulated]
    tiles = []
    for name, frame in shown:
        tile = cv2.resize(frame, (224, 224), interpolation=cv2.INTER_LINEAR)
        tiles.append(cv2.putText(tile, name[:28], (3, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 255))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=None, help="PNG or JPEG to write")
    parser.add_argument(
        "--real", action=argparse.BooleanOptionalAction, default=True, help="show real clips on the page"
    )
    parser.add_argument("--clips", type=int, default=24, help="simulated clips")
    parser.add_argument("--views", nargs="+", default=["A4C", "A2C", "A3C", "PLAX"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    real, simulated = real_clips(), simulated_clips(options.clips, tuple(options.views))
    figures = [[statistics(c) for c in clips] for clips in (real, simulated)]
    names = [c.name for c in real]
    print(f"{'':26s} simulated median (10..90 %)    real median   " + "  ".join(f"{n[:14]:>14s}" for n in names))
    for key in figures[0][0]:
        true, made = [f[key] for f in figures[0]], [f[key] for f in figures[1]]
        low, middle, high = np.percentile(made, [10, 50, 90])
        each = "  ".join(f"{v:14.2f}" for v in true)
        print(f"{key:26s} {middle:8.2f} ({low:6.2f} ..{high:7.2f})   {np.median(true):11.2f}   {each}")
    print(f"gray histogram distance: {histogram_distance(real, simulated):.1f} levels")
    if options.page:
        options.page.write_bytes(
            cv2.imencode(options.page.suffix, page(real if options.real else [], simulated, 6))[1].tobytes()
        )


if __name__ == "__main__":
    main()
