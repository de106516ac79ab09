"""NAME.measurement.json and NAME.measurement.csv: volumes, ejection fraction and what they were measured from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .. import __version__
from ..atomic_file import written_atomically
from ..csv_file import write_rows
from ..measurement.measurement import BeatMeasurement, Measurement, PhaseVolume
from ..measurement.summary import CITATION, QUANTITIES
from .keyframes_file import readable, rounded

SCHEMA = 1
"""Raised when a field changes its meaning; added fields leave it as it is."""

CSV_COLUMNS = ("beat", "ed_frame", "es_frame", *(quantity.attribute for quantity in QUANTITIES))


def write_measurement_json(path: Path, measurement: Measurement) -> None:
    """Write NAME.measurement.json atomically, UTF-8: numbers in mL, mm, mm^2, per cent, per minute. Raises OSError."""
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "method": str(measurement.method),
        "recommendation": CITATION,
        "sources": [readable(name) for name in measurement.sources],
        "views": measurement.views,
        "units": {quantity.attribute: quantity.unit for quantity in QUANTITIES},
        "beats": [_beat(beat) for beat in measurement.beats],
        "mean": {quantity.attribute: measurement.mean(quantity.attribute) for quantity in QUANTITIES},
        "warnings": measurement.warnings,
    }
    text = json.dumps(rounded(document), ensure_ascii=False, indent=2, allow_nan=False)
    with written_atomically(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def write_measurement_csv(path: Path, measurement: Measurement) -> None:
    """Write NAME.measurement.csv atomically: a line for each beat and one for their mean, ``CSV_COLUMNS``.

    Frames of two views are joined by a slash. Raises OSError.
    """
    rows = [{"beat": beat.beat, "ed_frame": _frames(beat.ed), "es_frame": _frames(beat.es), **_numbers(beat)}
            for beat in measurement.beats]  # fmt: skip
    rows.append({"beat": "mean", **{q.attribute: measurement.mean(q.attribute) for q in QUANTITIES}})
    write_rows(path, CSV_COLUMNS, (rounded(row) for row in rows))


def _beat(beat: BeatMeasurement) -> dict[str, Any]:
    return {"beat": beat.beat, **_numbers(beat), "ED": _views(beat.ed), "ES": _views(beat.es)}


def _views(volume: PhaseVolume) -> list[dict[str, Any]]:
    """What was cut in each view; diameters run from base to apex."""
    return [
        {"frame": disks.contour.frame, "view": disks.contour.view, "spacing": disks.spacing, "base": disks.base,
         "apex": disks.apex, "length": disks.length, "area": disks.area, "diameters": disks.diameters.tolist()}
        for disks in volume.disks
    ]  # fmt: skip


def _numbers(beat: BeatMeasurement) -> dict[str, float | None]:
    return {quantity.attribute: getattr(beat, quantity.attribute) for quantity in QUANTITIES}


def _frames(volume: PhaseVolume) -> str:
    return "/".join(map(str, volume.frames))
