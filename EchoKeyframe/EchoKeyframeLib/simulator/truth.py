"""The truth of every frame as files beside simulated cines: volume and valves in truth.csv, the ventricle as masks."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..csv_file import write_rows
from .phantom import PhantomBatch

TRUTH_NAME = "truth.csv"
COLUMNS = ("file", "frame", "time", "volume", "mitral", "aortic")
MASK_SUFFIX = ".mask.tif"
INSIDE_LV = 255
"""Gray value of the left ventricle's cavity in a mask; all else is 0."""


@dataclass(frozen=True, eq=False)
class ClipTruth:
    """The truth of one clip, named as its file is.

    times: s, float64 ``[T]``. volume, mitral, aortic: float32 ``[T]``, see ``PhantomBatch``.
    """

    file: str
    times: np.ndarray
    volume: np.ndarray
    mitral: np.ndarray
    aortic: np.ndarray

    @classmethod
    def of(cls, file: str, batch: PhantomBatch, index: int) -> ClipTruth:
        curves = (curve[index].cpu().numpy() for curve in (batch.volume, batch.mitral, batch.aortic))
        return cls(file, batch.times()[index], *curves)

    def rows(self) -> Iterator[dict[str, object]]:
        """A value for each of ``COLUMNS``, frame by frame."""
        for frame, (time, *curves) in enumerate(zip(self.times, self.volume, self.mitral, self.aortic, strict=True)):
            values = (f"{value:.4f}" for value in curves)
            yield dict(zip(COLUMNS, (self.file, frame, f"{time:.6f}", *values), strict=True))


def write_truth(folder: Path, clips: Iterable[ClipTruth]) -> None:
    """Write truth.csv, a row for each frame. Raises OSError.

    frame counts from 0; time is in s. volume is relative, not in mL: 1 where the LV is as large as at rest ED, 0 where
    it is as small as at a usual ES. mitral, aortic: opening of the valve, 0 closed to 1 wide open.
    """
    write_rows(folder / TRUTH_NAME, COLUMNS, (row for clip in clips for row in clip.rows()))


def mask_file(mask: np.ndarray) -> bytes:
    """The LV cavity bool ``[T, S, S]`` as a TIFF of T pages, 8 bits a pixel: ``INSIDE_LV``, or 0 outside."""
    first, *others = (Image.fromarray(page) for page in np.where(mask, INSIDE_LV, 0).astype(np.uint8))
    content = io.BytesIO()
    first.save(content, "TIFF", save_all=True, append_images=others, compression="tiff_deflate")
    return content.getvalue()
