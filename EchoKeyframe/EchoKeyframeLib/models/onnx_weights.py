"""A network's graphs and weights as ONNX Runtime takes them, from a weights file. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .onnx_graph import ENCODE, TEMPORAL, TRACE, Graph, GraphError, is_graph, read_graph
from .weights_card import WeightsCard, WeightsError, load_sound_card

WITHOUT_GRAPHS = "holds no ONNX graph; 'echokeyframe convert' adds it"


@dataclass(frozen=True)
class OnnxWeights:
    """encode, temporal: graphs. tensors: float32 by the name under which graphs ask for them."""

    card: WeightsCard
    encode: Graph
    temporal: Graph
    tensors: dict[str, np.ndarray]


@dataclass(frozen=True)
class OnnxTraceWeights:
    """graph: of a network that traces. tensors: float32 by the name under which it asks for them."""

    card: WeightsCard
    graph: Graph
    tensors: dict[str, np.ndarray]


def has_graphs(path: str | Path) -> bool:
    """Whether a weights file holds its network's graphs, by its header alone; False for a file that cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(Path(path), framework="numpy") as header:
            names = set(header.keys())
    except (SafetensorError, OSError):
        return False
    return {ENCODE, TEMPORAL} <= names or TRACE in names


def load_onnx_weights(path: str | Path) -> OnnxWeights:
    """Graphs and weights of a file, checked. Raises WeightsError for a file that is missing, damaged, without card or
    graphs, or whose graphs ask for what is not in it or for another file."""
    card, (encode, temporal), tensors = _loaded(Path(path), ENCODE, TEMPORAL)
    return OnnxWeights(card, encode, temporal, tensors)


def load_onnx_trace_weights(path: str | Path) -> OnnxTraceWeights:
    """The same of a network that traces. Raises WeightsError as ``load_onnx_weights``."""
    card, (graph,), tensors = _loaded(Path(path), TRACE)
    return OnnxTraceWeights(card, graph, tensors)


def _loaded(path: Path, *names: str) -> tuple[WeightsCard, list[Graph], dict[str, np.ndarray]]:
    """The card, the graphs of these names and the weights."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    card = load_sound_card(path)
    try:
        stored = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(path.name, f"cannot be read as safetensors ({' '.join(str(error).split())})") from None
    if not set(names) <= stored.keys():
        raise WeightsError(path.name, WITHOUT_GRAPHS)
    tensors = {name: array.astype(np.float32) for name, array in stored.items() if not is_graph(name)}
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise WeightsError(path.name, f"{name} holds values that are not finite")
    try:
        graphs = [read_graph(stored[name].tobytes()) for name in names]
    except GraphError as error:
        raise WeightsError(path.name, f"{error}") from None
    missing = {name for graph in graphs for name in graph.weights} - tensors.keys()
    if missing:
        raise WeightsError(path.name, f"holds another network than its graph describes: {min(missing)} is missing")
    return card, graphs, tensors
