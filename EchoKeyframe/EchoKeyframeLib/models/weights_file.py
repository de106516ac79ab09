"""Weights on disk: ``NAME.safetensors`` and beside it ``NAME.json``, the card that says what they are.

safetensors holds numbers and nothing that could run; the card holds the network's configuration, how it was trained and
how good it is, and the SHA-256 of the weights. A pair that does not belong together is refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from ..atomic_file import written_atomically
from ..cine.cine import CineError
from ..json_file import FileName, Word, checked, read_document
from .config import ConfigError, NetworkConfig
from .model_card import ModelCard
from .presets import build_network
from .registry import SUFFIX

FORMAT = 1
_LARGEST_CARD = 2**20
_LARGEST_HEADER = 2**24
_LARGEST_BUFFERS = 2**29
"""Bytes of constants that follow from the card alone, such as an attention window's table."""
# Of batch norm, counted for a kind of averaging that is not used; whole numbers, which half precision would spoil.
_NOT_STORED = "num_batches_tracked"


_WHAT = "card of a weights file"


class _Card(msgspec.Struct):
    format: int
    name: FileName
    config: NetworkConfig  # which checks its values itself
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    version: Word = ""
    licence: Word = ""
    precision: Word = "float32"
    training: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    about: ModelCard = msgspec.field(default_factory=ModelCard)


class WeightsError(CineError):
    """A weights file cannot be used. One line: which file, what is wrong, what to do."""


@dataclass(frozen=True)
class WeightsCard:
    """What is known of a weights file.

    name, version, licence: as published. config: the network. training: data, seed, cost. metrics: results, by set.
    precision: ``"float16"`` or ``"float32"`` as stored. sha256: of the weights file, hexadecimal. about: what a person
    must know before using them (empty in cards of 0.1.0).
    """

    name: str
    config: NetworkConfig
    sha256: str
    version: str = ""
    licence: str = ""
    precision: str = "float32"
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    about: ModelCard = field(default_factory=ModelCard)

    @property
    def title(self) -> str:
        """Name and version, as results are signed with; without a version the hash tells trainings apart."""
        return f"{self.name} {self.version or self.sha256[:8]}"


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
    data = save(tensors)
    card = WeightsCard(
        name=name or path.stem,
        config=network.config,
        sha256=hashlib.sha256(data).hexdigest(),
        version=version,
        licence=licence,
        precision="float16" if half else "float32",
        training=training or {},
        metrics=metrics or {},
        about=msgspec.structs.replace(about or ModelCard(), files={path.name: hashlib.sha256(data).hexdigest()}),
    )
    plain = {**asdict(card), "config": card.config.to_dict(), "about": msgspec.to_builtins(card.about)}
    text = json.dumps({"format": FORMAT, **plain}, indent=2, ensure_ascii=False)
    try:
        with written_atomically(path) as weights, written_atomically(card_path(path)) as beside:
            weights.write_bytes(data)
            beside.write_text(text + "\n", encoding="utf-8")
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
            found = {key: list(header.get_slice(key).get_shape()) for key in header.keys()}  # noqa: SIM118
        with torch.device("meta"):
            _compare(build_network(card.config), found, path.name)
            if config != card.config and not _fits(build_network(config), found):
                raise WeightsError(path.name, f"cannot be tested at {test_size} pixels, where its attention windows "
                                   "have another size; choose one nearer to that of its training")  # fmt: skip
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(path.name, f"cannot be read as safetensors ({_one_line(error)})") from None
    network = build_network(config).eval()
    for key, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise WeightsError(path.name, f"{key} holds values that are not finite")
    network.load_state_dict(tensors, strict=False)
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


def load_sound_card(path: str | Path) -> WeightsCard:
    """The card of the weights file ``path``, which is read to the end but no network built: for a refusal in time.

    Raises WeightsError for a file that is missing, damaged, not safetensors, without card or not the card's own.
    """
    path = Path(path)
    _check_form(path)
    card = load_card(path)
    if _sha256(path) != card.sha256:
        raise WeightsError(path.name, f"is damaged or does not belong to {card_path(path).name} (SHA-256 differs)")
    return card


def load_card(path: str | Path) -> WeightsCard:
    """The card of the weights file ``path``. Raises WeightsError where it is missing or says nothing usable."""
    beside = card_path(path)
    if not beside.exists():
        raise WeightsError(Path(path).name, f"its card {beside.name} is missing; the two files belong together")
    document = read_document(beside, _WHAT, _LARGEST_CARD, WeightsError)
    if document.get("format", FORMAT) != FORMAT:
        raise WeightsError(beside.name, "was written by another version; update the package or the weights")
    card = checked(document, _Card, beside, _WHAT, WeightsError)
    return WeightsCard(card.name, card.config, card.sha256, card.version, card.licence, card.precision, card.training,
                       card.metrics, card.about)  # fmt: skip


def card_path(path: str | Path) -> Path:
    return Path(path).with_suffix(".json")


def _checked_name(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix != SUFFIX:
        raise WeightsError(path.name, f"a weights file must end in {SUFFIX}")
    return path


def _is_stored(name: str) -> bool:
    return not name.endswith(_NOT_STORED)


def _stored(tensor: Tensor, half: bool) -> Tensor:
    return tensor.detach().to("cpu", torch.float16 if half else torch.float32).contiguous()


def _check_form(path: Path) -> None:
    """safetensors begins with the length of a JSON header, 8 bytes, little endian."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise WeightsError(path.name, f"cannot be opened ({error.strerror or error})") from None
    header = int.from_bytes(start[:8], "little")
    if start[8:] != b"{" or header > _LARGEST_HEADER or 8 + header > size:
        raise WeightsError(path.name, "is not a safetensors file, or is cut off")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
