"""An LV cavity that any tool segmented on an ED or ES frame, taken as its contour."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from ...detection.keyframes import Phase
from ..contract import SEQUENCE_REFERENCE
from ..keyframes.keyframe_volumes import frame_of_volume
from ..loop.frame_geometry import frame_size
from ..loop.sequence_frames import loop_spacing, loop_view, stored_flips
from ..scene_error import SceneError, require_frame, require_in_scene, require_sequence
from .lv_contours import find_contour, is_drawn, put_contour, read_contour


def contour_from_segment(sequence: Any, segmentation: Any, segment: str, phase: Phase, frame: int) -> Any:
    """Draw the border of a segment as the contour of a keyframe; returns the curve, which can then be corrected.

    The annulus is where a contour drawn there before has its ends, otherwise the segment's straight side. The segment
    may have any resolution and any extent in its plane.

    Raises SceneError where a node or the segment is missing, or the segmentation was made on another frame;
    MeasurementError as ``contour_of_mask``.
    """
    # OpenCV comes with the first detection, not with the module.
    from ...measurement.segmentation import contour_of_mask

    require_sequence(sequence)
    require_frame(sequence, frame)
    _check_frame(segmentation, sequence, phase, frame)
    before = find_contour(sequence, phase, frame)
    annulus = read_contour(before).annulus if before is not None and is_drawn(before) else None
    mask = _mask(sequence, frame, segmentation, segment)
    contour = contour_of_mask(mask, phase, frame, loop_spacing(sequence), annulus, loop_view(sequence))
    return put_contour(sequence, contour)


def segment_frame(segmentation: Any, sequence: Any) -> int | None:
    """The frame on whose extracted volume a segmentation was made; None where it was made on something else."""
    volume = segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole())
    if volume is None or volume.GetNodeReference(SEQUENCE_REFERENCE) is not sequence:
        return None
    return frame_of_volume(volume)


def _check_frame(segmentation: Any, sequence: Any, phase: Phase, frame: int) -> None:
    require_in_scene(segmentation, "segmentation")
    made_on = segment_frame(segmentation, sequence)
    if made_on not in (None, frame):
        raise SceneError(
            f"{segmentation.GetName()}: was made on frame {made_on}, the {phase} is frame {frame}; segment that frame, "
            "or correct the keyframes first"
        )


def _mask(sequence: Any, frame: int, segmentation: Any, segment: str) -> np.ndarray:
    """The segment on the frame's pixels, as a view shows them, bool ``[H, W]``."""
    name = segmentation.GetName()
    if segmentation.GetSegmentation().GetSegment(segment) is None:
        raise SceneError(f"{name}: has no such segment; choose one")
    labels, volume = slicer.vtkOrientedImageData(), sequence.GetNthDataNode(frame)
    if not segmentation.GetBinaryLabelmapRepresentation(segment, labels):
        raise SceneError(f"{name}: cannot be turned into pixels; make its binary labelmap in the Segmentations module")
    height, width = frame_size(sequence)
    geometry, resampled, matrix = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    geometry.SetExtent(0, width - 1, 0, height - 1, 0, 0)
    geometry.SetImageToWorldMatrix(matrix)
    resample = slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage
    if not resample(labels, geometry, resampled, False, False):
        raise SceneError(f"{name}: does not overlap frame {frame} of {sequence.GetName()}; segment that frame")
    mask = vtk_to_numpy(resampled.GetPointData().GetScalars()).reshape(height, width) > 0
    rows, columns = stored_flips(volume)
    return mask[:: -1 if rows else 1, :: -1 if columns else 1]
