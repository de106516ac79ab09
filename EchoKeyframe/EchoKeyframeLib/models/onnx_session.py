"""A graph with its weights in ONNX Runtime on the CPU."""

from __future__ import annotations

import os
from functools import cache

import numpy as np

from ..cine.available_memory import available_memory
from ..cine.cine import CineError
from .onnx_graph import PREFIX, Graph
from .weights_card import WeightsError

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # asked at its import, which else leaves a device's number in the home folder
try:
    import onnxruntime
except ImportError as error:  # its libraries: on Windows those of Visual C++ may be missing
    reason = " ".join(str(error).split())[:200]
    raise CineError(f"ONNX Runtime is installed but cannot be loaded ({reason}); install it again, or choose the "
                    "runtime 'torch' or the model 'motion'") from None  # fmt: skip

_LEAST_ROOM, _MOST_ROOM = 1 << 30, 4 << 30
"""Bytes that all networks of a process may take beside their weights; within, half of what is available."""

_OUT_OF_MEMORY = "Available memory of", "Failed to allocate memory", "bad_alloc", "bad allocation"

_FATAL_ONLY = 4
"""Of what ONNX Runtime tells on stderr: its errors are raised, too."""


class OnnxSession:
    """Runs a graph. name: of the weights, for errors. inputs: their shapes by name. outputs: their shapes.

    Threads are as many as ``OMP_NUM_THREADS`` says (1 in the processes of a batch), else one for each core; they sleep
    while there is nothing to do, so that an application beside them stays quick. Raises WeightsError for a graph that
    ONNX Runtime refuses.
    """

    def __init__(self, name: str, graph: Graph, tensors: dict[str, np.ndarray]) -> None:
        onnxruntime.disable_telemetry_events()
        self._name = name
        self._session = self._begun(graph, tensors)
        self.inputs = {value.name: list(value.shape) for value in self._session.get_inputs()}
        self.outputs = [list(value.shape) for value in self._session.get_outputs()]

    def run(self, fed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """All outputs. Raises MemoryError, and WeightsError for a graph that fails at its work."""
        try:
            return self._session.run(None, fed)
        except Exception as error:  # see ``_begun``
            if _ran_out(error):
                raise MemoryError from None
            raise WeightsError(self._name, f"its graph fails at its work ({_shortened(error)})") from None

    def _begun(self, graph: Graph, tensors: dict[str, np.ndarray]) -> onnxruntime.InferenceSession:
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
    except Exception:  # see ``OnnxSession._begun``
        return False
    return True


def _ran_out(error: Exception) -> bool:
    text = str(error)
    return isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY)


def _shortened(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
