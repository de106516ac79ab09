"""Any image sequence in the scene, whoever made it, as a cine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from ...cine.cine import Box, Cine, Source
from ..contract import (
    FRAME_NUMBER_ATTRIBUTE,
    HEART_RATE_ATTRIBUTE,
    INSTANCE_UIDS_ATTRIBUTE,
    NOTES_ATTRIBUTE,
    REGION_ATTRIBUTE,
    SOURCE_NAME_ATTRIBUTE,
    SPACING_ATTRIBUTE,
    TIMING_ATTRIBUTE,
    VIEW_ATTRIBUTE,
)
from ..scene_error import SceneError, is_loading, require_frame, require_sequence
from .frame_times import frame_times, index_is_time, playback_rate


def image_sequences(scene: Any) -> list[Any]:
    """Every vtkMRMLSequenceNode in the scene that holds a loop of single-slice images, in the scene's order."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLSequenceNode")
    sequences = [scene.GetNthNodeByClass(i, "vtkMRMLSequenceNode") for i in range(count)]
    return [sequence for sequence in sequences if is_image_loop(sequence)]


def read_frame(sequence: Any, frame: int) -> np.ndarray:
    """Pixels of one frame as an axial view shows them: ``[H, W]`` or RGB ``[H, W, 3]``, in the volume's own type.

    A view of the volume's memory wherever that needs no copy: do not write to it, do not keep it.

    Raises SceneError if the sequence is empty or gone, there is no such frame, or it is not a 2D gray or RGB image.
    """
    require_sequence(sequence)
    require_frame(sequence, frame)
    name, volume = sequence.GetName(), sequence.GetNthDataNode(frame)
    if volume is None or not volume.IsA("vtkMRMLScalarVolumeNode"):
        kind = volume.GetClassName() if volume else "nothing"
        raise SceneError(f"{name}: frame {frame} is {kind}, an image sequence is needed")
    image = volume.GetImageData()
    scalars = image.GetPointData().GetScalars() if image else None
    if scalars is None or scalars.GetNumberOfTuples() == 0:
        raise SceneError(f"{name}: frame {frame} holds no pixels")
    width, height, depth = image.GetDimensions()
    if depth != 1:
        raise SceneError(f"{name}: frame {frame} is a 3D volume of {depth} slices, a sequence of 2D images is needed")
    pixels = vtk_to_numpy(scalars)
    channels = scalars.GetNumberOfComponents()
    if channels not in (1, 3, 4):
        raise SceneError(f"{name}: frame {frame} has {channels} values per pixel, 1 (gray) or 3 (RGB) are needed")
    pixels = pixels.reshape(height, width) if channels == 1 else pixels.reshape(height, width, channels)[..., :3]
    return _as_shown(pixels, volume)


def cine_from_sequence(sequence: Any, progress: Callable[[float], None] | None = None) -> Cine:
    """The sequence as a Cine, gray unless something in it is really coloured, as if read from a file.

    Pixels that are not bytes are scaled from the loop's least and greatest value to 0 to 255. Spacing is None where
    the sequence is marked as not calibrated. An index that is not in time gives times by the playback rate, and a
    warning. progress: called with the fraction done in [0, 1] after each frame; it may process events or raise.

    Raises SceneError if the sequence is empty, gone, holds a single frame, anything but 2D gray or RGB images, or
    images of different sizes. The scene is not touched.
    """
    # OpenCV comes with the first detection, not with the module.
    from ...cine.color import FrameStack

    require_sequence(sequence)
    name, count = sequence.GetName(), sequence.GetNumberOfDataNodes()
    if count < 2:
        raise SceneError(f"{name}: holds a single frame, a loop is needed")
    times = frame_times(sequence)
    to_bytes = loop_scaling(sequence)
    stack = FrameStack(name, count)
    size = read_frame(sequence, 0).shape[:2]
    for i in range(count):
        pixels = read_frame(sequence, i)
        if pixels.shape[:2] != size:
            raise SceneError(
                f"{name}: frame {i} is {pixels.shape[1]}x{pixels.shape[0]} pixels, "
                f"frame 0 is {size[1]}x{size[0]}; all frames must have one size"
            )
        stack.append(to_bytes(pixels))
        if progress is not None:
            progress((i + 1) / count)
            require_sequence(sequence)
    timing, warnings = loop_timing(sequence)
    return Cine(
        stack.finish(), times - times[0], loop_source(sequence), spacing=loop_spacing(sequence),
        region=loop_region(sequence), heart_rate=loop_heart_rate(sequence), timing=timing,
        view=loop_view(sequence), warnings=(*loop_notes(sequence), *warnings),
    )  # fmt: skip


def source_uid(sequence: Any) -> str | None:
    """SOP Instance UID of the one file that all frames came from; None if there is none, or each frame has its own."""
    require_sequence(sequence)
    uids: set[str] = set()
    for i in range(sequence.GetNumberOfDataNodes()):
        uids.update((sequence.GetNthDataNode(i).GetAttribute(INSTANCE_UIDS_ATTRIBUTE) or "").split())
    return uids.pop() if len(uids) == 1 else None


def loop_source(sequence: Any) -> Source:
    """Name, SOP Instance UID and frame numbers of the file that a sequence came from, as far as they are known."""
    name = sequence.GetAttribute(SOURCE_NAME_ATTRIBUTE) or sequence.GetName()
    nodes = [sequence.GetNthDataNode(i) for i in range(sequence.GetNumberOfDataNodes())]
    numbers = [node.GetAttribute(FRAME_NUMBER_ATTRIBUTE) or "" for node in nodes]
    known = all(number.isdecimal() for number in numbers)
    return Source(name, sop_instance_uid=source_uid(sequence),
                  frame_numbers=tuple(map(int, numbers)) if known else None)  # fmt: skip


def is_image_loop(sequence: Any) -> bool:
    """Whether a sequence holds at least two single-slice images, all of them loaded."""
    if sequence.GetNumberOfDataNodes() < 2 or is_loading(sequence):
        return False
    first = sequence.GetNthDataNode(0)
    if first is None or not first.IsA("vtkMRMLScalarVolumeNode") or first.IsA("vtkMRMLLabelMapVolumeNode"):
        return False
    image = first.GetImageData()
    return image is not None and image.GetDimensions()[2] == 1


def stored_flips(volume: Any) -> tuple[bool, bool]:
    """Whether a volume stores its rows bottom first, and its columns right to left, as an axial view shows it.

    Left of an axial view is the patient's right, its top anterior. Images that do not lie in the axial plane count as
    not flipped.
    """
    directions = vtk.vtkMatrix4x4()
    volume.GetIJKToRASDirectionMatrix(directions)
    to_right, to_anterior = directions.GetElement(0, 0), directions.GetElement(1, 1)
    if min(abs(to_right), abs(to_anterior)) < 0.7:
        return False, False
    return to_anterior > 0, to_right > 0


def _as_shown(pixels: np.ndarray, volume: Any) -> np.ndarray:
    """Undo a stored flip: detectors know the heart as it appears on the screen."""
    rows, columns = stored_flips(volume)
    return pixels[:: -1 if rows else 1, :: -1 if columns else 1]


def loop_scaling(sequence: Any) -> Callable[[np.ndarray], np.ndarray]:
    """What makes bytes of the sequence's pixels: nothing, or a scaling from its least and greatest value to 0 to 255.

    Raises SceneError for pixels that are not numbers, and as ``read_frame``.
    """
    count = sequence.GetNumberOfDataNodes()
    if all(_holds_bytes(sequence.GetNthDataNode(i)) for i in range(count)):
        return lambda pixels: pixels
    low = float(min(np.nanmin(read_frame(sequence, i)) for i in range(count)))
    high = float(max(np.nanmax(read_frame(sequence, i)) for i in range(count)))
    if not np.isfinite([low, high]).all():
        raise SceneError(f"{sequence.GetName()}: holds pixels that are not numbers")
    scale = 255.0 / (high - low) if high > low else 0.0
    return lambda pixels: np.nan_to_num((pixels.astype(np.float32) - low) * scale).round().astype(np.uint8)


def _holds_bytes(volume: Any) -> bool:
    image = volume.GetImageData() if volume is not None and volume.IsA("vtkMRMLVolumeNode") else None
    # What is no image at all is for read_frame to complain about.
    return image is None or image.GetScalarType() == vtk.VTK_UNSIGNED_CHAR


def loop_spacing(sequence: Any) -> tuple[float, float] | None:
    """mm per pixel (row, column); None where it is marked as unknown, or is the 1 mm that importers write then."""
    if sequence.GetAttribute(SPACING_ATTRIBUTE) == "unknown":
        return None
    column_spacing, row_spacing, _ = sequence.GetNthDataNode(0).GetSpacing()
    if column_spacing == row_spacing == 1.0 and sequence.GetAttribute(SPACING_ATTRIBUTE) is None:
        return None
    return row_spacing, column_spacing


def loop_heart_rate(sequence: Any) -> float | None:
    """Beats per minute that the sequence's file stated; None where nothing usable stands there."""
    try:
        rate = float(sequence.GetAttribute(HEART_RATE_ATTRIBUTE) or "nan")
    except ValueError:
        return None
    return rate if np.isfinite(rate) and rate > 0 else None


def loop_view(sequence: Any) -> str | None:
    """The standard view, such as ``"A4C"``, or None."""
    return sequence.GetAttribute(VIEW_ATTRIBUTE) or None


def loop_region(sequence: Any) -> Box | None:
    """The calibrated region in pixels, or None where it is not known or does not lie in the image."""
    text = (sequence.GetAttribute(REGION_ATTRIBUTE) or "").split()
    width, height, _ = sequence.GetNthDataNode(0).GetImageData().GetDimensions()
    if len(text) != 4 or not all(part.isdecimal() for part in text):
        return None
    box = Box(*map(int, text))
    return box if box.x0 < box.x1 <= width and box.y0 < box.y1 <= height else None


def loop_notes(sequence: Any) -> tuple[str, ...]:
    """What a person should know about how the sequence's file was read (``Cine.warnings``)."""
    try:
        notes = json.loads(sequence.GetAttribute(NOTES_ATTRIBUTE) or "[]")
    except ValueError:
        return ()
    return tuple(str(note) for note in notes) if isinstance(notes, list) else ()


def loop_timing(sequence: Any) -> tuple[str, tuple[str, ...]]:
    """Where frame times come from, and a warning if they are only assumed."""
    if index_is_time(sequence):
        return sequence.GetAttribute(TIMING_ATTRIBUTE) or "sequence index", ()
    rate = playback_rate(sequence)
    index, unit = sequence.GetIndexName() or "index", (sequence.GetIndexUnit() or "").strip()
    index += f" ({unit})" if unit else ""
    return "playback rate", (
        f"the sequence counts in '{index}', not in time: {rate:g} frames/s are assumed from the playback rate, "
        "and heart rates are no better than that",
    )
