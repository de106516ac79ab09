"""A keyframe as a calibrated volume of one slice: NRRD and NIfTI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..atomic_file import named_by_text
from .excerpt import Excerpt

if TYPE_CHECKING:
    import numpy as np

UNCALIBRATED = "the size of its pixels is unknown; NRRD and NIfTI files say 1 mm, measure nothing in them"

_SLICE_MM = 1.0
"""Thickness of the slice. A 2D image has none; 1 mm is what Slicer gives it."""


def write_volume(path: Path, excerpt: Excerpt) -> tuple[str, ...]:
    """Write the excerpt's one frame as uint8 ``[1, H, W]``; NRRD or NIfTI by the suffix.

    Gray (luma, ITU-R BT.601), because segmentation and measurement take scalar volumes. Spacing in mm, 1 mm where it is
    unknown (the description says so). Columns run to the patient's left, rows to posterior (LPS; in NIfTI's RAS the
    signs are turned): not the patient's anatomy, which a 2D cine does not tell, but the orientation in which Slicer's
    own importer puts an ultrasound frame, so that an axial view shows it upright. The excerpt's description goes into
    NRRD's key/value pairs, in short into NIfTI's ``descrip``.

    Returns a warning where the spacing is unknown. Raises OSError.
    """
    import numpy as np
    import SimpleITK as sitk

    row, column = excerpt.cine.spacing or (1.0, 1.0)
    image = sitk.GetImageFromArray(np.ascontiguousarray(_gray(excerpt))[np.newaxis])
    image.SetSpacing((column, row, _SLICE_MM))
    for name, value in excerpt.description().items():
        image.SetMetaData(f"EchoKeyframe.{name}", value)
    if not path.name.endswith(".nrrd"):
        image.SetMetaData("ITK_FileNotes", _short(excerpt))  # what ITK writes as descrip, at most 79 characters
    try:
        with named_by_text(path) as named:
            sitk.WriteImage(image, str(named), useCompression=True)
    except RuntimeError as error:
        # ITK's text names the folder; its kind is all there is to say.
        raise OSError(f"{path.name}: ITK cannot write it") from error
    return () if excerpt.cine.spacing else (UNCALIBRATED,)


def _gray(excerpt: Excerpt) -> np.ndarray:
    pixels = excerpt.pixels()[0]
    if pixels.ndim == 2:
        return pixels
    import cv2

    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def _short(excerpt: Excerpt) -> str:
    keyframe = excerpt.keyframes[0]
    calibration = "" if excerpt.cine.spacing else ", spacing unknown"
    return f"{excerpt.title}, {keyframe.time:.4f} s, confidence {keyframe.confidence:.2f}{calibration}"
