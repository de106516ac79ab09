"""One training of the network that traces: from a pool to a weights file with its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from ...models.contour_unet import ContourUNet
from ...models.model_card import CardData, describe
from ...models.onnx_export import add_possible_graphs
from ...models.presets import build_network, preset
from ...models.weights_card import load_card
from ...models.weights_file import load_weights, save_weights
from ..fit.learned_clips import LEARNED, LearnedClips, learned_clips
from .fit import Check, Schedule, fit
from .pool import SIMULATED, Pool, PoolError
from .widen import widened

_HELD_APART = 0.1
_LEAST_CLIPS = 20
USE = "research and teaching: traces the left ventricle in apical 2D loops for a person to check"


def train_contour(
    name: str,
    learned: Pool,
    held_apart: Pool,
    weights: Path,
    schedule: Schedule,
    init: Path | None,
    tell: Callable[[str], None],
    replayed: Pool | None = None,
) -> None:
    """Train on one pool and check on the other; ``weights`` is written at each check, so a stop loses little.

    name: of the preset. init: weights to begin with, of a network that is as large or smaller. replayed: clips to
    learn from beside. Raises PoolError, ConfigError, WeightsError, OSError.
    """
    torch.manual_seed(schedule.seed)
    network = build_network(preset(name)) if init is None else load_weights(init)[0]
    if not isinstance(network, ContourUNet):
        raise PoolError(str(init), f"is no network of the preset {name}")
    network = widened(network, preset(name).hidden)
    weights.parent.mkdir(parents=True, exist_ok=True)
    began = LearnedClips() if init is None else learned_clips(load_card(init))
    pools = [pool for pool in (learned, replayed) if pool is not None]
    seen = sum(map(_clips_of, pools), began)

    def checked(mean: ContourUNet, check: Check) -> None:
        tell(check.line())
        training = {"schedule": asdict(schedule), "minutes": check.minutes, LEARNED: seen.to_dict()}
        training |= {"first_seed": learned.first_seed} if learned.first_seed is not None else {}
        training |= {"replayed": len(replayed)} if replayed is not None else {}
        about = describe(mean.config, _card_data(learned), training)
        about.intended_use, about.moments = USE, {}
        save_weights(weights, mean, training=training, metrics={"held apart": asdict(check)}, name=name, about=about)

    fit(network, learned, held_apart, schedule, checked, replayed)
    card = add_possible_graphs(weights, load_weights(weights)[0])
    tell(f"{weights}: {card.title}")


def parts(pool: Pool, name: str) -> tuple[Pool, Pool]:
    """What is learned from, and the last tenth, which is held apart; no patient is in both. Raises PoolError."""
    if len(pool) < _LEAST_CLIPS or not pool.apical.any():
        raise PoolError(name, f"holds {len(pool)} clips; at least {_LEAST_CLIPS} are needed, some of them apical")
    last = len(pool) - max(2, round(_HELD_APART * len(pool)))
    if pool.patients is not None:
        last = int(np.flatnonzero(pool.patients == pool.patients[last])[0])
    if not last:
        raise PoolError(name, "holds the clips of one patient; none could be held apart")
    return pool.part(slice(0, last)), pool.part(slice(last, None))


def _clips_of(pool: Pool) -> LearnedClips:
    if pool.first_seed is not None:
        return LearnedClips((range(pool.first_seed, pool.first_seed + len(pool)),))
    return LearnedClips((), frozenset([] if pool.sources is None else pool.sources.tolist()))


def _card_data(pool: Pool) -> CardData:
    views = dict(sorted(Counter(pool.views.tolist()).items()))
    patients = None if pool.patients is None else len(np.unique(pool.patients))
    by = "the simulator, exactly" if pool.kind == SIMULATED else f"the readers of {pool.kind}"
    return CardData(pool.kind, len(pool), patients, views, labelled_by=by)
