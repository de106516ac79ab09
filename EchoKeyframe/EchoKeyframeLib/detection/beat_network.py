"""The learned detector for networks that look at one isolated beat: beats found first, then each by itself, merged."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..cine.cine import Cine
from ..cine.prepare import prepare
from ..cine.sector import Sector
from .detector import Progress
from .isolated_beats import beat_bounds, beat_frames
from .keyframes import Curves, DetectionError
from .motion import MotionDetector
from .network import NetworkDetector, part_of
from .output_curves import output_curves

if TYPE_CHECKING:
    from torch import Tensor

_BOUNDS_FOUND, _ENCODED = 0.3, 0.9


class BeatNetworkDetector(NetworkDetector):
    """Curves from a network of ``ONE_BEAT``. Implements ``Detector``.

    Beats come from the file's R waves or from the motion of the image (``isolated_beats``). Each is resampled to the
    network's T frames with a margin on both sides; where beats overlap, and where frames repeat, answers are averaged.
    The published systems take isolated beats as given; this is what makes them usable on a whole clip.
    """

    def curves(self, cine: Cine, sector: Sector, progress: Progress | None = None) -> Curves:
        """ED and ES probability of every frame; see ``NetworkDetector.curves``."""
        motion = MotionDetector().curves(cine, sector, part_of(progress, 0, _BOUNDS_FOUND))
        bounds = beat_bounds(cine, motion)
        prepared = prepare(cine, sector, self.config.size)
        try:
            features = self._encode(prepared, None, part_of(progress, _BOUNDS_FOUND, _ENCODED))
            outputs = self._merged(features, bounds, part_of(progress, _ENCODED, 1))
        except DetectionError as error:
            raise DetectionError(cine.source.name, f"{error}") from None
        return Curves(output_curves(outputs, self.config.outputs), cine.times, self.name)

    def _merged(self, features: Tensor, bounds: np.ndarray, progress: Progress) -> np.ndarray:
        """Outputs ``[T, outputs]`` of the whole clip from features ``[T, d]``; NaN-free."""
        length, beats = len(features), list(pairwise(bounds))
        nothing = self.runner.encode(np.zeros((1, self.config.size, self.config.size), np.uint8), None)
        padded = features.new_empty((length + 1, *features.shape[1:]))
        padded[:length], padded[length] = features, nothing[0]
        sums, weights = np.zeros((length, len(self.config.outputs))), np.zeros(length)

        def work(part: slice) -> None:
            shown = [beat_frames(start, end, self.config.frames, length) for start, end in beats[part]]
            index = np.stack([np.where(present, frames, length) for frames, present in shown])
            for (start, end), answers in zip(beats[part], self.runner.temporal(padded[index]), strict=True):
                _add(sums, weights, start, end, answers)

        self._window_batches.run(len(beats), work, progress)
        outputs = (sums / np.maximum(weights, 1e-9)[:, None]).astype(np.float32)
        if not np.isfinite(outputs).all():
            raise DetectionError("the network's values are not numbers; try --precision 32-true or other weights")
        return outputs


def _add(sums: np.ndarray, weights: np.ndarray, start: float, end: float, answers: np.ndarray) -> None:
    """One beat's answers ``[T, outputs]`` onto the frames that it was shown as, interpolated between them."""
    index, _ = beat_frames(start, end, len(answers), len(sums))
    frames = np.arange(max(index[0], 0), min(index[-1], len(sums) - 1) + 1)
    at, first = np.unique(index, return_inverse=True)
    count = np.bincount(first)
    for column in range(answers.shape[1]):
        values = np.bincount(first, answers[:, column]) / count
        sums[frames, column] += np.interp(frames, at, values)
    weights[frames] += 1
