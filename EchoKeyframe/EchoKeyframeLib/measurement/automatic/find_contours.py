"""From a traced loop to the contours of its beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...cine.cine import Cine
from ...cine.sector import Sector
from ...detection.keyframes import Keyframe, Phase
from ..contour import AUTO, Contour, MeasurementError
from ..unfit import Doubt, RefusedBeat, in_order
from .contour_doubts import contour_doubts, inside
from .doubts import LEAST_APICAL
from .found_contours import FoundContours, Wanted
from .tracing import LoopTracing


def find_contours(cine: Cine, sector: Sector, wanted: Wanted, tracing: LoopTracing) -> FoundContours:
    """The contours of beats as they were traced. A beat one of whose contours cannot be used is refused, the others
    stay; all are where a loop whose view nobody named is not apical."""
    notes = tuple(f"{cine.source.name}: {doubt.text}" for doubt in tracing.doubts)
    doubts = [doubt.word for doubt in tracing.doubts]
    if tracing.apical < LEAST_APICAL:
        if cine.view is None:
            reason = "does not look like an apical view of the LV; name the view if it is one"
            return FoundContours((), tuple(RefusedBeat(n, (str(Doubt.NOT_APICAL),), reason) for n in wanted))
        doubts.append(str(Doubt.NOT_APICAL))
    contours: dict[tuple[Phase, int], Contour] = {}
    refused = []
    for number, keyframes in wanted.items():
        try:
            found = [_found(keyframe, cine, sector, tracing, doubts) for keyframe in keyframes]
        except _Unusable as error:
            refused.append(RefusedBeat(number, error.words, error.reason))
            continue
        contours.update({(c.phase, c.frame): c for c in found})
    return FoundContours(tuple(contours.values()), tuple(refused), notes)


class _Unusable(Exception):
    """A frame on which no contour can be used. words: why."""

    def __init__(self, words: Sequence[str], reason: str) -> None:
        super().__init__(reason)
        self.words, self.reason = tuple(words), reason


def _found(keyframe: Keyframe, cine: Cine, sector: Sector, tracing: LoopTracing, doubts: Sequence[str]) -> Contour:
    """The contour traced on a keyframe. Raises _Unusable."""
    traced = tracing.frames[keyframe.frame]
    where = f"{keyframe.phase} on frame {keyframe.frame}"
    if traced is None:
        raise _Unusable([str(Doubt.BROKEN)], f"{where}: no LV cavity was found")
    try:
        contour = Contour(keyframe.phase, keyframe.frame, np.asarray(traced.points), view=cine.view, source=AUTO,
                          confidence=float(traced.confidence), doubts=in_order(*doubts))  # fmt: skip
        words, hopeless = contour_doubts(contour, cine, sector, traced.apex)
        kept = contour if hopeless else replace(inside(contour, sector), doubts=words)
    except MeasurementError as error:
        raise _Unusable([str(Doubt.BROKEN)], f"{where}: what was found is no ventricle ({error.reason})") from error
    if hopeless:
        raise _Unusable(words, f"{where}: {', '.join(words)}; trace it by hand")
    return kept
