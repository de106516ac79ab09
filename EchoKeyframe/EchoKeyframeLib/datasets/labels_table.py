"""A folder of cines with labels.csv: a hospital's own set with one or several readers, keyframes exported from Slicer,
and what the simulator writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..cine.cine import CineError
from .clip_labels import ClipLabels, LabelError
from .dataset import Dataset, Finding, LabelledCine, Severity, errors_from
from .labels import LABELS_NAME, read_readings
from .manifest import ManifestEntry, read_manifest

FORM = "labels.csv"


def is_labels_table(path: Path) -> bool:
    """Whether a path is a folder with labels.csv, or such a table itself."""
    return (path / LABELS_NAME).is_file() or (path.is_file() and path.suffix.lower() == ".csv")


def read_labels_table(path: Path) -> Dataset:
    """The set of a folder with labels.csv, or of a table beside its cines. Raises LabelError for an unusable table."""
    table = path / LABELS_NAME if path.is_dir() else path
    problems: list[LabelError] = []
    readings = read_readings(table, problems)
    prepared = _prepared(table.parent)
    cines = tuple(
        LabelledCine(
            _with_view(clip.consensus.labels, prepared.get(clip.file)),
            table.parent / clip.file,
            patient=clip.patient or getattr(prepared.get(clip.file), "patient", None) or None,
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


def _prepared(folder: Path) -> dict[str, ManifestEntry]:
    """What ``echokeyframe prepare`` wrote of the cines: pseudonyms of patients, views. Empty where it did not."""
    try:
        return read_manifest(folder)
    except CineError:  # a file of that name with other things in it
        return {}


def _with_view(labels: ClipLabels, entry: ManifestEntry | None) -> ClipLabels:
    return replace(labels, view=entry.view) if entry and entry.view and labels.view is None else labels
