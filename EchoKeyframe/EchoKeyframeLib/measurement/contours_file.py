"""NAME.contours.json: contours of one cine, written by a person, by another tool or by this library."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic_file import written_atomically
from ..cine.cine import Cine
from ..detection.keyframes import Phase
from .contour import Contour, MeasurementError, through
from .segmentation import contour_of_mask

SCHEMA = 1
"""Raised when a field changes its meaning; added fields leave it as it is."""
LARGEST_FILE = 16 * 2**20
SMOOTH, STRAIGHT = "spline", "polyline"
"""Values of ``curve``: clicked points that a smooth curve runs through, or as many points that straight lines do."""


def read_contours(path: Path, cine: Cine | None = None) -> tuple[Contour, ...]:
    """Read a contours file; Docs/measurement.md describes it. Segmentations that it names lie beside it.

    cine: where given, contours must lie on its frames and segmentations be of its size; its spacing helps to find
    their base.

    Raises MeasurementError, naming the file and the contour, for what cannot be read or is no contour.
    """
    path = Path(path)
    document = _document(path)
    view, entries = document.get("view"), document.get("contours")
    if view is not None and not isinstance(view, str):
        raise MeasurementError(path.name, "its view must be a text such as A4C")
    view = view.upper() if view else None
    if not isinstance(entries, list) or not entries:
        raise MeasurementError(path.name, "holds no list of contours")
    contours = []
    for number, entry in enumerate(entries, 1):
        try:
            contours.append(_contour(path.parent, entry, view, cine))
        except MeasurementError as error:
            raise MeasurementError(path.name, f"contour {number}: {error}") from error
    return tuple(contours)


def write_contours(path: Path, contours: Sequence[Contour]) -> None:
    """Write contours of one view atomically, UTF-8, points to a hundredth of a pixel. Raises OSError."""
    entries = [{"phase": str(c.phase), "frame": int(c.frame), **_apex_to_json(c), "curve": STRAIGHT,
                "points": np.round(c.points, 2).tolist()} for c in contours]  # fmt: skip
    view = next((c.view for c in contours if c.view), None)
    head = json.dumps({"schema": SCHEMA, "view": view}, ensure_ascii=False)[:-1]
    lines = ",\n  ".join(json.dumps(entry) for entry in entries)
    with written_atomically(path) as temporary:
        temporary.write_text(f'{head}, "contours": [\n  {lines}\n]}}\n', encoding="utf-8")


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise MeasurementError(path.name, f"larger than {LARGEST_FILE >> 20} MB, so not a file of contours")
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise MeasurementError(path.name, f"cannot be read as a contours file ({type(error).__name__})") from error
    if not isinstance(document, dict) or "schema" not in document:
        raise MeasurementError(f'{path.name}: is no contours file of schema {SCHEMA} ("schema": {SCHEMA} is missing)')
    if document["schema"] != SCHEMA:
        found = f"{document['schema']!r:.40}"  # of a file of any kind, it may be anything
        raise MeasurementError(path.name, f"is of schema {found}; this EchoKeyframe understands {SCHEMA}")
    return document


def _contour(folder: Path, entry: Any, view: str | None, cine: Cine | None) -> Contour:
    try:
        phase, frame = Phase(entry["phase"]), entry["frame"]
        if type(frame) is not int or frame < 0:
            raise ValueError
        if cine is not None and frame >= len(cine):
            raise MeasurementError(f"is on frame {frame}; the cine has {len(cine)} frames (0 to {len(cine) - 1})")
        if "mask" in entry:
            mask, spacing = _mask(folder / str(entry["mask"]), cine), cine.spacing if cine else None
            return contour_of_mask(mask, phase, frame, spacing, entry.get("annulus"), view)
        points = np.array(entry["points"], np.float64)
        apex = None if entry.get("apex") is None else tuple(map(float, entry["apex"]))
    except KeyError as error:
        raise MeasurementError(f"lacks {error}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise MeasurementError("needs phase ED or ES, a frame from 0 up, and points as pairs of numbers") from error
    contour = Contour(phase, frame, points, apex, view)  # as given first: crossings are to be found where they are
    curve = entry.get("curve", STRAIGHT)
    if curve not in (SMOOTH, STRAIGHT):
        raise MeasurementError(f"curve must be {SMOOTH} or {STRAIGHT}, got {curve}")
    return contour if curve == STRAIGHT else Contour(phase, frame, through(points), apex, view)


def _mask(path: Path, cine: Cine | None) -> np.ndarray:
    """A picture whose pixels are not 0 inside the LV cavity, as bool ``[H, W]``."""
    import cv2

    try:
        picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, cv2.error) as error:
        raise MeasurementError(f"the segmentation {path.name} cannot be read ({type(error).__name__})") from error
    if picture is None:
        raise MeasurementError(f"the segmentation {path.name} is no picture; save it as PNG, 0 outside the cavity")
    if cine is not None and picture.shape != cine.size:
        found, wanted = (f"{size[1]}x{size[0]}" for size in (picture.shape, cine.size))
        raise MeasurementError(f"the segmentation {path.name} is {found} pixels, but a frame {wanted}")
    return picture > 0


def _apex_to_json(contour: Contour) -> dict[str, Any]:
    return {} if contour.apex is None else {"apex": [round(float(v), 2) for v in contour.apex]}
