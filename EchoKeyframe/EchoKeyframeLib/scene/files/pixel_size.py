"""What a pixel of a sequence measures, changed without moving what was drawn on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from ..contours.long_axis import axis_set_by_hand
from ..contours.lv_contours import contour_place, find_contours
from ..contract import SPACING_ATTRIBUTE
from ..loop.frame_geometry import to_pixels, to_ras
from ..scene_error import SceneError, require_sequence


def set_pixel_size(sequence: Any, spacing: tuple[float, float], origin: str = "given") -> None:
    """Let a pixel measure ``spacing`` mm (row, column). Contours and long axes stay on the wall that they follow.

    origin: ``"given"`` on a person's word, ``"calibrated"`` by the file. Raises SceneError for sizes that are not
    positive or if the sequence is gone; nothing is changed then.
    """
    require_sequence(sequence)
    if not (np.isfinite(spacing).all() and min(spacing) > 0):
        shown = " x ".join(f"{size:g}" for size in spacing)
        raise SceneError(f"{sequence.GetName()}: a pixel must measure more than 0 mm, got {shown}")
    drawn = [(markups, contour_place(curve)[1]) for curve in find_contours(sequence)
             for markups in (curve, axis_set_by_hand(curve)) if markups is not None]  # fmt: skip
    pixels = [to_pixels(sequence, frame, slicer.util.arrayFromMarkupsControlPoints(markups, world=True), "contour")
              for markups, frame in drawn]  # fmt: skip
    for i in range(sequence.GetNumberOfDataNodes()):
        volume = sequence.GetNthDataNode(i)
        volume.SetSpacing(spacing[1], spacing[0], volume.GetSpacing()[2])
    sequence.SetAttribute(SPACING_ATTRIBUTE, origin)
    for (markups, frame), places in zip(drawn, pixels, strict=True):
        slicer.util.updateMarkupsControlPointsFromArray(markups, to_ras(sequence, frame, places), world=True)
    sequence.StorableModified()
    # The browser copies the changed frame to its proxy.
    sequence.Modified()
