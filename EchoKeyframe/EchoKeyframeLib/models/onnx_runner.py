"""A network in ONNX Runtime on the CPU: what ``NetworkRunner`` is for torch, on NumPy arrays."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache

import numpy as np
import onnxruntime
from numpy.lib.stride_tricks import sliding_window_view

from ..cine.available_memory import available_memory
from .footprint import bytes_per_frame, bytes_per_window
from .onnx_graph import PREFIX, Graph
from .onnx_weights import OnnxWeights
from .registry import ONNX
from .weights_card import WeightsError

_BUDGET = 128 * 2**20
"""Bytes of intermediate results: more at once makes a CPU no faster."""

_LEAST_ROOM, _MOST_ROOM = 1 << 30, 4 << 30
"""Bytes that all networks of a process may take beside their weights; within, half of what is available."""

_OUT_OF_MEMORY = "Available memory of", "Failed to allocate memory", "bad_alloc", "bad allocation"

_FATAL_ONLY = 4
"""Of what ONNX Runtime tells on stderr: its errors are raised, too."""


class OnnxRunner:
    """Runs a network's graphs in float32. frames_per_batch, windows_per_batch: see ``NetworkRunner``.

    Threads are as many as ``OMP_NUM_THREADS`` says (1 in the processes of a batch), else one for each core; they sleep
    while there is nothing to do, so that an application beside them stays quick. Raises WeightsError for graphs that
    ONNX Runtime refuses, or that are not of the network that the card describes.
    """

    runtime = ONNX
    reach = 0

    def __init__(self, weights: OnnxWeights) -> None:
        onnxruntime.disable_telemetry_events()
        self.config = weights.card.config
        self.device = "cpu"
        self._name = weights.card.name
        self._encode = self._session(weights.encode, weights.tensors)
        self._temporal = self._session(weights.temporal, weights.tensors)
        self._check()
        grid = self._temporal.get_inputs()[0].shape[2]
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
        return self._run(self._encode, fed)

    def temporal(self, windows: np.ndarray) -> np.ndarray:
        """Outputs float32 ``[N, T, outputs]`` of windows of features ``[N, T, h, w, d]``."""
        return self._run(self._temporal, {"windows": np.ascontiguousarray(windows)})

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

    def _run(self, session: onnxruntime.InferenceSession, fed: dict[str, np.ndarray]) -> np.ndarray:
        """Raises MemoryError, and WeightsError for a graph that fails at its work."""
        try:
            return session.run(None, fed)[0]
        except Exception as error:  # see ``_session``
            if _ran_out(error):
                raise MemoryError from None
            raise WeightsError(self._name, f"its graph fails at its work ({_shortened(error)})") from None

    def _session(self, graph: Graph, tensors: dict[str, np.ndarray]) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _FATAL_ONLY
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or 0)
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.use_env_allocators", "1" if _has_limited_room() else "0")
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(tensors[name]) for name in graph.weights]
        options.add_external_initializers([f"{PREFIX}{name}" for name in graph.weights], values)
        try:
            return onnxruntime.InferenceSession(graph.data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no common class
            if _ran_out(error):
                raise WeightsError(self._name, "its graph needs more memory than there is") from None
            version = onnxruntime.__version__
            raise WeightsError(self._name, f"ONNX Runtime {version} refuses its graph ({_shortened(error)})") from None

    def _check(self) -> None:
        """Whether the graphs take and give what the card says."""
        config = self.config
        fed = {value.name: list(value.shape[1:]) for value in self._encode.get_inputs()}
        expected = {}
        if self.uses_images:
            expected["images"] = [config.size, config.size]
        if self.uses_motion:
            expected["motion"] = [3, 14, 14]
        window, outputs = self._temporal.get_inputs()[0].shape, self._temporal.get_outputs()[0].shape
        if fed != expected or window[1] != config.frames or list(outputs[1:]) != [config.frames, len(config.outputs)]:
            raise WeightsError(self._name, "its graph is of another network than its card describes")


@cache
def _has_limited_room() -> bool:
    """Let all sessions of this process share memory with an end: a graph may ask for any amount, when it is loaded as
    when it runs. False where the application gave them one already."""
    room = min(max(available_memory() // 2, _LEAST_ROOM), _MOST_ROOM)
    kind, use = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, onnxruntime.OrtMemType.DEFAULT
    try:
        onnxruntime.create_and_register_allocator(
            onnxruntime.OrtMemoryInfo("Cpu", kind, 0, use), onnxruntime.OrtArenaCfg({"max_mem": room})
        )
    except Exception:  # see ``_session``
        return False
    return True


def _ran_out(error: Exception) -> bool:
    text = str(error)
    return isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY)


def _shortened(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
