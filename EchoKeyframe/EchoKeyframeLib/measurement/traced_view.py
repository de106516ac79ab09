"""What was traced in one cine: the contours, and the beats on whose keyframes they lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..cine.cine import Box, Cine
from ..detection.beats import EDGE_RATE, certain_heart_rate, form_beats, heart_rate
from ..detection.keyframes import Beat, Keyframe, Phase
from .contour import Contour, MeasurementError
from .disks import Spacing
from .unfit import RefusedBeat

MEASURABLE_VIEWS = ("A4C", "A2C")
"""Views for which the method of disks is recommended (Lang et al. 2015)."""

_SLACK = 1.5
"""Pixels that a contour may leave the image or the region: walls are traced along their border."""


class WrongView(MeasurementError):
    """The view is known, and none that is measured."""


class NoKeyframe(MeasurementError):
    """A contour lies on a frame that is no keyframe."""


@dataclass(frozen=True, eq=False)
class TracedView:
    """Contours of one cine, checked against it.

    name: the cine's file name, for messages. size: height and width of its frames in pixels.
    spacing: mm per pixel (row, column), None if unknown. region: the calibrated region, None if unknown.
    view: ``"A4C"`` or ``"A2C"``; None if unknown, which a biplane measurement does not accept.
    heart_rate: beats per minute of the cine as a whole, for beats whose own is not known.
    notes: what a person should know about this view, one line each.
    refused: beats in which no contour could be found. algorithm: name and version of what found the others, if any.

    Raises MeasurementError where a contour belongs to another view, lies on a frame that is not its phase's keyframe
    (``NoKeyframe`` where it is not the other's, either), on the same frame as another, or outside the calibrated
    region.
    """

    name: str
    size: tuple[int, int]
    beats: tuple[Beat, ...]
    contours: tuple[Contour, ...]
    spacing: Spacing | None
    region: Box | None = None
    view: str | None = None
    heart_rate: float | None = None
    notes: tuple[str, ...] = field(default=())
    refused: tuple[RefusedBeat, ...] = field(default=())
    algorithm: str | None = None

    @classmethod
    def of(
        cls,
        cine: Cine,
        beats: tuple[Beat, ...],
        contours: tuple[Contour, ...],
        refused: tuple[RefusedBeat, ...] = (),
        algorithm: str | None = None,
    ) -> TracedView:
        """The contours traced in a cine; its view, where it has none, is the one that the contours name."""
        view = cine.view or next((c.view for c in contours if c.view), None)
        rate, doubts = rate_of_cine(beats, cine.heart_rate)
        return cls(cine.source.name, cine.size, tuple(beats), tuple(contours), cine.spacing, cine.region, view,
                   rate, (*cine.warnings, *doubts), refused, algorithm)  # fmt: skip

    def __post_init__(self) -> None:
        if not self.contours and not self.refused:
            raise MeasurementError(self.name, "no contour; trace the LV on an ED and an ES frame")
        check_view(self.name, self.view)
        seen: dict[tuple[Phase, int], Contour] = {}
        for contour in self.contours:
            self._check_frame(contour)
            self._check_place(contour)
            if (contour.phase, contour.frame) in seen:
                raise MeasurementError(self.name, f"two {contour.phase} contours on frame {contour.frame}; keep one")
            seen[contour.phase, contour.frame] = contour

    def contour(self, phase: Phase, keyframe: Keyframe | None) -> Contour | None:
        """The contour on a keyframe, if it was traced."""
        if keyframe is None:
            return None
        return next((c for c in self.contours if c.phase is phase and c.frame == keyframe.frame), None)

    def _frames(self, phase: Phase) -> list[int]:
        keys = [b.es for b in self.beats] if phase is Phase.ES else [k for b in self.beats for k in (b.ed, b.next_ed)]
        return sorted({k.frame for k in keys if k is not None})

    def _check_frame(self, contour: Contour) -> None:
        frames, others = self._frames(contour.phase), self._frames(contour.phase.other)
        if contour.frame in frames:
            return
        known = f"{contour.phase} frames: {', '.join(map(str, frames)) or 'none'}"
        if contour.frame in others:
            raise MeasurementError(
                self.name,
                f"{contour} lies on an {contour.phase.other} frame ({known}); change its phase, or trace "
                "the other frame"
            )
        raise NoKeyframe(
            self.name, f"{contour} lies on no {contour.phase} frame ({known}); trace one of these, or correct the "
            "keyframes first"
        )

    def _check_place(self, contour: Contour) -> None:
        if self.view and contour.view and contour.view != self.view:
            raise MeasurementError(self.name, f"{contour} in a cine of the view {self.view}")
        image = Box(0, 0, self.size[1], self.size[0])
        for box, what in ((image, "image"), (self.region, "calibrated region")):
            if box is not None and not _inside(contour.points, box):
                raise MeasurementError(
                    self.name,
                    f"{contour} leaves the {what} (columns {box.x0} to {box.x1 - 1}, rows {box.y0} to "
                    f"{box.y1 - 1}); trace inside it"
                )


def check_view(name: str, view: str | None) -> None:
    """Raise WrongView for a view that is known and not to be measured. name: the cine's."""
    if view is not None and view not in MEASURABLE_VIEWS:
        raise WrongView(
            name, f"the method of disks is for the views {' and '.join(MEASURABLE_VIEWS)}, not {view}"
        )


def check_two_views(found: Sequence[tuple[str, str | None]]) -> None:
    """Raise MeasurementError where two cines, told by name and view, are not one A4C and one A2C."""
    if {view for _, view in found} != set(MEASURABLE_VIEWS):
        told = " and ".join(f"{name} ({view or 'view unknown'})" for name, view in found)
        raise MeasurementError(told, "a biplane measurement needs one A4C and one A2C; name the views if they are")


def rate_of_cine(beats: Iterable[Beat], stated: float | None) -> tuple[float | None, tuple[str, ...]]:
    """Beats per minute for a beat whose own rate is not known, and what makes it doubtful.

    By the beats' keyframes; where all intervals touch the clip's edge, as the file states it (``stated``), if it does.
    """
    keyframes = {k for beat in beats for k in (beat.ed, beat.es, beat.next_ed) if k is not None}
    known = certain_heart_rate(keyframes) or stated
    if known:
        return known, ()
    uncertain = heart_rate(keyframes)
    return uncertain, (EDGE_RATE,) if uncertain else ()


def beats_of_contours(contours: tuple[Contour, ...], times: np.ndarray) -> tuple[Beat, ...]:
    """Beats where nobody marked keyframes: the frames that were traced are taken for them, on a person's word.

    times: float64 ``[T]`` s, those of the cine. Raises MeasurementError for a frame beyond its end.
    """
    for contour in contours:
        if contour.frame >= len(times):
            raise MeasurementError(contour, f"the cine has {len(times)} frames (0 to {len(times) - 1})")
    marked = {(c.phase, c.frame): Keyframe(c.phase, c.frame, float(times[c.frame]), source="manual") for c in contours}
    return form_beats(list(marked.values()))[1]


def _inside(points: np.ndarray, box: Box) -> bool:
    low, high = np.array([box.x0, box.y0]) - _SLACK, np.array([box.x1, box.y1]) - 1 + _SLACK
    return bool(((points >= low) & (points <= high)).all())
