"""NAME.contours.json: contours of one cine, written by a person, by another tool or by this library."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import numpy as np

from ..atomic_file import written_atomically
from ..beside import file_beside
from ..cine.cine import Cine
from ..detection.keyframes import Phase
from ..json_file import FileName, Frame, Pixels, Share, Word, checked, read_document
from .contour import Contour, MeasurementError, through
from .segmentation import contour_of_mask

SCHEMA = 1
"""Raised when a field changes its meaning; added fields leave it as it is."""
LARGEST_FILE = 16 * 2**20
_WHAT = "contours file"
_MOST_CONTOURS, _MOST_POINTS, _MOST_DOUBTS = 10_000, 100_000, 100
_Point = tuple[Pixels, Pixels]
SMOOTH: Final = "spline"
STRAIGHT: Final = "polyline"
"""Values of ``curve``: clicked points that a smooth curve runs through, or as many points that straight lines do."""


class _Contour(msgspec.Struct):
    phase: Phase
    frame: Frame
    points: Annotated[list[_Point], msgspec.Meta(max_length=_MOST_POINTS)] | None = None
    mask: FileName | None = None
    label: Annotated[int, msgspec.Meta(ge=1, lt=2**32)] | None = None
    annulus: tuple[_Point, _Point] | None = None
    apex: _Point | None = None
    curve: Literal["spline", "polyline"] = STRAIGHT
    source: Literal["manual", "auto"] = "manual"
    confidence: Share = 1.0
    doubts: Annotated[list[Word], msgspec.Meta(max_length=_MOST_DOUBTS)] = []
    accepted: bool = False


class _Document(msgspec.Struct):
    contours: Annotated[list[_Contour], msgspec.Meta(min_length=1, max_length=_MOST_CONTOURS)]
    view: Word | None = None
    label: Annotated[int, msgspec.Meta(ge=1, lt=2**32)] | None = None


def read_contours(path: Path, cine: Cine | None = None) -> tuple[Contour, ...]:
    """Read a contours file; Docs/measurement.md describes it. Segmentations that it names lie beside it.

    cine: where given, contours must lie on its frames and segmentations be of its size; its spacing helps to find
    their base.

    Raises MeasurementError, naming the file and the contour, for what cannot be read or is no contour.
    """
    path = Path(path)
    document = _document(path)
    view = document.view.upper() if document.view else None
    contours = []
    for number, entry in enumerate(document.contours, 1):
        try:
            contours.append(_contour(path, entry, document.label, view, cine))
        except MeasurementError as error:
            raise MeasurementError(path.name, f"contour {number}: {error}") from error
    return tuple(contours)


def write_contours(path: Path, contours: Sequence[Contour]) -> None:
    """Write contours of one view atomically, UTF-8, points to a hundredth of a pixel. Raises OSError."""
    entries = [{"phase": str(c.phase), "frame": int(c.frame), "source": c.source,
                "confidence": round(float(c.confidence), 4), **({"doubts": c.doubts} if c.doubts else {}),
                **({"accepted": True} if c.accepted else {}),
                **_apex_to_json(c), "curve": STRAIGHT, "points": np.round(c.points, 2).tolist()}
               for c in contours]  # fmt: skip
    view = next((c.view for c in contours if c.view), None)
    head = json.dumps({"schema": SCHEMA, "view": view}, ensure_ascii=False)[:-1]
    lines = ",\n  ".join(json.dumps(entry) for entry in entries)
    with written_atomically(path) as temporary:
        temporary.write_text(f'{head}, "contours": [\n  {lines}\n]}}\n', encoding="utf-8")


def _document(path: Path) -> _Document:
    document = read_document(path, _WHAT, LARGEST_FILE, MeasurementError)
    if "schema" not in document:
        raise MeasurementError(path.name, f'is no contours file of schema {SCHEMA} ("schema": {SCHEMA} is missing)')
    if document["schema"] != SCHEMA:
        found = f"{document['schema']!r:.40}"  # of a file of any kind, it may be anything
        raise MeasurementError(path.name, f"is of schema {found}; this EchoKeyframe understands {SCHEMA}")
    return checked(document, _Document, path, _WHAT, MeasurementError)


def _contour(path: Path, entry: _Contour, label: int | None, view: str | None, cine: Cine | None) -> Contour:
    found = _shape(path, entry, label, view, cine)
    return replace(found, source=entry.source, confidence=entry.confidence, doubts=tuple(entry.doubts),
                   accepted=entry.accepted)  # fmt: skip


def _shape(path: Path, entry: _Contour, label: int | None, view: str | None, cine: Cine | None) -> Contour:
    if cine is not None and entry.frame >= len(cine):
        raise MeasurementError(f"is on frame {entry.frame}; the cine has {len(cine)} frames (0 to {len(cine) - 1})")
    if entry.mask is not None:
        mask = _mask(path, entry.mask, entry.label if entry.label is not None else label, cine)
        annulus = None if entry.annulus is None else np.array(entry.annulus)
        return contour_of_mask(mask, entry.phase, entry.frame, cine.spacing if cine else None, annulus, view)
    if entry.points is None:
        raise MeasurementError("has neither points nor a mask")
    # As given first: crossings are to be found where they are.
    contour = Contour(entry.phase, entry.frame, np.array(entry.points, np.float64), entry.apex, view)
    if entry.curve == STRAIGHT:
        return contour
    return Contour(entry.phase, entry.frame, through(contour.points), entry.apex, view)


def _mask(path: Path, name: str, label: int | None, cine: Cine | None) -> np.ndarray:
    from .mask_picture import read_mask

    try:
        picture = file_beside(path, name)
    except ValueError as error:
        raise MeasurementError(f"mask {name!r:.80} {error}") from error
    except OSError as error:
        raise MeasurementError(f"mask {name} cannot be read ({error.strerror or type(error).__name__})") from error
    try:
        return read_mask(picture, cine.size if cine is not None else None, label)
    except MeasurementError as error:
        raise MeasurementError(f"mask {error.name} {error.reason}") from error


def _apex_to_json(contour: Contour) -> dict[str, Any]:
    return {} if contour.apex is None else {"apex": [round(float(v), 2) for v in contour.apex]}
