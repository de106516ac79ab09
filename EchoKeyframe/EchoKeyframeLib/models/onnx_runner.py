"""A network in ONNX Runtime on the CPU: what ``NetworkRunner`` is for torch, on NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .footprint import bytes_per_frame, bytes_per_window
from .onnx_session import OnnxSession
from .onnx_weights import OnnxWeights
from .registry import ONNX
from .weights_card import WeightsError

_BUDGET = 128 * 2**20
"""Bytes of intermediate results: more at once makes a CPU no faster."""


class OnnxRunner:
    """Runs a network's graphs in float32. frames_per_batch, windows_per_batch: see ``NetworkRunner``.

    Raises WeightsError for graphs that ONNX Runtime refuses, or that are not of the network that the card describes.
    """

    runtime = ONNX
    reach = 0

    def __init__(self, weights: OnnxWeights) -> None:
        self.config = weights.card.config
        self.device = "cpu"
        self._name = weights.card.name
        self._encode = OnnxSession(self._name, weights.encode, weights.tensors)
        self._temporal = OnnxSession(self._name, weights.temporal, weights.tensors)
        self._check()
        grid = next(iter(self._temporal.inputs.values()))[2]
        self.frames_per_batch = max(1, _BUDGET // bytes_per_frame(self.config))
        self.windows_per_batch = max(1, _BUDGET // bytes_per_window(self.config, grid))

    @property
    def uses_images(self) -> bool:
        return "image" in self.config.streams

    @property
    def uses_motion(self) -> bool:
        return "motion" in self.config.streams

    def encode(self, images: np.ndarray | None, motion: np.ndarray | None) -> np.ndarray:
        """Features float32 ``[n, h, w, d]`` of frames uint8 ``[n, S, S]`` and normalised motion ``[n, 3, 14, 14]``."""
        given = {"images": images, "motion": motion}
        fed = {name: np.ascontiguousarray(array) for name, array in given.items() if array is not None}
        return self._encode.run(fed)[0]

    def temporal(self, windows: np.ndarray) -> np.ndarray:
        """Outputs float32 ``[N, T, outputs]`` of windows of features ``[N, T, h, w, d]``."""
        return self._temporal.run({"windows": np.ascontiguousarray(windows)})[0]

    def windows(self, features: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """The windows ``[N, T, ...]`` of features ``[n, ...]`` that begin at some frames."""
        return np.moveaxis(sliding_window_view(features, self.config.frames, axis=0)[starts], -1, 1)

    def empty(self, count: int, like: np.ndarray) -> np.ndarray:
        """Room for ``count`` features such as these."""
        return np.empty((count, *like.shape[1:]), like.dtype)

    def one_window(self, features: Iterable[np.ndarray]) -> np.ndarray:
        """Outputs float32 ``[T, outputs]`` of one window, given as the features of its frames."""
        return self.temporal(np.stack(list(features))[None])[0]

    def release_memory(self) -> None:
        """Nothing is kept between batches that could be given back."""

    def _check(self) -> None:
        """Whether the graphs take and give what the card says."""
        config = self.config
        fed = {name: shape[1:] for name, shape in self._encode.inputs.items()}
        expected = {}
        if self.uses_images:
            expected["images"] = [config.size, config.size]
        if self.uses_motion:
            expected["motion"] = [3, 14, 14]
        window, outputs = next(iter(self._temporal.inputs.values())), self._temporal.outputs[0]
        if fed != expected or window[1] != config.frames or outputs[1:] != [config.frames, len(config.outputs)]:
            raise WeightsError(self._name, "its graph is of another network than its card describes")
