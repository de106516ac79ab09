"""Writes frames as a video file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..atomic_file import written_atomically
from .cine import CineError

CODECS = {"ffv1": "FFV1", "mjpeg": "MJPG", "mpeg4": "mp4v"}
"""FourCC by name. ``ffv1`` is lossless (for .avi and .mkv), ``mjpeg`` plays nearly everywhere (.avi), ``mpeg4`` is for
.mp4."""


def write_video(path: Path, frames: np.ndarray, fps: float, codec: str = "ffv1") -> None:
    """Write gray frames uint8 ``[T, H, W]`` or RGB ``[T, H, W, 3]``; the container follows from the suffix.

    The file appears when it is whole. Raises ValueError for an unknown codec, CineError if it cannot be written.
    """
    if codec not in CODECS:
        raise ValueError(f"codec must be one of {', '.join(CODECS)}, got {codec}")
    height, width = frames.shape[1:3]
    conversion = cv2.COLOR_GRAY2BGR if frames.ndim == 3 else cv2.COLOR_RGB2BGR
    fourcc = cv2.VideoWriter_fourcc(*CODECS[codec])
    try:
        with written_atomically(path) as unfinished:
            # FFmpeg takes UTF-8 paths on every system; OpenCV's own AVI writer does not on Windows.
            writer = cv2.VideoWriter(str(unfinished), cv2.CAP_FFMPEG, fourcc, fps, (width, height), True)
            if not writer.isOpened():
                raise OSError
            for frame in frames:
                writer.write(cv2.cvtColor(frame, conversion))
            writer.release()
    except OSError:
        raise CineError(
            f"{path.name}: cannot be written as {codec}; check that its folder exists and may be written to"
        ) from None
