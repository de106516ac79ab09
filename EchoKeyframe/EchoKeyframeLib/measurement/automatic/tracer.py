"""Traces the LV in a whole loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from ...cine.cine import Cine
from ...cine.prepare import prepare
from ...cine.prepared_pixels import PreparedPixels
from ...cine.sector import Sector
from ...detection.batches import Batches
from ...detection.detector import Progress
from ...detection.keyframes import DetectionError
from ...detection.runtime import choose_runtime
from ...models.contour_runner import FRAMES_AT_ONCE, ContourRunner, OnnxContourRunner, TorchContourRunner
from ...models.loop_images import LOOK_BACK, equalised, loop_images
from ...models.registry import CONTOUR_WEIGHTS, ONNX
from .loop_walls import LoopMaps, LoopWalls
from .outline import landmarks_of
from .steady_maps import steadied
from .tracing import LoopTracing, TracedFrame

MOST_LOOKED_AT = 28.5
"""Frames per second that are looked at, at most: of 30 (29.97, too) and of 50 every second one. What lies between
follows from its neighbours. Fewer than 14.3 would leave too few for steadied maps."""

_COMPARED = 16
"""Frames that are compared to see whether anything moves."""


def load_tracer(runtime: str = "auto", device: str = "auto", weights: Path = CONTOUR_WEIGHTS) -> Tracer:
    """The tracer that comes with the package, or one with other weights of the preset ``lv-contour``.

    runtime: ``"auto"``, ``"onnxruntime"`` or ``"torch"``. device: ``"auto"``, ``"cpu"`` or what torch knows. Raises
    DetectionError for a runtime that cannot be had, WeightsError for weights that cannot be used, CineError for a
    device that is not here.
    """
    if choose_runtime(weights, runtime, device) == ONNX:
        runner = OnnxContourRunner(weights)
        return Tracer(runner, runner.card.title)
    in_torch = TorchContourRunner(weights, device)
    return Tracer(in_torch, in_torch.card.title)


class Tracer:
    """The LV's border in loops. name: with version, what results are signed with. device, runtime: where it runs."""

    def __init__(self, runner: ContourRunner, name: str) -> None:
        self.name, self._runner = name, runner
        self.device, self.runtime = runner.device, runner.runtime

    def trace(
        self, cine: Cine, sector: Sector, progress: Progress | None = None, keyframes: Sequence[int] = ()
    ) -> LoopTracing:
        """The border in all frames of a cine.

        keyframes: 0-based frames that are looked at themselves; where there are many a second, others between are
        taken from their neighbours. ``progress`` is called between batches; what it raises ends the tracing. Raises
        DetectionError for a keyframe that the cine does not have or where memory does not suffice, CineError where the
        frames do not fit into memory.
        """
        for frame in keyframes:
            if not 0 <= frame < len(cine):
                raise DetectionError(cine.source.name, f"has no frame {frame} (0 to {len(cine) - 1})")
        size = self._runner.config.size
        prepared = prepare(cine, sector, size)
        frames = looked_at(cine, keyframes)
        maps = steadied(self._look(prepared, cine.times, frames, progress), cine.times[frames])
        pixels = PreparedPixels(cine, sector, size)
        walls = LoopWalls.of(maps, pixels.inside(sector), _moving(prepared))
        traced = {}
        for frame, wall, sure in zip(frames.tolist(), walls.walls, walls.confidences, strict=True):
            if wall is not None:
                points = pixels.to_cine(wall.points)
                traced[frame] = TracedFrame(frame, points, _pair(points[wall.apex]), sure)
        return LoopTracing(_all_frames(traced, frames, len(cine)), walls.apical, walls.doubts)

    def _look(
        self, prepared: np.ndarray, times: np.ndarray, chosen: np.ndarray, progress: Progress | None
    ) -> LoopMaps:
        first, last = (np.searchsorted(times, times[chosen] + sign * LOOK_BACK / 2) for sign in (-1, 1))
        probabilities, places, spreads, apical = [], [], [], []

        def work(part: slice) -> None:
            frames = zip(chosen[part], first[part], last[part], strict=True)
            images = [equalised(loop_images(prepared[t], prepared[a : max(b, t + 1)])) for t, a, b in frames]
            maps, view = self._runner.run(np.stack(images))
            found = landmarks_of(maps[:, 1:])
            probabilities.append(np.round(255 / (1 + np.exp(-np.clip(maps[:, 0], -30, 30)))).astype(np.uint8))
            places.append(found.places)
            spreads.append(found.spread)
            apical.append(view)

        Batches(FRAMES_AT_ONCE).run(len(chosen), work, progress)
        return LoopMaps(chosen, *(np.concatenate(part) for part in (probabilities, places, spreads, apical)))


def looked_at(cine: Cine, keyframes: Sequence[int] = ()) -> np.ndarray:
    """Frames to look at, 0-based and ascending: evenly spaced ones, the last, and keyframes."""
    stride = max(1, math.ceil((cine.fps or 1.0) / MOST_LOOKED_AT))
    return np.unique(np.concatenate([np.arange(0, len(cine), stride), np.array([*keyframes, len(cine) - 1], int)]))


def _all_frames(traced: dict[int, TracedFrame], chosen: np.ndarray, count: int) -> tuple[TracedFrame | None, ...]:
    """A border for each frame: its own, or between those of the frames looked at before and after it."""
    frames: list[TracedFrame | None] = [traced.get(frame) for frame in range(count)]
    for before, after in pairwise(chosen.tolist()):
        one, other = traced.get(before), traced.get(after)
        if one is None or other is None:
            continue
        for frame in range(before + 1, after):
            share = (frame - before) / (after - before)
            points = (1 - share) * one.points + share * other.points
            apex = (1 - share) * np.array(one.apex) + share * np.array(other.apex)
            tip = points[np.hypot(*(points - apex).T).argmin()]  # on the border, as it is in frames looked at
            frames[frame] = TracedFrame(frame, points, _pair(tip), min(one.confidence, other.confidence))
    return tuple(frames)


def _moving(prepared: np.ndarray) -> float:
    """Mean difference of neighbouring frames where there is anything to see, in gray levels."""
    places = np.unique(np.linspace(0, len(prepared) - 1, _COMPARED).astype(int))
    if len(places) < 2:
        return 0.0
    some = prepared[places].astype(np.int16)
    shown = some.max(axis=0) > 0
    return float(np.abs(np.diff(some, axis=0))[:, shown].mean()) if shown.any() else 0.0


def _pair(point: np.ndarray) -> tuple[float, float]:
    return float(point[0]), float(point[1])
