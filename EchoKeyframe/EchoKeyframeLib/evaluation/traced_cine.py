"""What a tracer finds on the ED and ES frames of a labelled cine, beside what the set traced there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..cine.cine import Cine
from ..datasets.clip_labels import LabelError
from ..datasets.dataset import LabelledCine, StatedVolumes
from ..datasets.masks import filled
from ..detection.keyframes import Phase
from ..measurement.automatic.tracing import LoopTracing, TracedFrame
from ..measurement.contour import Contour, MeasurementError
from ..measurement.disks import Disks, cut
from ..measurement.volume import biplane, single_plane

FOUR, TWO = "A4C", "A2C"
_FINER = 4
"""Pixels are split into as many squared where areas are compared."""
_NAN = float("nan")


@dataclass(frozen=True)
class Overlap:
    """Of two cavities, in parts of pixels. both: within both. each: sum of their areas."""

    both: int
    each: int

    @property
    def dice(self) -> float:
        return 2 * self.both / self.each if self.each else 0.0


@dataclass(frozen=True, eq=False)
class TracedCine:
    """One cine. overlaps: by phase; nothing in common where no border was found. found, true: disks of both contours;
    None where there is none. doubts: what speaks against the tracing, in words. patient: never shown."""

    file: str
    view: str | None
    patient: str | None
    stated: StatedVolumes
    doubts: tuple[str, ...]
    overlaps: Mapping[Phase, Overlap]
    found: Mapping[Phase, Disks | None]
    true: Mapping[Phase, Disks | None]

    @property
    def calibrated(self) -> bool:
        """Whether volumes are in mL."""
        return all(disks is None or disks.calibrated for disks in (*self.found.values(), *self.true.values()))


def compare(labelled: LabelledCine, cine: Cine, tracing: LoopTracing) -> TracedCine:
    """Raises LabelError where the set did not trace its ED and ES, CineError where a tracing cannot be read."""
    frames = traced_frames(labelled)
    overlaps, found, true = {}, {}, {}
    for phase, frame in frames.items():
        traced = tracing.frames[frame]
        overlaps[phase] = _overlap(labelled, frame, traced, cine)
        found[phase] = _disks(None if traced is None else _contour(traced, phase), cine)
        true[phase] = _disks(_true_contour(labelled, frame, phase), cine)
    labels = labelled.labels
    return TracedCine(labels.file, labels.view, labelled.patient, labelled.stated or StatedVolumes(),
                      tuple(str(doubt.word) for doubt in tracing.doubts), overlaps, found, true)  # fmt: skip


def traced_frames(labelled: LabelledCine) -> dict[Phase, int]:
    """The ED and the ES frame that the set traced. Raises LabelError where it did not."""
    frames: dict[Phase, int] = {}
    for phase in Phase:
        places = [round(place) for place in labelled.labels.of(phase).tolist()]
        traced = [frame for frame in places if labelled.masks and frame in labelled.masks.frames]
        if not traced:
            raise LabelError(labelled.labels.file, f"has no tracing of the left ventricle at {phase}")
        frames[phase] = traced[0]
    return frames


def fraction(cines: Iterable[TracedCine], source: str) -> float:
    """Ejection fraction in per cent by ``"found"`` or ``"true"`` contours of one cine or of both views; NaN where one
    of them is missing."""
    edv, esv = (volume(cines, source, phase) for phase in Phase)
    return 100 * (1 - esv / edv) if edv > 0 else _NAN


def volume(cines: Iterable[TracedCine], source: str, phase: Phase) -> float:
    """In mL where cines are calibrated, by the method of disks in one plane or, of an A4C and an A2C, in two; NaN where
    a contour is missing."""
    disks = [getattr(cine, source)[phase] for cine in cines]
    if any(one is None for one in disks):
        return _NAN
    return single_plane(disks[0]) if len(disks) == 1 else biplane(*disks)


def _overlap(labelled: LabelledCine, frame: int, traced: TracedFrame | None, cine: Cine) -> Overlap:
    true = labelled.masks.fine_mask(frame, _FINER)
    if true.shape != tuple(side * _FINER for side in cine.size):
        size = "x".join(str(side // _FINER) for side in true.shape[::-1])
        raise LabelError(labelled.labels.file, f"its tracing is of {size} pixels, a frame of "
                         f"{cine.size[1]}x{cine.size[0]}")  # fmt: skip
    found = np.zeros_like(true) if traced is None else filled(traced.points, cine.size, _FINER)
    return Overlap(int((true & found).sum()), int(true.sum()) + int(found.sum()))


def _contour(traced: TracedFrame, phase: Phase) -> Contour | None:
    try:
        return Contour(phase, traced.frame, traced.points, traced.apex)
    except MeasurementError:
        return None


def _true_contour(labelled: LabelledCine, frame: int, phase: Phase) -> Contour | None:
    try:
        return labelled.masks.contour(frame, phase)
    except MeasurementError:
        return None


def _disks(contour: Contour | None, cine: Cine) -> Disks | None:
    try:
        return None if contour is None else cut(contour, cine.spacing)
    except MeasurementError:
        return None
