"""From a sequence back to its file, and the repair of what an importer got wrong about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...cine.cine import Cine
from ..contract import SOURCE_NAME_ATTRIBUTE, TIMING_ATTRIBUTE
from ..loop.cine_sequence import index_text
from ..loop.frame_times import frame_times, index_is_time
from ..loop.navigation import find_browser
from ..loop.sequence_frames import source_uid
from ..scene_error import SceneError, require_sequence
from .pixel_size import set_pixel_size

_SAME_SPACING = 1e-3  # relative difference that is no more than rounding
_SAME_TIME = 0.00051  # s; importers round times to a millisecond
_OUT_OF_THE_WAY = 1e7  # s; beyond any time a cine has


@dataclass(frozen=True, eq=False)
class SourceComparison:
    """What the file says where the sequence says otherwise; None where they agree.

    spacing: mm per pixel (row, column). times: float64 ``[T]`` s. timing: where the times come from. fps: frames per
    second, None for a single frame.
    findings: one line for each difference, for a person to decide on.
    """

    spacing: tuple[float, float] | None
    times: np.ndarray | None
    timing: str
    fps: float | None
    findings: tuple[str, ...]


def find_source_file(
    sequence: Any, file_of_instance: Callable[[str], str] | None = None, folders: Iterable[Path] = ()
) -> Path | None:
    """The file that a sequence came from, or None if it is not found.

    file_of_instance: gives the path for a SOP Instance UID, or an empty text; in Slicer
    ``slicer.dicomDatabase.fileForInstance``. folders: where to look for a file of the name that the sequence
    remembers; paths themselves are not kept in scenes, which people hand on.
    """
    uid = source_uid(sequence)
    if uid and file_of_instance is not None:
        path = file_of_instance(uid)
        if path and Path(path).is_file():
            return Path(path)
    name = sequence.GetAttribute(SOURCE_NAME_ATTRIBUTE)
    # The name comes from a scene file: only a bare name may be looked up.
    if name and Path(name).name == name:
        return next((Path(folder) / name for folder in folders if (Path(folder) / name).is_file()), None)
    return None


def compare_with_source(sequence: Any, cine: Cine) -> SourceComparison:
    """What a sequence would gain from the file that it came from, read as ``cine``. Changes nothing.

    Raises SceneError if they cannot be the same loop: another number of frames or another size.
    """
    require_sequence(sequence)
    name, count = sequence.GetName(), sequence.GetNumberOfDataNodes()
    volume = sequence.GetNthDataNode(0)
    if not volume.IsA("vtkMRMLScalarVolumeNode") or volume.GetImageData() is None:
        raise SceneError(f"{name}: holds no images, so it cannot come from {cine.source.name}")
    width, height, _ = volume.GetImageData().GetDimensions()
    if (count, height, width) != (len(cine), *cine.size):
        raise SceneError(
            f"{name}: has {count} frames of {width}x{height} pixels, {cine.source.name} has {len(cine)} of "
            f"{cine.size[1]}x{cine.size[0]}; it is not the file that the sequence came from"
        )
    findings = []
    column_spacing, row_spacing, _ = volume.GetSpacing()
    spacing = None
    if cine.spacing and not np.allclose((row_spacing, column_spacing), cine.spacing, rtol=_SAME_SPACING, atol=0):
        spacing = cine.spacing
        findings.append(
            f"pixel spacing is {row_spacing:.4g} x {column_spacing:.4g} mm, "
            f"the file says {spacing[0]:.4g} x {spacing[1]:.4g} mm"
        )
    times = None
    if not index_is_time(sequence) or np.abs(frame_times(sequence) - cine.times).max() > _SAME_TIME:
        times = cine.times
        old = f"the index is '{sequence.GetIndexName() or 'index'}'"
        if index_is_time(sequence):
            old = f"the loop lasts {np.ptp(frame_times(sequence)):.3f} s"
        findings.append(f"{old}, by the file ({cine.timing}) it lasts {cine.duration:.3f} s")
    return SourceComparison(spacing, times, cine.timing, cine.fps, tuple(findings))


def repair_from_source(sequence: Any, comparison: SourceComparison) -> None:
    """Give a sequence the spacing and times that its file says. Frames, their order and attributes stay.

    A keyframe table and chart of the sequence take the new times over with the next ``settle_table``.

    Raises SceneError, before anything is changed, if the sequence is gone or has changed since the comparison.
    """
    require_sequence(sequence)
    count = sequence.GetNumberOfDataNodes()
    if comparison.times is not None and len(comparison.times) != count:
        raise SceneError(f"{sequence.GetName()}: has changed since it was compared with its file; compare again")
    if comparison.spacing is not None:
        set_pixel_size(sequence, comparison.spacing, "calibrated")
    if comparison.times is not None:
        _retime(sequence, comparison.times)
        sequence.SetAttribute(TIMING_ATTRIBUTE, comparison.timing or "unknown")
        browser = find_browser(sequence)
        if browser is not None and comparison.fps:
            browser.SetPlaybackRateFps(comparison.fps)
    sequence.StorableModified()
    # The browser copies the changed frame to its proxy.
    sequence.Modified()


def _retime(sequence: Any, times: np.ndarray) -> None:
    count = len(times)
    was_text = sequence.GetIndexType() != sequence.NumericIndex
    items = [sequence.GetNthDataNode(i) for i in range(count)]
    if was_text:
        # Text that is no number would sort anywhere once the index is numeric: number it through first.
        for i in range(count):
            sequence.UpdateIndexValue(sequence.GetNthIndexValue(i), f"\x01{i:09d}")
        for i in range(count):
            sequence.UpdateIndexValue(sequence.GetNthIndexValue(i), f"{_OUT_OF_THE_WAY + i:.1f}")
        sequence.SetIndexType(sequence.NumericIndex)
    else:
        # Old and new times interleave; an item that lands on another would replace it. Last first keeps the order.
        for i in reversed(range(count)):
            sequence.UpdateIndexValue(sequence.GetNthIndexValue(i), f"{_OUT_OF_THE_WAY + i:.1f}")
    if count > 1:
        tolerance = min(sequence.GetNumericIndexValueTolerance(), float(np.diff(times).min()) / 2)
        sequence.SetNumericIndexValueTolerance(tolerance)
    for i in range(count):
        sequence.UpdateIndexValue(sequence.GetNthIndexValue(i), index_text(times[i]))
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    if [sequence.GetNthDataNode(i) for i in range(sequence.GetNumberOfDataNodes())] != items:
        raise SceneError(f"{sequence.GetName()}: its frames could not be given the file's times; load the file")
