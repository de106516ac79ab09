"""DATA, as ``train`` and ``evaluate`` take it: a store of clips, a folder of cines with labels.csv, or a labels.csv."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError

if TYPE_CHECKING:
    from ..evaluation.evaluate import Case

DATA_HELP = "a folder of cines with labels.csv, a labels.csv, or a store that 'echokeyframe phantom --store' made"


def existing_data(text: str) -> Path:
    """The path of DATA. Raises UsageError where nothing there could be it; its content is read later."""
    from ..training.clip_store import is_store

    path = Path(text)
    if not text or not (is_store(path) or labels_file(path).is_file()):
        raise UsageError(f"{text!r} holds no labels.csv and is no store; 'echokeyframe phantom' makes either")
    return path


def labels_file(data: Path) -> Path:
    """labels.csv of a folder of cines."""
    from ..datasets.labels import LABELS_NAME

    return data / LABELS_NAME if data.is_dir() else data


def extent(data: Path, most: int | None) -> tuple[int, str]:
    """Number of clips and what they are. Reads the labels, so that mistakes in them come first."""
    from ..datasets.labels import read_labels
    from ..training.clip_store import ClipStore, is_store
    from ..training.phantom.clip_labels import PREFIX

    if is_store(data):
        store = ClipStore(data)
        names = [store[index].labels.file for index in range(len(store))]
    else:
        names = [labels.file for labels in read_labels(data)]
    names = names[:most]
    if not names:
        raise UsageError(f"{data.name}: holds no finished clip")
    simulated = sum(name.startswith(PREFIX) for name in names)
    kinds = {"simulated": simulated, "labelled": len(names) - simulated}
    return len(names), " and ".join(f"{n} {kind} clip{'s' * (n > 1)}" for kind, n in kinds.items() if n)


def labelled_cases(data: Path, only: Collection[str] | None = None) -> Iterable[Case | tuple[str, str]]:
    """The clips of DATA with their labels, one after the other. only: names of those that are wanted (None: all)."""
    from ..cine.read import read_cine
    from ..evaluation.evaluate import labelled_folder, stored_clips
    from ..training.clip_store import ClipStore, is_store

    if is_store(data):
        return stored_clips(ClipStore(data), only=only)
    return labelled_folder(data, read_cine, only)
