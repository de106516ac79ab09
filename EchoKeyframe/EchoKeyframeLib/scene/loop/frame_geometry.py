"""Between pixels of a frame, as a view shows it (see ``read_frame``), and the patient's coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk

from ..scene_error import SceneError, require_frame, require_sequence
from .sequence_frames import read_frame, stored_flips

_THICKNESS = 1.0
"""Slices by which a point may lie beside a frame's plane: views are scrolled, and a 2D image is one slice thick."""


def to_ras(sequence: Any, frame: int, pixels: np.ndarray) -> np.ndarray:
    """Positions in the patient, float64 ``[N, 3]`` mm RAS, of pixel positions ``[N, 2]`` (x = column, y = row)."""
    pixels = np.asarray(pixels, np.float64)
    shown = np.column_stack([pixels, np.zeros(len(pixels)), np.ones(len(pixels))])
    return (shown @ _shown_to_ras(sequence, frame).T)[:, :3]


def to_pixels(sequence: Any, frame: int, ras: np.ndarray, what: str) -> np.ndarray:
    """Pixel positions, float64 ``[N, 2]``, of positions ``[N, 3]`` in the plane of a frame.

    what: names the points in a message. Raises SceneError where they lie off the plane.
    """
    ras = np.asarray(ras, np.float64).reshape(-1, 3)
    shown = np.column_stack([ras, np.ones(len(ras))]) @ np.linalg.inv(_shown_to_ras(sequence, frame)).T
    if len(shown) and np.abs(shown[:, 2]).max() > _THICKNESS:
        raise SceneError(f"{what}: lies off the plane of frame {frame}; draw it in the view that shows the frame")
    return shown[:, :2]


def frame_size(sequence: Any) -> tuple[int, int]:
    """Height and width of the frames in pixels. Raises SceneError as ``read_frame``."""
    height, width = read_frame(sequence, 0).shape[:2]
    return height, width


def _shown_to_ras(sequence: Any, frame: int) -> np.ndarray:
    """Homogeneous matrix from pixel (x, y, slice) as shown to mm RAS."""
    require_sequence(sequence)
    require_frame(sequence, frame)
    volume = sequence.GetNthDataNode(frame)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    to_ras = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
    rows, columns = stored_flips(volume)
    height, width = frame_size(sequence)
    to_stored = np.diag([-1.0 if columns else 1.0, -1.0 if rows else 1.0, 1.0, 1.0])
    to_stored[0, 3], to_stored[1, 3] = (width - 1) * columns, (height - 1) * rows
    return to_ras @ to_stored
