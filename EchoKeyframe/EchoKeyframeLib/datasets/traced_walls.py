"""The wall of a left ventricle as a set traced it: from one end of the mitral annulus over the apex to the other."""

from __future__ import annotations

import numpy as np

from ..detection.keyframes import Phase
from ..measurement.contour import Contour

MUSCLE, ATRIUM = 2, 3
"""Values of CAMUS's label maps."""
_END_CHORDS = 3
"""Of each end, whose widths tell base from apex."""
_CLEARLY_WIDER = 1.2


def wall_of_chords(axis: np.ndarray, across: np.ndarray, phase: Phase, frame: int, view: str | None) -> Contour:
    """The wall of a tracing of EchoNet-Dynamic: its long axis ``[4]``, and the chords across it ``[n, 4]`` in order.

    The apex is at the narrower end; where both are alike, at the upper one, for the set's videos stand upright. Raises
    MeasurementError where that is no wall.
    """
    across = across if _base_comes_first(across) else across[::-1]
    ends = axis.reshape(2, 2)
    base = across[0].reshape(2, 2).mean(axis=0)
    apex = ends[np.hypot(*(ends - base).T).argmax()]
    points = np.concatenate([across[:, :2], apex[None], across[::-1, 2:]])
    return Contour(phase, frame, points, (float(apex[0]), float(apex[1])), view)


def _base_comes_first(across: np.ndarray) -> bool:
    widths = np.hypot(*(across[:, 2:] - across[:, :2]).T)
    first, last = widths[:_END_CHORDS].mean(), widths[-_END_CHORDS:].mean()
    if max(first, last) > _CLEARLY_WIDER * min(first, last):
        return first > last
    return across[0, [1, 3]].mean() > across[-1, [1, 3]].mean()


def wall_of_labels(
    labels: np.ndarray, spacing: tuple[float, float] | None, cavity: int, phase: Phase, frame: int, view: str | None
) -> Contour:
    """The wall of a cavity in a label map ``[H, W]`` as CAMUS has it; spacing in mm (row, column).

    The annulus is where the cavity borders on the atrium; where it does not, on its flat end. Raises MeasurementError
    for an empty map, and where no end can be told.
    """
    from ..measurement.segmentation import contour_of_mask

    inside = labels == cavity
    return contour_of_mask(inside, phase, frame, spacing, _annulus(inside, labels == ATRIUM, spacing), view)


def _annulus(inside: np.ndarray, atrium: np.ndarray, spacing: tuple[float, float] | None) -> np.ndarray | None:
    """Both ends of the stretch on which two regions border, (x, y) ``[2, 2]``; None where that is hardly one."""
    import cv2

    border = inside & (cv2.dilate(atrium.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    rows, columns = np.nonzero(border)
    if len(rows) < 3:
        return None
    places = np.stack([columns, rows], axis=1).astype(np.float64)
    scaled = places * (spacing[::-1] if spacing else (1.0, 1.0))
    first = int(np.hypot(*(scaled - scaled.mean(axis=0)).T).argmax())
    last = int(np.hypot(*(scaled - scaled[first]).T).argmax())
    return places[[first, last]]
