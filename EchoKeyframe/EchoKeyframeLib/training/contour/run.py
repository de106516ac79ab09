"""One training of the network that traces: from a pool to a weights file with its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from ...models.contour_unet import ContourUNet
from ...models.model_card import CardData, describe
from ...models.onnx_export import add_possible_graphs
from ...models.presets import build_network, preset
from ...models.weights_file import load_weights, save_weights
from .fit import Check, Schedule, fit
from .pool import Pool, PoolError, load_pool

NAME = "lv-contour"
_HELD_APART = 0.1
_LEAST_CLIPS = 20
USE = "research and teaching: traces the left ventricle in apical 2D loops for a person to check"


def train_contour(
    folder: Path, weights: Path, schedule: Schedule, init: Path | None, tell: Callable[[str], None]
) -> None:
    """Train on a pool, its last tenth held apart; ``weights`` is written at each check, so a stop loses little.

    init: weights to begin with. Raises PoolError, WeightsError, OSError.
    """
    learned, held_apart = _parts(load_pool(folder), folder.name)
    torch.manual_seed(schedule.seed)
    network = build_network(preset(NAME)) if init is None else load_weights(init)[0]
    if not isinstance(network, ContourUNet):
        raise PoolError(str(init), f"is no network of the preset {NAME}")
    weights.parent.mkdir(parents=True, exist_ok=True)
    said = CardData("simulated", len(learned), None, dict(sorted(Counter(learned.views.tolist()).items())), "", None,
                    "the simulator, exactly")  # fmt: skip

    def checked(mean: ContourUNet, check: Check) -> None:
        tell(check.line())
        training = {"schedule": asdict(schedule), "first_seed": learned.first_seed, "minutes": check.minutes}
        about = describe(mean.config, said, training)
        about.intended_use, about.moments = USE, {}
        save_weights(weights, mean, training=training, metrics={"held apart": asdict(check)}, name=NAME, about=about)

    fit(network, learned, held_apart, schedule, checked)
    card = add_possible_graphs(weights, load_weights(weights)[0])
    tell(f"{weights}: {card.title}")


def _parts(pool: Pool, name: str) -> tuple[Pool, Pool]:
    if len(pool) < _LEAST_CLIPS or not pool.apical.any():
        raise PoolError(name, f"holds {len(pool)} clips; at least {_LEAST_CLIPS} are needed, some of them apical")
    last = len(pool) - max(2, round(_HELD_APART * len(pool)))
    return pool.part(slice(0, last)), pool.part(slice(last, None))
