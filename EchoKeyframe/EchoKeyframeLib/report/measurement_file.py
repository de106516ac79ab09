"""NAME.measurement.json and NAME.measurement.csv: volumes, ejection fraction and what they were measured from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import msgspec

from .. import __version__
from ..atomic_file import written_atomically
from ..cine.cine import CineError
from ..csv_file import write_rows
from ..detection.keyframes import Beat
from ..json_file import Frame, Word, checked, read_document
from ..measurement.contour import MANUAL
from ..measurement.measurement import BeatMeasurement, Measurement, PhaseVolume
from ..measurement.summary import CITATION, QUANTITIES
from ..measurement.unfit import RefusedBeat
from .keyframes_file import readable, rounded

SCHEMA = 1
"""Raised when a field changes its meaning; added fields leave it as it is."""

_WHAT = "measurement file"
_Number = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)] | None

CSV_COLUMNS = ("beat", "ed_frame", "es_frame", *(quantity.attribute for quantity in QUANTITIES), "source",
               "ejection_fraction_low", "ejection_fraction_high", "unfit", "taken", "index_beat")
MEAN, SPREAD = "mean", "sd"
"""In the column ``beat``: the rows with the means over the beats taken, and with their standard deviations."""


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
        "algorithm": measurement.algorithm,
        "beats": [_beat(beat) for beat in measurement.beats],
        "refused": [asdict(one) for one in measurement.refused],
        "beats_taken": [beat.beat for beat in measurement.taken],
        "index_beat": measurement.index_beat,
        "mean": {quantity.attribute: measurement.mean(quantity.attribute) for quantity in QUANTITIES},
        "spread": {quantity.attribute: measurement.spread(quantity.attribute) for quantity in QUANTITIES},
        "warnings": measurement.warnings,
    }
    _write(path, document)


def write_refusal(path: Path, source: str, view: str | None, reason: str, refused: Sequence[RefusedBeat]) -> None:
    """Write NAME.measurement.json for a cine none of whose beats gives a number. reason: one line. Raises OSError."""
    document = {"schema": SCHEMA, "version": __version__, "sources": [readable(source)], "views": [view], "beats": [],
                "refused": [asdict(one) for one in refused], "warnings": [reason]}  # fmt: skip
    _write(path, document)


def read_measured_beats(path: Path) -> tuple[dict[int, MeasuredBeat], dict[int, tuple[str, ...]]]:
    """From NAME.measurement.json: beats by their number, and why others have no number.

    Raises CineError where the file cannot be read or is no such file.
    """
    document = read_document(path, _WHAT)
    if document.get("schema") != SCHEMA:
        raise CineError(path.name, f"is no {_WHAT} of schema {SCHEMA}")
    told = checked(document, _Document, path, _WHAT)
    return {beat.beat: beat for beat in told.beats}, {one.beat: tuple(one.unfit) for one in told.refused}


class _Cut(msgspec.Struct):
    frame: Frame


class MeasuredBeat(msgspec.Struct):
    """What of a measured beat stands in a table of many cines. Volumes in mL, per cent; ED, ES: one for each view.
    source: who found its contours, as in ``BeatMeasurement``."""

    beat: Frame
    ED: list[_Cut]
    ES: list[_Cut]
    edv: _Number = None
    esv: _Number = None
    stroke_volume: _Number = None
    ejection_fraction: _Number = None
    source: Word = MANUAL
    unfit: list[Word] = []

    def is_of(self, beat: Beat) -> bool:
        """Whether it was measured on the keyframes that the beat has now."""
        eds = {key.frame for key in (beat.ed, beat.next_ed) if key is not None}
        es = beat.es.frame if beat.es is not None else None
        return es in {cut.frame for cut in self.ES} and not eds.isdisjoint(cut.frame for cut in self.ED)


class _Refused(msgspec.Struct):
    beat: Frame
    unfit: list[Word]


class _Document(msgspec.Struct):
    beats: list[MeasuredBeat]
    refused: list[_Refused] = []


def _write(path: Path, document: dict[str, Any]) -> None:
    text = json.dumps(rounded(document), ensure_ascii=False, indent=2, allow_nan=False)
    with written_atomically(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def write_measurement_csv(path: Path, measurement: Measurement) -> None:
    """Write NAME.measurement.csv atomically: a line for each beat and one for their mean, ``CSV_COLUMNS``; of several
    beats taken, one for their standard deviation, too.

    Frames of two views are joined by a slash. Raises OSError.
    """
    rows = [_row(beat, measurement) for beat in measurement.beats]
    rows.append({"beat": MEAN, **{q.attribute: measurement.mean(q.attribute) for q in QUANTITIES}})
    if len(measurement.taken) > 1:
        rows.append({"beat": SPREAD, **{q.attribute: measurement.spread(q.attribute) for q in QUANTITIES}})
    write_rows(path, CSV_COLUMNS, (rounded(row) for row in rows))


def _row(beat: BeatMeasurement, measurement: Measurement) -> dict[str, Any]:
    low, high = beat.ejection_fraction_interval or (None, None)
    return {"beat": beat.beat, "ed_frame": _frames(beat.ed), "es_frame": _frames(beat.es), **_numbers(beat),
            "source": beat.source, "ejection_fraction_low": low, "ejection_fraction_high": high,
            "unfit": " | ".join(beat.unfit) or None, "taken": beat in measurement.taken,
            "index_beat": beat.beat == measurement.index_beat}  # fmt: skip


def _beat(beat: BeatMeasurement) -> dict[str, Any]:
    return {"beat": beat.beat, **_numbers(beat), "source": beat.source,
            "ejection_fraction_interval": beat.ejection_fraction_interval, "unfit": beat.unfit,
            "ED": _views(beat.ed), "ES": _views(beat.es)}  # fmt: skip


def _views(volume: PhaseVolume) -> list[dict[str, Any]]:
    """What was cut in each view; diameters run from base to apex. Nothing is in mm where the size of a pixel is not
    known."""
    return [
        {"frame": disks.contour.frame, "view": disks.contour.view, "source": disks.contour.source,
         "confidence": disks.contour.confidence, "base": disks.base, "apex": disks.apex,
         "spacing": disks.spacing if disks.calibrated else None,
         "length": disks.length if volume.calibrated else None, "area": disks.area if volume.calibrated else None,
         "diameters": disks.diameters.tolist() if volume.calibrated else None}
        for disks in volume.disks
    ]  # fmt: skip


def _numbers(beat: BeatMeasurement) -> dict[str, float | None]:
    return {quantity.attribute: getattr(beat, quantity.attribute) for quantity in QUANTITIES}


def _frames(volume: PhaseVolume) -> str:
    return "/".join(map(str, volume.frames))
