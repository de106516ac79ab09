"""Weights on disk: ``NAME.safetensors`` and beside it ``NAME.json``, the card that says what they are.

safetensors holds numbers and nothing that could run: the weights, and where ``add_graphs`` put them the network's ONNX
graphs (``onnx_graph``), with which it runs without torch (``onnx_weights``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from ..atomic_file import written_atomically
from .config import ConfigError, NetworkConfig
from .model_card import ModelCard
from .onnx_graph import is_graph
from .presets import build_network
from .registry import SUFFIX
from .weights_card import WeightsCard, WeightsError, card_path, card_text, load_card, load_sound_card

_LARGEST_BUFFERS = 2**29
"""Bytes of constants that follow from the card alone, such as an attention window's table."""
# Of batch norm, counted for a kind of averaging that is not used; whole numbers, which half precision would spoil.
_NOT_STORED = "num_batches_tracked"

__all__ = [
    "WeightsCard", "WeightsError", "add_graphs", "card_path", "load_card", "load_sound_card", "load_weights",
    "save_weights",
]  # fmt: skip


def save_weights(
    path: str | Path,
    network: nn.Module,
    version: str = "",
    licence: str = "",
    training: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    half: bool = True,
    name: str | None = None,
    about: ModelCard | None = None,
) -> WeightsCard:
    """Write ``path`` (``NAME.safetensors``) and its card; both are written before either takes its place.

    name: what results are signed with; None: the file's own.
    half: store float16, which halves the file; networks load as float32 all the same.
    Raises WeightsError where weights are not finite (in half precision: beyond 65504) or the files cannot be written.
    """
    path = _checked_name(path)
    tensors = {key: _stored(tensor, half) for key, tensor in network.state_dict().items() if _is_stored(key)}
    for key, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise WeightsError(path.name, f"not written, {key} holds values that are not finite")
    card = WeightsCard(
        name=name or path.stem,
        config=network.config,
        sha256="",
        version=version,
        licence=licence,
        precision="float16" if half else "float32",
        training=training or {},
        metrics=metrics or {},
        about=about or ModelCard(),
    )
    return _write(path, tensors, card)


def add_graphs(path: str | Path, graphs: Mapping[str, bytes]) -> WeightsCard:
    """Put a network's ONNX graphs (``onnx_export.export_graphs``) into its weights file, in place of those there.

    Returns the card, which names the new file's hash. Raises WeightsError as ``load_weights`` and ``save_weights`` do.
    """
    path, card = _checked_name(path), load_sound_card(path)
    try:
        tensors = {name: tensor for name, tensor in load_file(path).items() if not is_graph(name)}
    except (SafetensorError, OSError) as error:
        raise WeightsError(path.name, f"cannot be read as safetensors ({_one_line(error)})") from None
    tensors |= {name: torch.frombuffer(bytearray(data), dtype=torch.uint8) for name, data in graphs.items()}
    return _write(path, tensors, card)


def _write(path: Path, tensors: dict[str, Tensor], card: WeightsCard) -> WeightsCard:
    """Write both files, the card with the hash of the other. Raises WeightsError where they cannot be written."""
    data = save(tensors)
    sha256 = hashlib.sha256(data).hexdigest()
    card = replace(card, sha256=sha256, about=msgspec.structs.replace(card.about, files={path.name: sha256}))
    try:
        with written_atomically(path) as weights, written_atomically(card_path(path)) as beside:
            weights.write_bytes(data)
            beside.write_text(card_text(card), encoding="utf-8")
    except OSError as error:
        raise WeightsError(path.name, f"cannot be written ({error.strerror or error})") from None
    return card


def load_weights(path: str | Path, test_size: int | None = None) -> tuple[nn.Module, WeightsCard]:
    """The network of a weights file, in eval mode and float32, and its card.

    The network is compared with the file's header before anything of it is allocated, so that it takes as much memory
    as its weights, whatever the card says.
    test_size: the size of frames that it is built for, where that is not to be the one of its training.
    Raises WeightsError for a file that is missing, damaged, not safetensors, without card or of another architecture.
    """
    path, card = Path(path), load_sound_card(path)
    config = _resized(card, test_size)
    try:
        with safe_open(path, framework="pt") as header:
            names = [key for key in header.keys() if not is_graph(key)]  # noqa: SIM118
            found = {key: list(header.get_slice(key).get_shape()) for key in names}
        with torch.device("meta"):
            _compare(build_network(card.config), found, path.name)
            if config != card.config and not _fits(build_network(config), found):
                raise WeightsError(path.name, f"cannot be tested at {test_size} pixels, where its attention windows "
                                   "have another size; choose one nearer to that of its training")  # fmt: skip
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(path.name, f"cannot be read as safetensors ({_one_line(error)})") from None
    network = build_network(config).eval()
    for key in names:
        if not tensors[key].isfinite().all():
            raise WeightsError(path.name, f"{key} holds values that are not finite")
    network.load_state_dict({key: tensors[key] for key in names}, strict=False)
    return network, card


def _fits(network: nn.Module, found: dict[str, list[int]]) -> bool:
    expected = {key: list(value.shape) for key, value in network.state_dict().items() if _is_stored(key)}
    return expected == found


def _resized(card: WeightsCard, test_size: int | None) -> NetworkConfig:
    if test_size is None or test_size == card.config.size:
        return card.config
    if "motion" in card.config.streams:
        raise WeightsError(card.name, f"looks at motion measured at {card.config.size} pixels; leave --test-size out")
    try:
        return replace(card.config, size=test_size)
    except ConfigError as error:
        raise WeightsError(card.name, f"cannot be tested at {test_size} pixels: {error}") from None


def _checked_name(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix != SUFFIX:
        raise WeightsError(path.name, f"a weights file must end in {SUFFIX}")
    return path


def _is_stored(name: str) -> bool:
    return not name.endswith(_NOT_STORED)


def _stored(tensor: Tensor, half: bool) -> Tensor:
    return tensor.detach().to("cpu", torch.float16 if half else torch.float32).contiguous()


def _compare(network: nn.Module, found: dict[str, list[int]], name: str) -> None:
    """Raise WeightsError where a file's tensors, by their shapes, are not those of a network (on whatever device), or
    what the network holds beside them is large."""
    expected = {key: list(value.shape) for key, value in network.state_dict().items() if _is_stored(key)}
    missing, surplus = expected.keys() - found.keys(), found.keys() - expected.keys()
    if missing or surplus:
        which = f"{min(missing)} is missing" if missing else f"{min(surplus)} has no place"
        raise WeightsError(name, f"holds another architecture than its card says: {which}")
    for key, shape in found.items():
        if shape != expected[key]:
            shapes = f"{key} is {shape}, not {expected[key]}"
            raise WeightsError(name, f"holds another architecture than its card says: {shapes}")
    size = sum(buffer.numel() * buffer.element_size() for buffer in network.buffers())
    if size > _LARGEST_BUFFERS:
        raise WeightsError(name, f"describes a network that needs {size / 2**30:.1f} GB beside its weights")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
