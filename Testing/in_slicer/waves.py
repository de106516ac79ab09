"""Loops that the walk makes for itself: as long and as large as a step needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_wave(path: Path, count: int, height: int, width: int) -> Path:
    """Write ``count`` gray frames of a wave that moves, 30 a second, as the PLUS toolkit would; returns the
    path."""
    across = np.arange(width)
    fields = ["ObjectType = Image", "NDims = 3", f"DimSize = {width} {height} {count}", "ElementSpacing = 0.2 0.2 1",
              "UltrasoundImageOrientation = MF", "ElementType = MET_UCHAR"]  # fmt: skip
    fields += [f"Seq_Frame{i:04d}_Timestamp = {i / 30:.6f}" for i in range(count)]
    header = "\n".join([*fields, "ElementDataFile = LOCAL", ""])
    with path.open("wb") as file:
        file.write(header.encode())
        for i in range(count):
            row = (127 + 120 * np.sin(across / 40 + i / 5)).astype(np.uint8)
            file.write(np.tile(row, (height, 1)).tobytes())
    return path
