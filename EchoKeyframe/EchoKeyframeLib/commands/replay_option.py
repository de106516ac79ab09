"""--replay: clips that are learned from beside a person's own, so that the network does not forget what it knew."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..models.config import NetworkConfig
    from ..training.stores.clip_store import ClipStore

REPLAY_CLIPS = 200
"""Simulated in a few minutes on one core; half of the samples of a short training take each of them a few times."""

REPLAY_NAME = "simulated"
"""The store of replayed clips in the folder of a run."""


def add_replay(parser: argparse._ActionsContainer, default: str) -> None:
    parser.add_argument("--replay", metavar="STORE|N", help="clips to learn from beside them, so that the network does "
                        f"not forget what it knew: a store, or how many to simulate ({default})")


def replay_store(wanted: str, folder: Path, network: NetworkConfig) -> ClipStore | None:
    """The clips: an existing store, or as many as ``wanted`` says, simulated in ``folder``; None for 0 of them."""
    from ..training.samples.replay import simulated_replay
    from ..training.stores.clip_store import ClipStore

    if not wanted.isdecimal():
        return ClipStore(Path(wanted))
    if not int(wanted):
        return None
    masks = network.outputs == ("area",)
    progress = sys.stderr.isatty()
    return simulated_replay(folder / REPLAY_NAME, network.size, int(wanted), mask=masks, progress=progress)
