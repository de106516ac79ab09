"""Contours between the scene and the files that ``echokeyframe measure`` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...measurement.disks import cut
from ..contours.long_axis import draw_axis, keep_axis
from ..contours.lv_contours import find_contour, find_contours, is_drawn, put_contour, read_contour
from ..contract import VIEW_ATTRIBUTE
from ..loop.sequence_frames import cine_from_sequence, loop_view
from ..scene_error import SceneError, require_frame, require_sequence


def save_contours(sequence: Any, path: str | Path) -> None:
    """Write the drawn contours of a sequence as ``NAME.contours.json``.

    Raises SceneError if the sequence is gone, nothing is drawn or the file cannot be written, and as ``read_contour``.
    """
    contours = [read_contour(curve) for curve in find_contours(sequence) if is_drawn(curve)]
    if not contours:
        raise SceneError(f"{sequence.GetName()}: has no contours; trace the LV on an ED or ES frame first")
    try:
        from ...measurement.contours_file import write_contours

        write_contours(Path(path), contours)
    except OSError as error:
        raise SceneError(f"{Path(path).name}: cannot be written ({error.strerror or error})") from None


def contours_in_the_way(sequence: Any, path: str | Path) -> int:
    """How many drawn contours ``open_contours`` would replace. Raises MeasurementError as ``read_contours``."""
    from ...measurement.contours_file import read_contours

    contours = read_contours(Path(path), cine_from_sequence(sequence))
    curves = (find_contour(sequence, contour.phase, contour.frame) for contour in contours)
    return sum(curve is not None and is_drawn(curve) for curve in curves)


def open_contours(sequence: Any, path: str | Path) -> list[Any]:
    """Draw the contours of a file on a sequence, in place of those on the same keyframes; returns the curves.

    An apex that a person set stays set. Where the sequence's view is unknown, the file's is taken.

    Raises SceneError where the file is about another view or a longer loop, MeasurementError as ``read_contours``;
    nothing is changed then.
    """
    require_sequence(sequence)
    from ...measurement.contours_file import read_contours

    contours = read_contours(Path(path), cine_from_sequence(sequence))
    view = loop_view(sequence)
    for contour in contours:
        require_frame(sequence, contour.frame)
        if view and contour.view and contour.view != view:
            raise SceneError(f"{Path(path).name}: is about the view {contour.view}, {sequence.GetName()} is {view}")
    if view is None and contours[0].view:
        sequence.SetAttribute(VIEW_ATTRIBUTE, contours[0].view)
    curves = []
    for contour in contours:
        curves.append(put_contour(sequence, contour))
        if contour.apex is not None:
            # Only the ends of the long axis are drawn, and those do not depend on what a pixel measures.
            keep_axis(draw_axis(curves[-1], sequence, cut(contour, (1.0, 1.0))))
    return curves
