"""DATA, as ``train`` and ``evaluate`` take it: a store of clips, a folder of cines with labels.csv, or a labels.csv."""

from __future__ import annotations

from pathlib import Path

from . import UsageError

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
