"""What detection finds: keyframes, the beats they form, and the curves they were read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from ..cine.cine import CineError
from ..cine.finding import Finding
from ..cine.orientation import Orientation
from .pieces import Piece
from .seen_view import ViewFound

if TYPE_CHECKING:
    from .confidence import Worth


class Phase(StrEnum):
    """The two keyframes of a cardiac cycle.

    ED, end-diastole: the first frame with the mitral leaflets closed, the LV largest.
    ES, end-systole: the LV smallest, in the last frames before the mitral leaflets part.
    """

    ED = "ED"
    ES = "ES"

    @property
    def other(self) -> Phase:
        return Phase.ES if self is Phase.ED else Phase.ED


@dataclass(frozen=True, eq=False)
class Curves:
    """Probability of ED and of ES for each frame of a cine, whichever detector they come from.

    probability: float32 ``[T, 2]`` in ``[0, 1]``, column 0 ED, column 1 ES.
    times: float64 ``[T]`` s, those of the cine.
    detector: name of the detector that made them.
    warnings: what the detector doubts, one line each.
    quality: how surely the clip shows a heartbeat, in the detector's own measure, about [0, 1]; None if it has none.
    worth: how heights of the curves become confidences; None where that is not known, they are taken as they are.
    """

    probability: np.ndarray
    times: np.ndarray
    detector: str
    warnings: tuple[str, ...] = field(default=())
    quality: float | None = None
    worth: Worth | None = None

    def __post_init__(self) -> None:
        shape = (len(self.times), 2)
        if self.probability.shape != shape:
            raise ValueError(f"probability must have shape {shape}, got {self.probability.shape}")
        if not np.isfinite(self.probability).all() or self.probability.min() < 0 or self.probability.max() > 1:
            raise ValueError("probabilities must be finite and lie in [0, 1]")

    @property
    def ed(self) -> np.ndarray:
        return self.probability[:, 0]

    @property
    def es(self) -> np.ndarray:
        return self.probability[:, 1]

    def of(self, phase: Phase) -> np.ndarray:
        return self.ed if phase is Phase.ED else self.es


@dataclass(frozen=True)
class Keyframe:
    """One ED or ES frame.

    frame: 0-based index into the cine. time: its time in s. confidence: in ``[0, 1]``; of the shipped detectors the
    share of such keyframes that are right (``confidence``).
    source: ``"auto"`` for a detected one, ``"manual"`` for one that a person set.
    at_edge: the clip ends before the turn is seen, so the extremum may lie outside it: the frame is the clip's first or
    last, or so near to it that the curve falls on one side only.
    beat: 1-based number of the beat that it belongs to (0: not numbered yet).
    degraded: the image there, right beside it, or between ED and ES of its beat is blank, frozen, noise or without
    contrast. Never of a keyframe that a person set, who has looked at the image.
    """

    phase: Phase
    frame: int
    time: float
    confidence: float = 1.0
    source: str = "auto"
    at_edge: bool = False
    beat: int = 0
    degraded: bool = False


class Unfit(StrEnum):
    """Why a beat is not fit for measurement."""

    CUT = "cut"
    """The clip's first or last beat, ED or ES outside the clip or at its edge."""

    INCOMPLETE = "incomplete"
    """ED or ES was not found although the beat lies inside the clip."""

    DEGRADED_IMAGE = "degraded image"
    """Frames without a usable image lie at, right beside or between ED and ES (``image_quality``)."""

    LOW_CONFIDENCE = "low confidence"
    """ED or ES has a confidence below ``LEAST_CONFIDENCE``."""

    SPLICE = "splice"
    """The film is cut between ED and ES, or where the one that is missing would be."""

    REPLAY = "replay"
    """The film shows a beat again that it showed before."""


LEAST_CONFIDENCE = 0.5
"""Of ED and ES for a measurement. In 400 simulated clips with every part of the simulator 56 % of the 345 keyframes
below it were right (``confidence``), of the 5,336 from it on 83 % (fused detector)."""


@dataclass(frozen=True)
class Beat:
    """One cardiac cycle: an ED, the ES that follows it, and the ED that ends it, as far as the clip shows them.

    number: 1-based. heart_rate: beats per minute from ``ed`` to ``next_ed``, None where one of them is missing or at
    the clip's edge, so that nobody knows how long the beat took.
    spliced, replayed: see ``Unfit``. unfit: why it is not fit for measurement, in the order of ``Unfit``. measurable:
    nothing speaks against it.
    """

    number: int
    ed: Keyframe | None
    es: Keyframe | None
    next_ed: Keyframe | None = None
    spliced: bool = False
    replayed: bool = False

    @property
    def heart_rate(self) -> float | None:
        start, end = self.ed, self.next_ed
        if start is None or end is None or start.at_edge or end.at_edge:
            return None
        return 60.0 / (end.time - start.time)

    @property
    def unfit(self) -> tuple[Unfit, ...]:
        found = [k for k in (self.ed, self.es) if k is not None]
        outermost = self.number == 1 or self.next_ed is None
        holds = {
            Unfit.CUT: any(k.at_edge for k in found) or (len(found) < 2 and outermost),
            Unfit.INCOMPLETE: len(found) < 2 and not outermost,
            Unfit.DEGRADED_IMAGE: any(k.degraded for k in found),
            Unfit.LOW_CONFIDENCE: any(k.confidence < LEAST_CONFIDENCE for k in found),
            Unfit.SPLICE: self.spliced,
            Unfit.REPLAY: self.replayed,
        }
        return tuple(reason for reason in Unfit if holds[reason])

    @property
    def measurable(self) -> bool:
        return not self.unfit


@dataclass(frozen=True, eq=False)
class Detection:
    """Everything that was found in one cine.

    heart_rate: median beats per minute over the intervals between keyframes of one kind, None if no interval is known.
    model: detector and version of its weights. decoder: ``"beats"`` or ``"maxima"``.
    warnings: those of the reading and of the detection, one line each. findings: those among them that are data, too.
    runtime: what ran the network, ``"onnxruntime"`` or ``"torch"``, None where there is none. device: where it ran.
    orientation: which end of the picture the apex is at. orientation_given: a person said so.
    pieces: what the film is made of, where it is more than one stretch.
    view_found: what the picture shows, whatever the file says; None where nobody could tell. view_confidence: in
    ``[0.5, 1]`` (``find_view``).
    """

    curves: Curves
    keyframes: tuple[Keyframe, ...]
    beats: tuple[Beat, ...]
    heart_rate: float | None
    model: str
    decoder: str
    warnings: tuple[str, ...] = field(default=())
    findings: tuple[Finding, ...] = field(default=())
    runtime: str | None = None
    device: str | None = None
    orientation: Orientation = Orientation.UNKNOWN
    orientation_given: bool = False
    pieces: tuple[Piece, ...] = ()
    view_found: ViewFound | None = None
    view_confidence: float | None = None


class DetectionError(CineError):
    """Detection cannot give a result on a cine that reads well. One line: which file, why, what to do."""


class StillError(DetectionError):
    """A single image, or two, where a loop is needed: no fault of the file."""


class Cancelled(Exception):
    """The caller asked a running detection to stop."""
