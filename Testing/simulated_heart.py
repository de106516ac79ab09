"""A simulated heart as a file, with its true cavity, and a tracer that sees it: what a perfect network would find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from dicom_files import write_dicom
from EchoKeyframeLib.cine.cine import Cine, CineError
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.detection.keyframes import Keyframe, Phase
from EchoKeyframeLib.measurement.automatic.tracing import LoopTracing, TracedFrame
from EchoKeyframeLib.measurement.contour import evenly_spaced
from EchoKeyframeLib.measurement.segmentation import contour_of_mask
from EchoKeyframeLib.measurement.unfit import LoopDoubt
from EchoKeyframeLib.report.keyframes_file import KeyframesFile, write_json

FPS = 25.0


@dataclass(frozen=True, eq=False)
class SimulatedHeart:
    """path: a DICOM file. masks: bool ``[T, S, S]``. ed, es: true frames. ejection_fraction: %."""

    path: Path
    masks: np.ndarray
    ed: tuple[int, ...]
    es: tuple[int, ...]
    ejection_fraction: float

    def cine(self) -> Cine:
        return read_cine(self.path)

    @cached_property
    def walls(self) -> list[np.ndarray | None]:
        """Of each frame the wall along the true cavity, from annulus to annulus; None where it has no flat base."""
        spacing = self.cine().spacing
        return [_wall(mask, index, spacing) for index, mask in enumerate(self.masks)]

    def write_keyframes(self, path: Path, ed: Sequence[int] | None = None, es: Sequence[int] | None = None) -> Path:
        """The true keyframes as a NAME.keyframes.json, or others."""
        cine = self.cine()
        marked = [Keyframe(phase, frame, float(cine.times[frame]), source="auto")
                  for phase, frames in ((Phase.ED, ed or self.ed), (Phase.ES, es or self.es)) for frame in frames]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, KeyframesFile.of_given(cine, marked, "truth"))
        return path


def simulated_heart(path: Path, seed: int = 11, view: str = "A4C", frames: int = 64, **more: object) -> SimulatedHeart:
    """A heart of 25 frames/s without rare parts, about three beats."""
    from EchoKeyframeLib.simulator.config import RARE, PhantomConfig
    from EchoKeyframeLib.simulator.phantom import simulate

    quiet = {**dict.fromkeys(RARE, 0.0), "drift": False, "arrhythmia": False, "upended": False, "degradation": False}
    settings = {"ejection_fraction": (60, 60), "heart_rate": (75, 75), **quiet, **more}
    config = PhantomConfig(frames=frames, fps=(FPS, FPS), views=(view,), mask=True, **settings)
    batch = simulate([seed], config)
    pictures, masks = batch.frames[0].cpu().numpy(), batch.mask[0].cpu().numpy()
    size = float(batch.pixel_mm[0])
    write_dicom(path, pictures, FrameTime=f"{1000 / FPS:g}", PixelSpacing=[round(size, 6)] * 2,
                StudyInstanceUID="1.2.3.4", SeriesInstanceUID="1.2.3.4.5")  # fmt: skip
    inside = [tuple(int(f) for f in np.round(times * FPS) if 0 <= f < frames) for times in (batch.ed[0], batch.es[0])]
    return SimulatedHeart(path, masks, *inside, float(batch.ejection_fraction[0]))


class MaskTracer:
    """Traces the true masks. apical, confidence, doubts: what it says. change: made to each frame's points."""

    name = "true masks 1"

    def __init__(
        self,
        *hearts: SimulatedHeart,
        apical: float = 1.0,
        confidence: float = 0.9,
        doubts: tuple[LoopDoubt, ...] = (),
        change: Callable[[int, np.ndarray], np.ndarray | None] | None = None,
    ) -> None:
        self._walls = {heart.path.name: heart.walls for heart in hearts}
        self._said = {"apical": apical, "doubts": doubts}
        self._confidence, self._change = confidence, change or (lambda _, points: points)
        self.asked: list[tuple[str, tuple[int, ...]]] = []

    def trace(self, cine, sector, progress=None, keyframes=()):
        self.asked.append((cine.source.name, tuple(keyframes)))
        frames = tuple(self._frame(i, points) for i, points in enumerate(self._walls[cine.source.name]))
        if progress is not None:
            progress(1.0)
        return LoopTracing(frames, **self._said)

    def _frame(self, index: int, points: np.ndarray | None) -> TracedFrame | None:
        points = None if points is None else self._change(index, points)
        if points is None:
            return None
        base = points[[0, -1]].mean(axis=0)
        apex = points[np.hypot(*(points - base).T).argmax()]
        return TracedFrame(index, points, (float(apex[0]), float(apex[1])), self._confidence)


def _wall(mask: np.ndarray, index: int, spacing: tuple[float, float] | None) -> np.ndarray | None:
    try:
        return evenly_spaced(contour_of_mask(mask, Phase.ED, index, spacing, _annulus(mask)).points, 61)
    except CineError:
        return None


def _annulus(mask: np.ndarray) -> np.ndarray:
    """The corners of a cavity whose apex is up: farthest down and to either side."""
    y, x = np.nonzero(mask)
    x, y = x - x.mean(), y - y.mean()
    corners = [int(np.argmax(y + side * 1.5 * x)) for side in (-1, 1)]
    rows, columns = np.nonzero(mask)
    return np.array([(columns[i], rows[i]) for i in corners], float)
