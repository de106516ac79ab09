"""Which simulated clips a network learned from, by what its card says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..models.registry import bundled_weights
from ..models.weights_file import WeightsCard, load_card


def learned_seeds(card: WeightsCard) -> list[range]:
    """Seeds of the simulated clips that were trained on or replayed, those of the weights that the training began with
    included where they are bundled ones. Empty where the card tells of none."""
    adaptation = _mapping(card.training, "adaptation")
    stores = [_mapping(card.training, "data"), _mapping(card.training, "replay"), _mapping(adaptation, "replay")]
    seeds = [clips for clips in map(_seeds, stores) if clips]
    init = card.training.get("init") or adaptation.get("init_sha256")
    for weights in bundled_weights().values():
        began = load_card(weights)
        if init == began.sha256 != card.sha256:
            seeds += learned_seeds(began)
    return seeds


def _mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Cards are other people's, and anything may stand in them."""
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}


def _seeds(store: Mapping[str, Any]) -> range:
    first, clips = store.get("first_seed"), store.get("clips")
    known = store.get("kind") == "simulated" and isinstance(first, int) and isinstance(clips, int)
    return range(first, first + clips) if known else range(0)
