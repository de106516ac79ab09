"""The ventricle's size on every frame of a loop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...cine.cine import Cine
from ...detection.keyframes import Phase
from ..contour import Contour, MeasurementError
from ..disks import cut
from ..volume import single_plane
from .tracing import LoopTracing, TracedFrame


@dataclass(frozen=True, eq=False)
class VolumeCurve:
    """Area and volume of the LV on each frame, by the method of disks in one plane.

    times: float64 ``[T]`` s, those of the cine. area, volume: float64 ``[T]``, mm^2 and mL; where the size of a pixel
    is not known (``calibrated`` False), in units that nobody knows, good for ratios. NaN where no contour was found.
    confidence: float64 ``[T]`` in ``[0, 1]``, that of the contour; 0 where none was found.
    """

    times: np.ndarray
    area: np.ndarray
    volume: np.ndarray
    confidence: np.ndarray
    calibrated: bool

    @classmethod
    def of(cls, cine: Cine, tracing: LoopTracing, contours: Iterable[Contour] = ()) -> VolumeCurve:
        """The curve of a loop that was traced; on frames that have one of ``contours``, theirs counts."""
        given = {contour.frame: contour for contour in contours}
        sizes = [_size(given.get(i) or contour_of(found), cine) for i, found in enumerate(tracing.frames)]
        area, volume, confidence = np.array(sizes, np.float64).reshape(-1, 3).T
        return cls(cine.times, area, volume, confidence, cine.spacing is not None)

    @property
    def relative(self) -> np.ndarray:
        """Volume over the largest, float64 ``[T]`` in ``(0, 1]``."""
        largest = np.nanmax(self.volume) if np.isfinite(self.volume).any() else 1.0
        return self.volume / largest


def contour_of(found: TracedFrame | None, phase: Phase = Phase.ED) -> Contour | None:
    """What was traced on a frame as a contour; None where it is none."""
    if found is None:
        return None
    try:
        return Contour(phase, found.frame, found.points, source="auto", confidence=float(found.confidence))
    except MeasurementError:
        return None


def _size(contour: Contour | None, cine: Cine) -> tuple[float, float, float]:
    if contour is None:
        return np.nan, np.nan, 0.0
    try:
        disks = cut(contour, cine.spacing)
    except MeasurementError:
        return np.nan, np.nan, 0.0
    return disks.area, single_plane(disks), contour.confidence
