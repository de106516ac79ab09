"""What a card says of the clips that a network learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ...datasets.dataset import LabelledCine
from ...models.model_card import CardData
from ..stores.clip_store import ClipStore


def card_data(store: ClipStore, cines: Sequence[LabelledCine] = ()) -> CardData:
    """Kind, number, views and frame rates of a store's clips; patients and readers where the set knows them."""
    clips = store.clips[store.clips["done"] == 1]
    views = Counter(str(view) or "unknown" for view in clips["view"])
    rates = (float(np.min(clips["fps"])), float(np.max(clips["fps"]))) if len(clips) else None
    kind = str(store.description.get("kind", "unknown"))
    patients = {cine.patient for cine in cines if cine.patient}
    return CardData(
        kind=kind,
        clips=len(clips),
        patients=len(patients) or None,
        views=dict(sorted(views.items())),
        frame_rates=rates,
        labelled_by="the simulator, exactly" if kind == "simulated" else _readers(cines),
    )


def _readers(cines: Sequence[LabelledCine]) -> str:
    readers = {name for cine in cines if cine.readings for name in cine.readings.voters if name}
    if not readers:
        return "the set's labels; by whom it does not say"
    return f"{len(readers)} reader{'s' * (len(readers) > 1)}, by majority"
