"""The card of a weights file, ``NAME.json`` beside ``NAME.safetensors``: what the weights are. Needs no torch.

The card holds the network's configuration, how it was trained and how good it is, and the SHA-256 of the weights. A
pair that does not belong together is refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from ..cine.cine import CineError
from ..json_file import FileName, Word, checked, read_document
from .config import NetworkConfig
from .model_card import ModelCard

FORMAT = 1
_LARGEST_CARD = 2**20
_LARGEST_HEADER = 2**24
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


def card_text(card: WeightsCard) -> str:
    """A card as it stands in its file."""
    plain = {**asdict(card), "config": card.config.to_dict(), "about": msgspec.to_builtins(card.about)}
    return json.dumps({"format": FORMAT, **plain}, indent=2, ensure_ascii=False) + "\n"


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
