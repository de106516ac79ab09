"""Detection while frames arrive: the curves of the whole clip, a fixed number of frames later.

Possible because nothing here looks at a whole clip: a frame's image is standardised by itself, its motion by its
surroundings (``motion_features.REACH``), and its value is the mean over the windows that contain it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..cine.cine import Cine, CineError, Source
from ..cine.prepare import prepare
from ..cine.sector import Sector
from .motion_features import GRID, REACH, MotionFeatures, normalise_one

if TYPE_CHECKING:
    from ..models.onnx_runner import OnnxRunner
    from ..models.runner import NetworkRunner


@dataclass(frozen=True)
class LivePoint:
    """The final ED and ES probability of one frame. frame: 0-based since the start. time: s, as given to ``push``."""

    frame: int
    time: float
    ed: float
    es: float


class LiveDetection:
    """Push frames in the order in which they are taken; points come back in the same order.

    latency: frames that must follow a frame before its point is final. Memory and cost per frame do not grow.
    After ``finish`` the points are those of ``NetworkDetector.curves`` on the whole clip at this rate.
    """

    def __init__(
        self, runner: NetworkRunner | OnnxRunner, sector: Sector, fps: float, spacing: tuple[float, float] | None = None
    ) -> None:
        self._size, self._sector, self._spacing = runner.config.size, sector, spacing
        self._stride = runner.config.stride(fps)
        self._motion = MotionFeatures() if runner.uses_motion else None
        # Flow of the last frames, to add up over the stride.
        self._recent: deque[np.ndarray] = deque(maxlen=self._stride)
        self._sequences = [_Sequence(runner) for _ in range(self._stride)]
        self._times: deque[float] = deque()
        self._last_time = -np.inf
        self._pushed = self._given = 0
        self.latency = self._stride * (runner.config.frames + self._sequences[0].reach)

    def push(self, frame: np.ndarray, time: float) -> list[LivePoint]:
        """Take the next frame, uint8 ``[H, W]`` or ``[H, W, 3]``, and return the points that became final.

        Raises CineError for a frame of another type or size than the sector's, or a time that does not increase.
        """
        if frame.shape[:2] != self._sector.mask.shape:
            raise CineError(f"live: frame {self._pushed} has another size than the scan sector was found for")
        if not self._last_time < time < np.inf:
            raise CineError(f"live: the time of frame {self._pushed} does not lie after that of the frame before")
        cine = Cine(frame[None], np.zeros(1), Source("live"), spacing=self._spacing)
        image = prepare(cine, self._sector, self._size)[0]
        self._sequences[self._pushed % self._stride].push(image, self._flow_since_last_chosen(image))
        self._times.append(time)
        self._last_time = time
        self._pushed += 1
        return self._final_points()

    def finish(self) -> list[LivePoint]:
        """No more frames: the points that were still open."""
        for sequence in self._sequences:
            sequence.finish()
        return self._final_points()

    def _flow_since_last_chosen(self, image: np.ndarray) -> np.ndarray | None:
        """What ``stride_motion`` computes, for the newest frame."""
        if self._motion is None:
            return None
        features = self._motion(image)
        self._recent.append(features[:2])
        chosen = features.copy()
        first = self._pushed < self._stride
        chosen[:2] = 0.0 if first else np.sum(self._recent, axis=0, dtype=np.float64)
        return chosen

    def _final_points(self) -> list[LivePoint]:
        points = []
        while self._given < self._pushed:
            outputs = self._sequences[self._given % self._stride].pop()
            if outputs is None:
                break
            points.append(LivePoint(self._given, self._times.popleft(), float(outputs[0]), float(outputs[1])))
            self._given += 1
        return points


class _Sequence:
    """The frames that the network sees together: every n-th from one start on."""

    def __init__(self, runner: NetworkRunner | OnnxRunner) -> None:
        self._runner = runner
        self._window, self._step = runner.config.frames, runner.config.window_step
        self.reach = REACH if runner.uses_motion else 0
        self._motion: deque[np.ndarray] = deque(maxlen=2 * self.reach + 1)
        self._images: deque[np.ndarray] = deque()
        self._features: deque = deque(maxlen=self._window)
        self._sums: deque[np.ndarray] = deque()
        self._counts: deque[int] = deque()
        self._pushed = self._encoded = self._popped = 0
        self._finished = False

    def push(self, image: np.ndarray, motion: np.ndarray | None) -> None:
        self._images.append(image)
        if motion is not None:
            self._motion.append(motion)
        self._pushed += 1
        if self._encoded + self.reach < self._pushed:
            self._encode_next()

    def finish(self) -> None:
        """Encode what waited for later frames, fill the last windows with zero frames, and run them."""
        if self._finished or not self._pushed:
            return
        while self._encoded < self._pushed:
            self._encode_next()
        past_end = self._runner.config.past_end
        end = self._pushed + self._window - 1 if past_end else max(self._pushed, self._window)
        while self._encoded < end:
            self._encode(np.zeros_like(self._image), np.zeros((3, GRID, GRID), np.float32))
        if (self._encoded - self._window) % self._step:
            self._run_window()
        self._finished = True

    def pop(self) -> np.ndarray | None:
        """Outputs of the oldest frame not given yet, or None while later windows may still contain it."""
        # The last window of a clip may start between two regular ones, so a frame stays open for a window's length.
        if self._popped >= (self._pushed if self._finished else self._encoded - self._window):
            return None
        self._popped += 1
        return (self._sums.popleft() / self._counts.popleft()).astype(np.float32)

    def _encode_next(self) -> None:
        motion = None
        if self._motion:
            oldest = self._pushed - len(self._motion)
            motion = normalise_one(np.stack(self._motion), self._encoded - oldest, self.reach)
        self._encode(self._images.popleft(), motion)

    def _encode(self, image: np.ndarray, motion: np.ndarray | None) -> None:
        self._image = image
        images = image[None] if self._runner.uses_images else None
        moving = motion[None] if self._runner.uses_motion and motion is not None else None
        self._features.append(self._runner.encode(images, moving)[0])
        self._sums.append(np.zeros(len(self._runner.config.outputs)))
        self._counts.append(0)
        self._encoded += 1
        start = self._encoded - self._window
        if start >= 0 and start % self._step == 0:
            self._run_window()

    def _run_window(self) -> None:
        outputs = self._runner.one_window(self._features)
        first = self._encoded - self._window - self._popped
        for k, output in enumerate(outputs):
            self._sums[first + k] += output
            self._counts[first + k] += 1
