"""Adapts a network to a person's own cines without labels: it learns from the beats on which it and motion agree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn
from tqdm import tqdm

from ...atomic_file import written_atomically
from ...cine.cine import CineError
from ...models.onnx_export import add_possible_graphs
from ...models.weights_file import WeightsCard, card_path, load_card, load_sound_card, load_weights, save_weights
from ..fit.checkpoints import CHECKPOINT_NAME
from ..fit.learned_clips import LEARNED, LearnedClips, learned_clips
from ..fit.recipe import RECIPES
from ..fit.run import Run
from ..fit.train import WEIGHTS_NAME, export, train
from ..stores.clip_store import ClipStore, StoredClip
from .adaptation_check import Check, check
from .observed_cine import ObservedCine, agreements, observe, share_agreed
from .pseudo_labels import Agreement

REPORT_NAME = "adaptation.json"

HELD_BACK = 5
"""Every n-th cine is only checked on."""

FEWEST_BEATS = 20
"""Agreed beats without which nothing is learned; simulated, 35 were enough to begin with (Docs/adaptation.md)."""


class AdaptationError(CineError):
    """Nothing can be learned from these cines. One line: why, what to do."""


@dataclass(frozen=True)
class Settings:
    """One adaptation: where it lives, which weights it begins with and how long it goes on.

    rounds: times that the cines are labelled by agreement and learned from; each starts from the weights of the one
    before, agrees with motion more often and so has more to learn from. steps: of each round. The other fields are
    those of ``Run``.
    """

    folder: Path
    init: Path
    rounds: int = 4
    steps: int = 60
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    progress: bool = True


@dataclass(frozen=True)
class Adaptation:
    """What came of it. weights: the file, None where the check refused it; refused: why it did."""

    weights: Path | None
    before: Check
    after: Check
    refused: tuple[str, ...]


class PseudoLabelled:
    """Cines with the labels on which two detectors agree, in the form of a store; those without are left out."""

    def __init__(self, store: ClipStore, cines: list[ObservedCine], found: list[Agreement]) -> None:
        self.folder, self.size, self._store = store.folder, store.size, store.sha256
        self._clips = [replace(c.clip, labels=a.labels) for c, a in zip(cines, found, strict=True) if a.beats]
        self.sources = [clip.source for clip in self._clips if clip.source]
        self.beats = sum(a.beats for a in found)
        self.agreement = share_agreed(found)
        made_of = {key: store.description.get(key) for key in ("files", "read")}
        self.description: dict[str, object] = {"kind": "pseudo-labelled", **made_of}

    def __len__(self) -> int:
        return len(self._clips)

    @property
    def sha256(self) -> str:
        """Of the cines and the labels that were agreed on."""
        return hashlib.sha256(repr((self._store, [clip.labels for clip in self._clips])).encode()).hexdigest()

    def __getitem__(self, index: int) -> StoredClip:
        return self._clips[index]

    def counts(self) -> dict[str, Any]:
        return {"cines": len(self), "beats": self.beats, "agreement": round(self.agreement, 4)}


def adaptable(weights: Path) -> WeightsCard:
    """The card of weights that can be adapted. Raises AdaptationError for another kind of network, WeightsError."""
    card = load_sound_card(weights)
    if card.config.outputs[:2] != ("ED", "ES"):
        raise AdaptationError(card.name, "gives no curves of ED and ES; adapt one of the networks that do")
    return card


def has_learned(folder: Path) -> bool:
    """Whether an adaptation in this folder has learned from its cines, which must then stay those that they are."""
    return any(folder.glob(f"round-*/{CHECKPOINT_NAME}"))


def adapt(
    cines: ClipStore,
    replay: ClipStore | None,
    simulated: ClipStore,
    settings: Settings,
    tell: Callable[[str], None] = print,
) -> Adaptation:
    """Adapt the network of ``settings.init`` to unlabelled cines, or go on with an adaptation that was stopped.

    cines: as ``store_unlabelled`` makes it. replay: labelled clips that are learned from beside them, so that what the
    network knew stays. simulated: other labelled clips for the check. tell: is given a line on each step.

    Writes a folder for each round, ``adaptation.json`` and, where the check lets it pass, ``weights.safetensors`` with
    its card. Raises AdaptationError where the detectors agree on too little, and what ``fit.train`` raises.
    """
    card = adaptable(settings.init)
    network, _ = load_weights(settings.init)
    learned, held_back = _observed(cines, settings, tell)
    before = check(network, held_back, simulated, settings.device, settings.progress)
    weights, rounds = settings.init, []
    for number in range(1, settings.rounds + 1):
        found = agreements(network, learned, settings.device, settings.progress)
        labelled = PseudoLabelled(cines, learned, found)
        tell(f"round {number}: network and motion agree on {labelled.beats} beats in {len(labelled)} cines")
        _require_enough(labelled.beats, settings.folder)
        rounds.append(labelled.counts())
        run = _run(settings, number, weights)
        network = train(network.config, RECIPES["fine-tune"], labelled, run, replay)
        weights = export(network, run)
    after = check(network, held_back, simulated, settings.device, settings.progress)
    refused = after.worse_than(before)
    report = {
        "init": card.title, "init_sha256": card.sha256, "cines": len(cines), "held_back": len(held_back),
        "rounds": rounds, "steps": settings.steps, "seed": settings.seed,
        "replay": None if replay is None else {**replay.description, "clips": len(replay)},
        "check": {"before": asdict(before), "after": asdict(after), "simulated": len(simulated)}, "refused": refused,
    }  # fmt: skip
    written = _write(settings.folder, network, report, learned_clips(load_card(weights)))
    return Adaptation(written, before, after, tuple(refused))


def _observed(
    cines: ClipStore, settings: Settings, tell: Callable[[str], None]
) -> tuple[list[ObservedCine], list[ObservedCine]]:
    """The cines to learn from and those held back, without the ones in which nothing beats."""
    bar = tqdm(range(len(cines)), desc="motion", unit="cine", disable=None if settings.progress else True, leave=False)
    observed = [observe(cines[index]) for index in bar]
    beating = [cine for cine in observed if cine is not None]
    tell(f"{len(cines)} cines; in {len(beating)} of them a heart is seen to beat")
    held_back = beating[HELD_BACK - 1 :: HELD_BACK]
    return [cine for cine in beating if cine not in held_back], held_back


def _require_enough(beats: int, folder: Path) -> None:
    if beats < FEWEST_BEATS:
        elsewhere = "; do so in another --output, for something was learned in this one" if has_learned(folder) else ""
        raise AdaptationError(
            f"network and motion agree on {beats} beats, at least {FEWEST_BEATS} are needed; give more cines, check "
            f"their frame rate (--fps), or label a few dozen of them for 'echokeyframe train --init'{elsewhere}"
        )


def _run(settings: Settings, number: int, weights: Path) -> Run:
    return Run(
        settings.folder / f"round-{number}", steps=settings.steps, seed=settings.seed + number,
        accelerator=settings.device, threads=settings.threads, progress=settings.progress, init=weights,
    )  # fmt: skip


def _write(folder: Path, network: nn.Module, report: dict[str, Any], learned: LearnedClips) -> Path | None:
    """The weights, unless they were refused, and the report of either."""
    path = folder / WEIGHTS_NAME
    if report["refused"]:
        for stale in (path, card_path(path)):
            stale.unlink(missing_ok=True)
    else:
        training = {"adaptation": report, LEARNED: learned.to_dict()}
        save_weights(path, network, training=training, name=folder.resolve().name)
        add_possible_graphs(path, network)
    with written_atomically(folder / REPORT_NAME) as partial:
        partial.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return None if report["refused"] else path
