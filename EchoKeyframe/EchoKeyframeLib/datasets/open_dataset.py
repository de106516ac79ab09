"""Opens a labelled set; what the folder holds decides how."""

from __future__ import annotations

from pathlib import Path

from . import camus, echonet, labels_table
from .dataset import Dataset, DatasetError

FORMS = (labels_table.FORM, echonet.FORM, camus.FORM)
SUBSETS = ("tiny",)
"""Parts of a set that a publication defines: the paper's EchoNet-Dynamic-Tiny."""


def is_dataset(path: Path) -> bool:
    """Whether a path holds one of the forms that ``open_dataset`` reads."""
    path = Path(path)
    return labels_table.is_labels_table(path) or (
        path.is_dir() and (echonet.is_echonet(path) or camus.is_camus(path))
    )


def open_dataset(path: Path, subset: str | None = None, fps: float | None = None) -> Dataset:
    """The labelled set of a folder: cines with labels.csv, EchoNet-Dynamic or CAMUS (see Docs/datasets.md).

    Tables are read, no cine is. What is wrong with single cines is in ``findings``; ``Dataset.sound`` raises it.
    subset: ``"tiny"``, of EchoNet-Dynamic. fps: frames per second of cines whose set states no rate (CAMUS).

    Raises DatasetError where the path holds none of these or no such subset, LabelError for an unusable table.
    """
    path = Path(path)
    if labels_table.is_labels_table(path):
        dataset = labels_table.read_labels_table(path)
    elif path.is_dir() and echonet.is_echonet(path):
        dataset = echonet.read_echonet(path)
    elif path.is_dir() and camus.is_camus(path):
        dataset = camus.read_camus(path, fps)
    else:
        raise DatasetError(path.name or path, f"holds no labelled set ({', '.join(FORMS)})")
    if subset is None:
        return dataset
    if subset not in SUBSETS or dataset.form != echonet.FORM:
        raise DatasetError(path.name, f"has no subset {subset!r}; {SUBSETS[0]!r} is one of {echonet.FORM}")
    return echonet.tiny(dataset)
