"""A whole beat as a video."""

from __future__ import annotations

from pathlib import Path

from .excerpt import Excerpt


def write_avi(path: Path, excerpt: Excerpt) -> None:
    """Lossless (FFV1) AVI at the beat's mean frame rate. Raises CineError."""
    _write(path, excerpt, "ffv1")


def write_mp4(path: Path, excerpt: Excerpt) -> None:
    """MPEG-4 part 2 in MP4, small but lossy, at the beat's mean frame rate. Raises CineError."""
    _write(path, excerpt, "mpeg4")


def _write(path: Path, excerpt: Excerpt, codec: str) -> None:
    from ..cine.video_writer import video_rate, write_video

    rate, _ = video_rate(excerpt.times)
    write_video(path, excerpt.pixels(), rate, codec)
