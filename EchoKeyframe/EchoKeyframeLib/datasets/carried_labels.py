"""Labels of an archive, for its prepared cines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from .clip_labels import LabelError
from .labels import LABELS_NAME, read_readings, write_readings
from .manifest import ManifestEntry
from .pseudonyms import Pseudonyms
from .readers import ClipReadings


def carry_labels(
    archive: Path, output: Path, entries: Mapping[str, ManifestEntry], pseudonyms: Pseudonyms
) -> tuple[int, list[LabelError]]:
    """Add the labels of ``archive``/labels.csv to ``output``/labels.csv under the names of the prepared cines.

    entries: by path of the source below the archive, with forward slashes. Clips that are labelled in the output
    folder already keep their labels. Patients become pseudonyms; names of readers stay. Returns the number of clips
    added, and what is wrong with clips whose labels cannot be right.

    Raises LabelError where a table cannot be read, OSError where it cannot be written.
    """
    problems: list[LabelError] = []
    found = read_readings(archive, problems)
    there = read_readings(output) if (output / LABELS_NAME).exists() else []
    labelled = {readings.file for readings in there}
    added = [
        _renamed(readings, entry, pseudonyms)
        for readings in found
        if (entry := entries.get(readings.file)) and entry.file not in labelled
    ]
    if added:
        write_readings(output / LABELS_NAME, [*there, *added])
    return len(added), problems


def _renamed(readings: ClipReadings, entry: ManifestEntry, pseudonyms: Pseudonyms) -> ClipReadings:
    by_reader = {reader: replace(labels, file=entry.file) for reader, labels in readings.by_reader.items()}
    patient = entry.patient or pseudonyms.patient(readings.patient or "")
    return ClipReadings(by_reader, patient or None, readings.split)
