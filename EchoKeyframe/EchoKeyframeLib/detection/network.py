"""The learned detector: prepared frames, each encoded once, windows over the features, curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from ..cine.cine import Cine
from ..cine.prepare import moving_frames, prepare
from ..cine.sector import Sector
from .batches import Batches
from .confidence import NETWORK, Worth
from .detector import Progress
from .keyframes import Curves, DetectionError
from .live import LiveDetection
from .motion_features import ClipMotion, clip_motion, normalise, stride_motion
from .output_curves import output_curves
from .windows import mean_over_windows

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..models.onnx_runner import OnnxRunner
    from ..models.runner import NetworkRunner

# Shares of the progress bar.
_MOTION_DONE, _ENCODED = 0.2, 0.7


@dataclass(frozen=True, eq=False)
class Seen:
    """prepared: frames uint8 ``[T, S, S]`` with the network's own S. motion: theirs, for networks that use it."""

    prepared: np.ndarray
    motion: ClipMotion | None


class NetworkDetector:
    """Curves from a network. Implements ``Detector``.

    runner: the network where it runs, in torch or in ONNX Runtime. name: what results are signed with.
    """

    def __init__(self, runner: NetworkRunner | OnnxRunner, name: str) -> None:
        self.name, self.runner, self.config = name, runner, runner.config
        self.device, self.runtime = str(runner.device), runner.runtime
        self._frame_batches = Batches(runner.frames_per_batch, runner.release_memory)
        self._window_batches = Batches(runner.windows_per_batch, runner.release_memory)

    @classmethod
    def in_torch(cls, network: nn.Module, name: str, device: str = "auto", precision: str = "auto") -> Self:
        """The detector of a module of ``models.presets.build_network`` with its weights.

        device: ``"auto"`` (cuda, else mps, else cpu) or a name that torch knows. precision: ``"auto"`` or see
        ``models.device.PRECISIONS``. Raises CineError for a device that is not here.
        """
        from ..models.runner import NetworkRunner

        return cls(NetworkRunner(network, device, precision), name)

    def curves(self, cine: Cine, sector: Sector, progress: Progress | None = None) -> Curves:
        """ED and ES probability of every frame.

        ``progress`` is called between batches; what it raises ends the detection at once. Raises DetectionError where
        memory does not suffice for a single frame.
        """
        seen = self.look(cine, sector, part_of(progress, 0, _MOTION_DONE))
        return self.curves_of(seen, cine, part_of(progress, _MOTION_DONE if seen.motion else 0, 1))

    def look(self, cine: Cine, sector: Sector, progress: Progress | None = None) -> Seen:
        """What the network is shown of a cine. ``progress`` counts the optical flow."""
        prepared = prepare(cine, sector, self.config.size)
        moving = moving_frames(cine, sector, self.config.size) if self.runner.uses_motion else None
        return self.look_at(prepared, progress, moving)

    def look_at(
        self, prepared: np.ndarray, progress: Progress | None = None, moving: np.ndarray | None = None
    ) -> Seen:
        """The same of prepared frames uint8 ``[T, S, S]`` with the network's own S. moving: in which motion is seen,
        where these are others."""
        uses = self.runner.uses_motion
        return Seen(prepared, clip_motion(prepared if moving is None else moving, progress) if uses else None)

    def curves_of(self, seen: Seen, cine: Cine, progress: Progress | None = None) -> Curves:
        """``curves`` from what was seen of the cine, whose times and rate count."""
        try:
            outputs = self.outputs(seen, cine.fps, progress)
        except DetectionError as error:
            raise DetectionError(cine.source.name, f"{error}") from None
        worth = Worth(NETWORK) if self.config.architecture == "two-stream" else None
        return Curves(output_curves(outputs, self.config.outputs), cine.times, self.name, worth=worth)

    def outputs(self, seen: Seen, fps: float | None, progress: Progress | None = None) -> np.ndarray:
        """All that the network says: float32 ``[T, outputs]``, columns as in ``config.outputs``.

        A network that was trained at a slower rate than ``fps`` looks at every n-th frame, once for each of the n
        frames to begin with; results are interleaved.
        """
        prepared, motion = seen.prepared, None if seen.motion is None else seen.motion.features
        stride = self.config.stride(fps)
        outputs = np.empty((len(prepared), len(self.config.outputs)), np.float32)
        offsets = min(stride, len(prepared))
        for offset in range(offsets):
            images = prepared[offset::stride]
            moving = None if motion is None else normalise(stride_motion(motion, stride, offset))
            part = part_of(progress, offset / offsets, (offset + 1) / offsets)
            outputs[offset::stride] = self._sequence(images, moving, part)
        if not np.isfinite(outputs).all():
            raise DetectionError("the network's values are not numbers; try --precision 32-true or other weights")
        return outputs

    def live(self, sector: Sector, fps: float, spacing: tuple[float, float] | None = None) -> LiveDetection:
        """Detection on a running stream of frames of the given rate; see ``LiveDetection``.

        Raises DetectionError for a network whose curves follow from the whole clip, or that looks ahead.
        """
        if self.config.outputs[0] != "ED" or self.runner.reach:
            raise DetectionError(self.name, "needs whole clips and cannot follow a stream; use two-stream")
        return LiveDetection(self.runner, sector, fps, spacing)

    def _sequence(self, images: np.ndarray, motion: np.ndarray | None, progress: Progress) -> np.ndarray:
        """Outputs ``[n, outputs]`` of n frames that follow each other at the network's own rate."""
        real, window = len(images), self.config.frames
        length = real + window - 1 if self.config.past_end else max(real, window)
        images = _filled(images, length)
        motion = None if motion is None else _filled(motion, length)
        features = self._encode(images, motion, part_of(progress, 0, _ENCODED))
        return mean_over_windows(
            length,
            lambda starts: self.runner.temporal(self.runner.windows(features, starts)),
            window,
            real,
            self._window_batches,
            self.config.window_step,
            part_of(progress, _ENCODED, 1),
        )

    def _encode(self, images: np.ndarray, motion: np.ndarray | None, progress: Progress) -> Tensor | np.ndarray:
        """Features ``[n, ...]``, each frame encoded once, kept on the device in its own precision.

        Where a feature depends on ``reach`` frames around its own, batches overlap by as many.
        """
        features: Tensor | np.ndarray | None = None

        def work(part: slice) -> None:
            nonlocal features
            start = max(0, part.start - self.runner.reach)
            seen = slice(start, part.stop + self.runner.reach)
            encoded = self.runner.encode(
                images[seen] if self.runner.uses_images else None, None if motion is None else motion[seen]
            )[part.start - start : part.stop - start]
            if features is None:
                features = self.runner.empty(len(images), encoded)
            features[part] = encoded

        self._frame_batches.run(len(images), work, progress)
        return features


def _filled(frames: np.ndarray, length: int) -> np.ndarray:
    """Zero frames behind a clip, up to ``length``."""
    if len(frames) >= length:
        return frames
    return np.concatenate([frames, np.zeros((length - len(frames), *frames.shape[1:]), frames.dtype)])


def part_of(progress: Progress | None, start: float, stop: float) -> Progress:
    """A callback for one step of the work, from ``start`` to ``stop`` of the whole."""
    if progress is None:
        return lambda fraction: None
    return lambda fraction: progress(start + fraction * (stop - start))
