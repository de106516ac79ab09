"""What an ONNX graph of a weights file may be: found in its bytes before any runtime sees it.

A graph lies in ``NAME.safetensors`` beside the weights, as compressed bytes in a tensor of its own, and refers to them
by name; so one hash covers both, and no number is stored twice.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from .config import NetworkConfig

ENCODE, TEMPORAL = "graph.encode", "graph.temporal"
"""Names of the two tensors (uint8, deflated): frames to features, windows of features to outputs."""

TRACE = "graph.trace"
"""Name of the one graph of a network that traces: images to maps and view."""

PREFIX = "network."
"""What a graph puts before each weight's name."""

WEIGHTS_LOCATION = "weights"
"""Where a graph says that its weights are: no file, they are handed over from memory."""

OPSET, IR_VERSION = 20, 9
"""Known to ONNX Runtime from 1.17 on."""

LARGEST_GRAPH = 64 << 20
"""Bytes of a graph once inflated: the tables of attention windows are its largest part."""

ARCHITECTURES = ("two-stream", "resnet-vst", "contour-unet")
"""Whose frames are encoded by themselves and whose windows have one length, and what traces."""


class GraphError(ValueError):
    """Bytes that are no graph of a network. One line: what is wrong."""


@dataclass(frozen=True)
class Graph:
    """data: bytes of ONNX. weights: names of those that it asks for, without ``PREFIX``."""

    data: bytes
    weights: tuple[str, ...]


def exportable(config: NetworkConfig) -> bool:
    """Whether a network can be written as graphs; the other published systems run with torch alone."""
    return config.architecture in ARCHITECTURES


def is_graph(name: str) -> bool:
    """Whether a tensor of a weights file holds a graph and no weights."""
    return name in (ENCODE, TEMPORAL, TRACE)


def read_graph(stored: bytes) -> Graph:
    """A graph as it lies in a weights file, checked. Raises GraphError as ``inflated`` and ``external_weights``."""
    data = inflated(stored)
    return Graph(data, tuple(external_weights(data)))


def inflated(data: bytes) -> bytes:
    """A graph's bytes as a runtime takes them. Raises GraphError for what is damaged or too large."""
    inflater = zlib.decompressobj()
    try:
        graph = inflater.decompress(data, LARGEST_GRAPH)
    except zlib.error as error:
        raise GraphError(f"its graph is damaged ({error})") from None
    if inflater.unconsumed_tail or not inflater.eof:
        raise GraphError("its graph is cut off or too large")
    return graph


def external_weights(graph: bytes) -> list[str]:
    """Names of the weights that a graph asks for, with ``PREFIX`` taken off.

    Raises GraphError where anything in it refers to a file, or to a newer version of ONNX than is written here: what
    is read is onnx.proto3 of ONNX 1.16, by field numbers.
    """
    names: list[str] = []
    for number, value in _fields(graph):
        if number == 1 and isinstance(value, int) and value > IR_VERSION:
            raise GraphError(f"its graph is of a newer ONNX (IR version {value}); update the package")
        if number == 8 and isinstance(value, bytes):  # opset_import
            opset = dict(_fields(value))
            if opset.get(1):  # a domain: operators beyond ONNX itself
                raise GraphError("its graph holds operators that no network of this package has")
            if int(opset.get(2, 0)) > OPSET and not opset.get(1):
                raise GraphError(f"its graph is of a newer ONNX (opset {opset[2]}); update the package")
        if number == 7 and isinstance(value, bytes):
            names += _of_graph(value)
        if number in (20, 25):  # training_info, functions
            raise GraphError("its graph holds more than a network")
    return names


def _of_graph(data: bytes) -> list[str]:
    names: list[str] = []
    for number, value in _fields(data):
        if not isinstance(value, bytes):
            continue
        if number == 5:  # initializer
            names += _of_tensor(value, may_be_external=True)
        elif number == 1:  # node
            for inside, attribute in _fields(value):
                if inside == 5 and isinstance(attribute, bytes):
                    _check_attribute(attribute)
        elif number == 15:
            raise GraphError("its graph holds sparse tensors")
    return names


def _check_attribute(data: bytes) -> None:
    for number, value in _fields(data):
        if number in (5, 10) and isinstance(value, bytes):  # t, tensors
            _of_tensor(value, may_be_external=False)
        elif number in (6, 11):  # g, graphs: what networks of this package never need
            raise GraphError("its graph holds further graphs")
        elif number in (22, 23):
            raise GraphError("its graph holds sparse tensors")


def _of_tensor(data: bytes, may_be_external: bool) -> list[str]:
    external, name, locations = False, "", []
    for number, value in _fields(data):
        if number == 8 and isinstance(value, bytes):
            name = value.decode("utf-8", "replace")
        elif number == 14:
            external = external or value == 1
        elif number == 13 and isinstance(value, bytes):
            entry = dict(_fields(value))
            locations.append((entry.get(1), entry.get(2)))
    if not external and not locations:
        return []
    if not may_be_external or locations != [(b"location", WEIGHTS_LOCATION.encode())] or not name.startswith(PREFIX):
        raise GraphError("its graph refers to another file")
    return [name.removeprefix(PREFIX)]


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values of a message's fields (protocol buffers): whole numbers, or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise GraphError("its graph is damaged")
        if at + length > len(data):
            raise GraphError("its graph is cut off")
        yield number, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    if at < len(data) and data[at] < 128:
        return data[at], at + 1
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise GraphError("its graph is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if not byte & 128:
            return value, at
    raise GraphError("its graph is damaged")
