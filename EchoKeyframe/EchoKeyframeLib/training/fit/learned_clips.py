"""Which clips a network learned from, by its card: simulated ones by their seeds, others by their pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...models.registry import bundled_weights
from ...models.weights_card import WeightsCard, load_card

if TYPE_CHECKING:
    from ..stores.clip_store import ClipStore

LEARNED = "learned"
"""Key of a card's training under which all clips stand, those of the weights that it began with included."""


@dataclass(frozen=True)
class LearnedClips:
    """seeds: of simulated clips. sources: ``short_digest`` of the decoded frames of the others."""

    seeds: tuple[range, ...] = ()
    sources: frozenset[str] = frozenset()

    def __add__(self, other: LearnedClips) -> LearnedClips:
        seeds = (*self.seeds, *(seeds for seeds in other.seeds if seeds not in self.seeds))
        return LearnedClips(seeds, self.sources | other.sources)

    def __bool__(self) -> bool:
        return bool(self.seeds or self.sources)

    def has(self, seed: int | None, source: str | None) -> bool:
        """Whether a clip, by its seed (None: not simulated) or its pictures (None: unknown), is one of them."""
        return source in self.sources or (seed is not None and any(seed in seeds for seeds in self.seeds))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a card."""
        return {"seeds": [[seeds.start, seeds.stop] for seeds in self.seeds], "sources": sorted(self.sources)}


def clips_of(store: ClipStore) -> LearnedClips:
    """The clips of a store."""
    simulated = _seeds({**store.description, "clips": len(store)})
    return LearnedClips((simulated,)) if simulated else LearnedClips((), frozenset(store.sources))


def learned_clips(card: WeightsCard) -> LearnedClips:
    """What was trained on or replayed, by these weights and those that they began with. Empty where the card tells of
    none."""
    stated = _mapping(card.training, LEARNED)
    if stated:
        return LearnedClips(tuple(_ranges(stated.get("seeds"))), frozenset(_texts(stated.get("sources"))))
    # Cards of 0.1.0 name the stores alone.
    adaptation = _mapping(card.training, "adaptation")
    stores = [_mapping(card.training, "data"), _mapping(card.training, "replay"), _mapping(adaptation, "replay")]
    learned = LearnedClips(tuple(clips for clips in map(_seeds, stores) if clips))
    init = card.training.get("init") or adaptation.get("init_sha256")
    for weights in bundled_weights().values():
        began = load_card(weights)
        if init == began.sha256 != card.sha256:
            learned += learned_clips(began)
    return learned


def _mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Cards are other people's, and anything may stand in them."""
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}


def _seeds(store: Mapping[str, Any]) -> range:
    first, clips = store.get("first_seed"), store.get("clips")
    known = store.get("kind") == "simulated" and isinstance(first, int) and isinstance(clips, int)
    return range(first, first + clips) if known else range(0)


def _ranges(values: Any) -> Iterable[range]:
    for pair in values if isinstance(values, list) else ():
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(number, int) for number in pair):
            yield range(*pair)


def _texts(values: Any) -> Iterable[str]:
    return (value for value in values if isinstance(value, str)) if isinstance(values, list) else ()
