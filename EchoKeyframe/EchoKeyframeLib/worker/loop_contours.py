"""What tracing a loop gave, as a file: contours in pixels of the cine, and the volume of every frame."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from ..atomic_file import written_atomically
from ..cine.cine import CineError
from ..detection.keyframes import Phase
from ..json_file import Frame, Line, Pixels, Share, Word, checked, read_document
from ..measurement.automatic.found_contours import FoundContours
from ..measurement.automatic.volume_curve import VolumeCurve
from ..measurement.contour import AUTO, Contour
from ..measurement.unfit import RefusedBeat

_LARGEST = 2**30
_WHAT = "tracing of a loop"
_Size = Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None


@dataclass(frozen=True, eq=False)
class LoopContours:
    """found: contours and what was refused. curve: the ventricle on every frame. algorithm: name and version."""

    found: FoundContours
    curve: VolumeCurve
    algorithm: str


class _Contour(msgspec.Struct):
    phase: Phase
    frame: Frame
    points: list[tuple[Pixels, Pixels]]
    confidence: Share
    doubts: list[Word]


class _Document(msgspec.Struct):
    algorithm: Word
    contours: list[_Contour]
    refused: list[RefusedBeat]
    notes: list[Line]
    times: list[float]
    area: list[_Size]
    volume: list[_Size]
    confidence: list[Share]
    calibrated: bool


def write_loop_contours(path: Path, told: LoopContours, scale: int) -> None:
    """scale: by which the frames that were traced had been shrunk. Raises OSError."""
    curve = told.curve
    contours = [_Contour(c.phase, c.frame, ((c.points + 0.5) * scale - 0.5).tolist(), c.confidence, list(c.doubts))
                for c in told.found.contours]  # fmt: skip
    document = _Document(
        told.algorithm, contours, list(told.found.refused), list(told.found.notes), curve.times.tolist(),
        _known(curve.area), _known(curve.volume), curve.confidence.tolist(), curve.calibrated,
    )  # fmt: skip
    with written_atomically(path) as temporary:
        temporary.write_text(json.dumps(msgspec.to_builtins(document)), encoding="utf-8")


def read_loop_contours(path: Path, view: str | None = None) -> LoopContours:
    """What ``write_loop_contours`` told. view: of the loop. Raises CineError."""
    try:
        told = checked(read_document(path, _WHAT, _LARGEST), _Document, path, _WHAT)
        contours = tuple(Contour(c.phase, c.frame, np.array(c.points), view=view, source=AUTO, confidence=c.confidence,
                                 doubts=tuple(c.doubts)) for c in told.contours)  # fmt: skip
        times, area, volume, confidence = (
            np.array(column, np.float64) for column in (told.times, told.area, told.volume, told.confidence)
        )
        if not len(times) == len(area) == len(volume) == len(confidence):
            raise CineError("its columns are of unequal length")
    except CineError as error:
        raise CineError(f"the contours that were found could not be taken over ({error.reason}); try again") from error
    found = FoundContours(contours, tuple(told.refused), tuple(told.notes))
    return LoopContours(found, VolumeCurve(times, area, volume, confidence, told.calibrated), told.algorithm)


def _known(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
