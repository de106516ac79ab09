"""The volume of every frame as a table node."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...measurement.automatic.volume_curve import VolumeCurve
from ..contract import VOLUME_CURVE_REFERENCE
from ..curves.table_columns import write_columns
from ..loop.added_node import add_table
from ..loop.frame_times import frame_times
from ..scene_error import require_in_scene, require_sequence

TIME, VOLUME = "Time", "Volume"


def find_volume_curve(sequence: Any) -> Any | None:
    """The vtkMRMLTableNode with a sequence's volume on every frame, or None. Raises SceneError if the sequence is gone.
    """
    require_in_scene(sequence, "sequence")
    return sequence.GetNodeReference(VOLUME_CURVE_REFERENCE)


def write_volume_curve(sequence: Any, curve: VolumeCurve) -> Any:
    """Put the curve into the sequence's table, which is made on first use and returned.

    Columns: Time in s, Volume in mL or, where the size of a pixel is not known, in per cent of the largest, Area in
    mm^2 (not a number then), Confidence. Not a number where no contour was found.
    """
    require_sequence(sequence)
    table = find_volume_curve(sequence)
    if table is None:
        table = add_table(sequence, "LV volume per frame", VOLUME_CURVE_REFERENCE)
    known = curve.calibrated
    write_columns(table, {
        TIME: frame_times(sequence),
        VOLUME: curve.volume if known else 100 * curve.relative,
        "Area": curve.area if known else np.full(len(curve.times), np.nan),
        "Confidence": curve.confidence,
    })  # fmt: skip
    table.SetColumnUnitLabel(VOLUME, "mL" if known else "%")
    return table
