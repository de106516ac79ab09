"""NAME.volumes.csv: the ventricle's size on every frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..csv_file import write_rows
from ..measurement.automatic.volume_curve import VolumeCurve

COLUMNS = ("frame", "time", "area", "volume", "confidence")


def write_volumes(path: Path, curve: VolumeCurve) -> None:
    """Write one line a frame, atomically: 0-based frame, time in s, area in mm^2, volume in mL, confidence.

    Area and volume are empty where no contour was found, or where the size of a pixel is not known. Raises OSError.
    """
    sizes = (curve.area, curve.volume) if curve.calibrated else (np.full(len(curve.times), np.nan),) * 2
    lines = zip(curve.times, *sizes, curve.confidence, strict=True)
    rows = (
        {"frame": frame, "time": f"{time:.6f}", "area": _shown(area), "volume": _shown(volume),
         "confidence": f"{confidence:.4f}"}
        for frame, (time, area, volume, confidence) in enumerate(lines)
    )  # fmt: skip
    write_rows(path, COLUMNS, rows)


def _shown(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else ""
