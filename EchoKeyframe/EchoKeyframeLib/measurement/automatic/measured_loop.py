"""A loop whose contours were found, with the volume of each of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...cine.cine import Cine
from ...detection.keyframes import Beat
from ..contour import Contour
from ..traced_view import TracedView, check_view
from .find_contours import find_contours
from .found_contours import none_whole, wanted_keyframes
from .volume_curve import VolumeCurve

if TYPE_CHECKING:
    from ...cine.sector import Sector
    from ...detection.detector import Progress
    from .tracer import Tracer


@dataclass(frozen=True, eq=False)
class MeasuredLoop:
    """cine, sector: the loop. view: its contours, to be measured. curve: the ventricle on every frame."""

    cine: Cine
    sector: Sector
    view: TracedView
    curve: VolumeCurve

    @classmethod
    def of(
        cls,
        cine: Cine,
        sector: Sector,
        beats: Sequence[Beat],
        tracer: Tracer,
        given: Sequence[Contour] = (),
        progress: Progress | None = None,
    ) -> MeasuredLoop:
        """Trace a loop and find the contours of its beats; ``given`` ones are kept.

        Raises MeasurementError for a view that is known not to be measurable, or where ``given`` do not belong to the
        cine; ``Cancelled`` where ``progress`` does.
        """
        view = cine.view or next((c.view for c in given if c.view), None)
        check_view(cine.source.name, view)
        cine = replace(cine, view=view)
        wanted = wanted_keyframes(beats, given)
        frames = sorted({keyframe.frame for keyframes in wanted.values() for keyframe in keyframes})
        tracing = tracer.trace(cine, sector, progress, frames)
        found = find_contours(cine, sector, wanted, tracing)
        contours = (*given, *found.contours)
        refused = found.refused if wanted or given else none_whole(beats)
        traced = TracedView.of(cine, tuple(beats), contours, refused, tracer.name)
        return cls(cine, sector, replace(traced, notes=(*traced.notes, *found.notes)),
                   VolumeCurve.of(cine, tracing, contours))  # fmt: skip
