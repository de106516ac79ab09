"""A whole beat as a video."""

from __future__ import annotations

from pathlib import Path

from .excerpt import Excerpt


def write_avi(path: Path, excerpt: Excerpt) -> tuple[str, ...]:
    """Lossless (FFV1) AVI at the beat's mean frame rate. See ``_write``."""
    return _write(path, excerpt, "ffv1")


def write_mp4(path: Path, excerpt: Excerpt) -> tuple[str, ...]:
    """MPEG-4 part 2 in MP4, small but lossy, at the beat's mean frame rate. See ``_write``."""
    return _write(path, excerpt, "mpeg4")


def _write(path: Path, excerpt: Excerpt, codec: str) -> tuple[str, ...]:
    """Returns a warning where the beat's frames are unevenly spaced in time. Raises CineError."""
    from ..cine.video_writer import unevenness, video_rate, write_video

    write_video(path, excerpt.pixels(), video_rate(excerpt.times)[0], codec)
    error = unevenness(excerpt.times)
    if not error:
        return ()
    return (f"beat {excerpt.beat}: its frames are uneven in time, so its video shows some up to {error:.3f} s off",)
