"""Writes frames as a video file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..atomic_file import named_by_text, written_atomically
from .cine import CineError
from .video import count_frames, quiet_opencv

CODECS = {"ffv1": "FFV1", "mjpeg": "MJPG", "mpeg4": "mp4v"}
"""FourCC by name. ``ffv1`` is lossless (for .avi and .mkv), ``mjpeg`` plays nearly everywhere (.avi), ``mpeg4`` is for
.mp4."""

_LARGEST_TIMEBASE = 65535  # of MPEG-4 part 2 (ISO 14496-2, 6.3.3, vop_time_increment_resolution has 16 bits)


def write_video(path: Path, frames: np.ndarray, fps: float, codec: str = "ffv1") -> None:
    """Write gray frames uint8 ``[T, H, W]`` or RGB ``[T, H, W, 3]``; the container follows from the suffix.

    An odd height or width gets a black row below or column at the right, without which encoders drop the last one.
    The rate is kept to a thousandth of a frame per second (MPEG-4 above 65 per second: to a hundredth). The file is
    read back and appears when it is whole.

    Raises ValueError for an unknown codec, CineError if it cannot be written, the codec is missing or the disk is full.
    """
    if codec not in CODECS:
        raise ValueError(f"codec must be one of {', '.join(CODECS)}, got {codec}")
    try:
        with written_atomically(path) as unfinished, quiet_opencv():
            with named_by_text(unfinished) as named:
                _encode(named, frames, _storable_rate(fps, codec), codec)
            _check_whole(unfinished, len(frames), path.name)
    except OSError:
        raise CineError(
            path.name, f"cannot be written as {codec}; check that its folder exists and may be written to"
        ) from None


def video_rate(times: np.ndarray) -> tuple[float, float]:
    """The constant rate, in frames per second, that comes closest to these times (s, at least two, increasing), and
    by how many seconds a frame is shown too early or too late at most."""
    even = np.linspace(times[0], times[-1], len(times))
    return (len(times) - 1) / float(times[-1] - times[0]), float(np.abs(times - even).max())


def unevenness(times: np.ndarray) -> float:
    """Seconds by which a video of these frames shows one too early or too late; 0 if never by half a frame's time."""
    rate, error = video_rate(times)
    return error if error * rate >= 0.5 else 0.0


def _encode(path: Path, frames: np.ndarray, fps: float, codec: str) -> None:
    height, width = frames.shape[1:3]
    below, right = height % 2, width % 2
    conversion = cv2.COLOR_GRAY2BGR if frames.ndim == 3 else cv2.COLOR_RGB2BGR
    # FFmpeg takes UTF-8 paths on every system; OpenCV's own AVI writer does not on Windows.
    fourcc = cv2.VideoWriter.fourcc(*CODECS[codec])
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, fps, (width + right, height + below), True)
    if not writer.isOpened():
        raise OSError
    for frame in frames:
        image = cv2.cvtColor(np.ascontiguousarray(frame), conversion)
        writer.write(cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT) if below or right else image)
    writer.release()


def _check_whole(path: Path, count: int, name: str) -> None:
    """OpenCV's writer reports no error, not even on a full disk: only what can be read back was written."""
    try:
        stored = count_frames(path)
    except CineError:
        stored = 0
    if stored != count:
        raise CineError(name, f"only {stored} of {count} frames could be stored; check the free space on the disk")


def _storable_rate(fps: float, codec: str) -> float:
    """The rate with as many decimals, three at most, as the codec has room for: FFmpeg writes it as a fraction."""
    most = _LARGEST_TIMEBASE if codec == "mpeg4" else 2**31
    return next(round(fps, decimals) for decimals in (3, 2, 1, 0) if fps * 10**decimals <= most)
