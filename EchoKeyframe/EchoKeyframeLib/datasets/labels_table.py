"""A folder of cines with labels.csv: a hospital's own set with one or several readers, keyframes exported from Slicer,
and what the simulator writes."""

from __future__ import annotations

from pathlib import Path

from .clip_labels import LabelError
from .dataset import Dataset, Finding, LabelledCine, Severity, errors_from
from .labels import LABELS_NAME, read_readings

FORM = "labels.csv"


def is_labels_table(path: Path) -> bool:
    """Whether a path is a folder with labels.csv, or such a table itself."""
    return (path / LABELS_NAME).is_file() or (path.is_file() and path.suffix.lower() == ".csv")


def read_labels_table(path: Path) -> Dataset:
    """The set of a folder with labels.csv, or of a table beside its cines. Raises LabelError for an unusable table."""
    table = path / LABELS_NAME if path.is_dir() else path
    problems: list[LabelError] = []
    readings = read_readings(table, problems)
    cines = tuple(
        LabelledCine(
            clip.consensus.labels,
            table.parent / clip.file,
            patient=clip.patient,
            split=clip.split,
            readings=clip if len(clip.by_reader) > 1 else None,
        )
        for clip in readings
    )
    known = sum(cine.split is not None for cine in cines)
    findings = errors_from(problems, "wrong labels")
    if 0 < known < len(cines):
        message = f"{table.name}: {len(cines) - known} of {len(cines)} cines have no split; give it for all or for none"
        findings += (Finding(Severity.ERROR, "split missing", table.name, message),)
    return Dataset(FORM, table.parent, cines, findings)
