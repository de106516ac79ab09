"""DATA, as ``train``, ``evaluate`` and ``reproduce`` take it: a labelled set of cines, or a store of clips."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError
from .options import frame_rate, natural
from .terminal import warn

if TYPE_CHECKING:
    from ..datasets.dataset import Dataset, LabelledCine
    from ..datasets.readers import ClipReadings
    from ..evaluation.evaluate import Case
    from ..training.stores.clip_store import ClipStore

DATA_HELP = "a folder of cines with labels.csv, EchoNet-Dynamic, CAMUS, or a store that 'phantom --store' made"
SPLITS = ("train", "val", "test")
SUBSETS = ("tiny",)


def add_data(parser: argparse.ArgumentParser) -> None:
    """DATA and what is chosen of it."""
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)
    parser.add_argument("--split", choices=SPLITS, help="only this part: the set's own, else 4:1 per view by patient, "
                        "train and test (default: all cines)")
    parser.add_argument("--split-seed", type=natural, default=0, metavar="SEED", help="of a 4:1 division (default: 0)")
    parser.add_argument("--leave-out", action="store_true", help="leave out cines that 'echokeyframe check' finds "
                        "wrong, by their labels and headers, instead of ending")
    add_set(parser)


def add_set(parser: argparse.ArgumentParser) -> None:
    """How a published set is read."""
    parser.add_argument("--subset", choices=SUBSETS, help="tiny: the first 280 videos of EchoNet-Dynamic, as the paper")
    parser.add_argument("--set-fps", type=frame_rate, metavar="RATE", help="frames per second where a set states none "
                        "(the first release of CAMUS)")


class LabelledData:
    """DATA of one command line. Tables are read on first use, cines when they are asked for."""

    def __init__(
        self, path: Path, subset: str | None = None, split: str | None = None, seed: int = 0,
        fps: float | None = None, leave_out: bool = False,
    ) -> None:  # fmt: skip
        self.path, self.subset, self.split, self.seed, self.fps = path, subset, split, seed, fps
        self.leave_out = leave_out

    @classmethod
    def of(cls, options: argparse.Namespace) -> LabelledData:
        """Raises UsageError where nothing there could be DATA, or where a store is to be divided."""
        data = cls(Path(options.data), options.subset, options.split, options.split_seed, options.set_fps,
                   options.leave_out)  # fmt: skip
        if not options.data or not (data.is_store or data._is_dataset):
            raise UsageError(f"{options.data!r} holds no labels.csv or other labelled set and is no store; "
                             "'echokeyframe phantom' makes either")  # fmt: skip
        if data.is_store and (data.split or data.subset):
            raise UsageError("a store holds what it was made of: --split and --subset need the set itself")
        return data

    @cached_property
    def is_store(self) -> bool:
        from ..training.stores.clip_store import is_store

        return is_store(self.path)

    @property
    def _is_dataset(self) -> bool:
        from ..datasets.open_dataset import is_dataset

        return is_dataset(self.path)

    @cached_property
    def store(self) -> ClipStore:
        from ..training.stores.clip_store import ClipStore

        return ClipStore(self.path)

    @cached_property
    def dataset(self) -> Dataset:
        """The chosen part of the set. Raises CineError where something must be mended first."""
        from ..datasets.open_dataset import open_dataset
        from ..datasets.split import Split

        split = Split(self.split) if self.split else None
        dataset = open_dataset(self.path, self.subset, self.fps)
        if not self.leave_out:
            return dataset.sound().part(split, self.seed)
        # Divided first: a cine that went missing must not move others from one part to another.
        part = dataset.without_wrong_labels().sound().part(split, self.seed)
        fine = _readable(part.cines)
        wrong = len(dataset.errors) + len(part) - len(fine)
        if wrong:
            warn(f"{wrong} cines or labels left out: 'echokeyframe check' says why")
        return replace(part, cines=fine).sound()

    def extent(self, most: int | None) -> tuple[int, str]:
        """Number of clips and what they are. Reads the labels, so that mistakes in them come first."""
        from ..datasets.dataset import SIMULATED_PREFIX

        names = self.names(most)
        if not names:
            raise UsageError(f"{self.path.name}: holds no finished clip")
        simulated = sum(name.startswith(SIMULATED_PREFIX) for name in names)
        kinds = {"simulated": simulated, "labelled": len(names) - simulated}
        counts = " and ".join(f"{n} {kind} clip{'s' * (n > 1)}" for kind, n in kinds.items() if n)
        return len(names), counts + (f" ({self._part})" if self._part else "")

    def names(self, most: int | None) -> list[str]:
        """Names of the files of the first ``most`` clips (None: all), without their folders."""
        if self.is_store:
            return [self.store[index].labels.file for index in range(len(self.store))][:most]
        return [Path(cine.labels.file).name for cine in self.dataset.cines[:most]]

    @property
    def _part(self) -> str:
        published = [] if self.is_store or self.dataset.form == "labels.csv" else [self.dataset.form]
        return ", ".join([*published, *([f"part {self.split!r}"] if self.split else [])])

    def readings(self, most: int | None) -> list[ClipReadings]:
        """What each reader marked, of the first ``most`` clips (None: all) that several readings tell of."""
        if self.is_store:
            return []
        return [cine.readings for cine in self.dataset.cines[:most] if cine.readings is not None]

    def cases(self, only: Collection[str] | None = None) -> Iterable[Case | tuple[str, str]]:
        """The clips with their labels, one after the other. only: names of those that are wanted (None: all)."""
        from ..evaluation.evaluate import labelled_cines, stored_clips

        return stored_clips(self.store, only=only) if self.is_store else labelled_cines(self.dataset.cines, only)


def _readable(cines: Iterable[LabelledCine]) -> tuple[LabelledCine, ...]:
    """The cines whose labels and headers show nothing that must be mended."""
    from ..datasets.cine_check import check_cine
    from ..datasets.dataset import Severity

    return tuple(c for c in cines if all(f.severity is not Severity.ERROR for f in check_cine(c).findings))
