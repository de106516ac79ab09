"""A network as ONNX graphs, which name its weights and hold none. Needs torch and onnxscript."""

from __future__ import annotations

import logging
import warnings
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from .config import NetworkConfig
from .onnx_graph import ENCODE, IR_VERSION, OPSET, PREFIX, TEMPORAL, TRACE, WEIGHTS_LOCATION, exportable
from .onnx_weights import has_graphs
from .presets import build_network
from .registry import CONTOUR_NETWORKS, bundled_weights
from .weights_card import WeightsCard, load_card
from .weights_file import add_graphs

_known: dict[tuple[str, NetworkConfig], bytes] = {}

_FOLDED = 1 << 20
"""Elements up to which a constant is computed now: tables of attention windows, which follow from the architecture."""


class ExportError(RuntimeError):
    """A network cannot be written as graphs. One line: why, and what to do."""


def add_possible_graphs(path: Path, network: nn.Module) -> WeightsCard:
    """Put a network's graphs into the weights file that was written for it, where it has such and they can be made.

    The file is whole without: ``convert`` adds them later. Returns the card. Raises as ``add_graphs``.
    """
    if exportable(network.config):
        with suppress(ExportError):
            return add_graphs(path, graphs_of(network))
    return load_card(path)


def graphs_of(network: nn.Module) -> dict[str, bytes]:
    """The graphs of a network: those of bundled weights where a part is the same, else exported, which takes a minute.

    Graphs follow from the architecture alone. Raises ExportError as ``export_graphs``.
    """
    _require_exportable(network.config)
    keys = _architectures(network)
    if not all(key in _known for key in keys.items()):
        _known.update(_bundled())
    missing = [part for part, key in keys.items() if (part, key) not in _known]
    if missing:
        _known.update({(part, keys[part]): graph for part, graph in export_graphs(network, missing).items()})
    return {part: _known[part, key] for part, key in keys.items()}


def _architectures(network: nn.Module) -> dict[str, NetworkConfig]:
    """By part, the same for networks in which it computes alike: how windows are laid and what is dropped in training
    is no matter, nor are the inputs to what follows the encoder, and the reverse."""
    config: NetworkConfig = network.config
    if config.traces:
        return {TRACE: replace(config, rate=None, dropout=0.0)}
    same = {"window_step": 1, "past_end": False, "rate": None, "dropout": 0.0, "block_dropout": 0.0}
    alike = NetworkConfig(config.architecture, streams=("image",))
    encoder = {name: getattr(config, name) for name in ("streams", "size", "channels", "backbone", "stage", "width")}
    after = {name: getattr(alike, name) for name in encoder if name != "width"}
    return {
        ENCODE: replace(alike, **same, **encoder, heads=(1, 1)),
        TEMPORAL: replace(config, **same, **after | {"size": 32 * network.grid}, image_dropout=0.0),
    }


def _bundled() -> dict[tuple[str, NetworkConfig], bytes]:
    """The graphs of bundled weights by part and architecture."""
    found = {}
    for path in (*bundled_weights().values(), *CONTOUR_NETWORKS.values()):
        if not has_graphs(path):
            continue
        with torch.device("meta"):
            keys = _architectures(build_network(load_card(path).config))
        with safe_open(path, framework="numpy") as file:
            found.update({(part, key): file.get_tensor(part).tobytes() for part, key in keys.items()})
    return found


def export_graphs(network: nn.Module, wanted: Sequence[str] = (ENCODE, TEMPORAL, TRACE)) -> dict[str, bytes]:
    """The graphs of a network by what they do, compressed: ``ENCODE`` and ``TEMPORAL``, or ``TRACE``.

    network: a module of ``build_network`` whose ``config`` is ``exportable``. Weights are external initializers named
    as in its ``state_dict``. Raises ExportError where onnxscript is missing or torch's exporter fails.
    """
    _require_exportable(network.config)
    try:
        import onnxscript.optimizer  # noqa: F401
    except ModuleNotFoundError as error:
        raise ExportError(f"needs {error.name}, which is not installed: pip install 'echokeyframe[train]'") from None
    training = network.training
    network.eval()
    try:
        parts = [part for part in _parts(network) if part[0] in wanted]
        return {name: _export(part, inputs, names) for name, part, inputs, names in parts}
    finally:
        network.train(training)


def _require_exportable(config: NetworkConfig) -> None:
    if not exportable(config):
        raise ExportError(f"{config.architecture} runs with torch alone; there is nothing to convert")


def _parts(network: nn.Module) -> list[tuple[str, nn.Module, tuple[Tensor, ...], list[str]]]:
    """Each graph's name, module, inputs to trace it with and their names."""
    config: NetworkConfig = network.config
    inputs = {}
    if config.traces:
        return [(TRACE, _Trace(network), (torch.zeros(3, config.channels, config.size, config.size),), ["images"])]
    if "image" in config.streams:
        inputs["images"] = torch.zeros(3, config.size, config.size, dtype=torch.uint8)
    if "motion" in config.streams:
        inputs["motion"] = torch.zeros(3, 3, 14, 14)
    encode = _Encode(network, tuple(inputs))
    with torch.inference_mode():
        features = encode(*inputs.values())
    windows = torch.zeros(2, config.frames, *features.shape[1:])
    return [
        (ENCODE, encode, tuple(inputs.values()), list(inputs)),
        (TEMPORAL, _Temporal(network), (windows,), ["windows"]),
    ]


class _Encode(nn.Module):
    """uint8 ``[n, S, S]`` and normalised motion ``[n, 3, 14, 14]``, as far as the network takes them, to features."""

    def __init__(self, network: nn.Module, inputs: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.inputs = network, inputs

    def forward(self, *arrays: Tensor) -> Tensor:
        given = dict(zip(self.inputs, arrays, strict=True))
        images, motion = given.get("images"), given.get("motion")
        frames = None if images is None else images[None, :, None]
        return self.network.encode(frames, None if motion is None else motion[None])[0]


class _Temporal(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, windows: Tensor) -> Tensor:
        return self.network.temporal(windows)


class _Trace(nn.Module):
    outputs = ("maps", "apical")

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.network(images)


def _export(module: nn.Module, inputs: tuple[Tensor, ...], names: list[str]) -> bytes:
    count = torch.export.Dim("count", min=1, max=1 << 20)
    shapes = tuple({0: count} for _ in inputs)
    if isinstance(module, _Encode):
        shapes = (shapes,)  # of ``*arrays``
    level = logging.getLogger("torch.onnx").level
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter about itself
            program = torch.onnx.export(
                module, inputs, dynamo=True, dynamic_shapes=shapes, optimize=False, verbose=False, opset_version=OPSET,
                input_names=names, output_names=list(getattr(module, "outputs", ("result",))),
            )  # fmt: skip
    except Exception as error:  # torch's exporter raises of every kind
        raise ExportError(f"torch's ONNX exporter failed: {' '.join(str(error).split())[:200]}") from error
    finally:
        logging.getLogger("torch.onnx").setLevel(level)
    weights = {f"{PREFIX}{name}" for name in module.network.state_dict()}
    return zlib.compress(_without_weights(_folded(program.model, weights), weights), 9)


def _folded(model: Any, weights: set[str]) -> Any:
    """The model with what follows from constants computed, and nothing that follows from weights: each number is
    stored once."""
    import onnxscript.optimizer as optimizer

    def only_constants(node: Any) -> bool | None:
        return False if any(value is not None and value.name in weights for value in node.inputs) else None

    optimizer.fold_constants_ir(
        model, onnx_shape_inference=False, input_size_limit=_FOLDED, output_size_limit=_FOLDED,
        should_fold=only_constants,
    )  # fmt: skip
    optimizer.remove_unused_nodes(model)
    return model


def _without_weights(model: Any, weights: set[str]) -> bytes:
    """Bytes of a graph in which weights are references and nothing is said about where it was made."""
    import onnx_ir

    proto = onnx_ir.serde.serialize_model(model)
    proto.ir_version = IR_VERSION
    for described in (proto, proto.graph, *proto.graph.node, *proto.graph.input, *proto.graph.output):
        described.ClearField("metadata_props")
        described.ClearField("doc_string")
    for field in ("producer_name", "producer_version", "domain"):
        proto.ClearField(field)
    del proto.graph.value_info[:]
    for tensor in proto.graph.initializer:
        if tensor.name in weights:
            shape, kind, name = list(tensor.dims), tensor.data_type, tensor.name
            tensor.Clear()
            tensor.name, tensor.data_type, tensor.data_location = name, kind, type(tensor).EXTERNAL
            tensor.dims.extend(shape)
            tensor.external_data.add(key="location", value=WEIGHTS_LOCATION)
    return proto.SerializeToString(deterministic=True)
