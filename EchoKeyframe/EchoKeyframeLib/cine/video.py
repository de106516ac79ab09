"""Reads video files, and video streams taken out of DICOM files, with the container's own time stamps."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from .cine import HIGHEST_FRAME_RATE, Cine, CineError, Source
from .color import FrameStack
from .header import CineHeader
from .stamps import repaired_times

_LARGEST_SIDE = 16384  # pixels; a header that claims more is damaged
_EXACT_COUNT = ("AVI", "MP4", "MOV")  # containers that count their frames; others let FFmpeg guess from the duration
_ELEMENTARY = ("MPEG video", "H.264 or HEVC")  # no container, so no time stamps


def read_video(path: Path) -> Cine:
    """Read an AVI, MP4, MOV, MKV, WebM, GIF or MPEG file.

    Times are the frames' presentation time stamps less the first one, so a variable frame rate is kept. Repeated or
    backward stamps, and frames that the container declares but that cannot be decoded, each become a warning. What a
    file is, its first bytes decide, not its suffix.

    Raises CineError if the file cannot be opened, is no video, or holds no frame that can be decoded.
    """
    path = Path(path)
    try:
        with open(path, "rb") as stream:
            return _read(stream, path)
    except OSError as error:
        raise CineError(path.name or str(path), f"cannot be opened ({error.strerror or error})") from None


def read_video_header(path: Path) -> CineHeader:
    """What a video's container says of it. Raises CineError as ``read_video``, short of what only decoding shows."""
    path = Path(path)
    try:
        with open(path, "rb") as stream:
            container = _container(stream.read(4096), path.name)
            stream.seek(0)
            with _opened(stream, path.name) as capture:
                declared, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
                size = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
                encoding = f"{container} ({_codec(capture)})"
    except OSError as error:
        raise CineError(path.name or str(path), f"cannot be opened ({error.strerror or error})") from None
    frames = int(declared) if container in _EXACT_COUNT and 0 < declared < 1e9 else None
    return CineHeader(frames, size, rate if 0 < rate <= HIGHEST_FRAME_RATE else None, encoding)


def count_frames(path: Path) -> int:
    """Number of frames of a video file that can be decoded, whatever its header says; none is kept.

    Raises CineError if the file is no video or cannot be opened by the decoder, OSError if it cannot be read.
    """
    with open(path, "rb") as stream:
        _container(stream.read(4096), path.name)
        stream.seek(0)
        with _opened(stream, path.name) as capture:
            count = 0
            while capture.grab():
                count += 1
            return count


def decode_stream(data: bytes, name: str) -> Iterator[tuple[np.ndarray, float | None]]:
    """Decode an MPEG-2, H.264, HEVC or MP4 stream that lies in memory.

    Yields, in presentation order, RGB uint8 ``[H, W, 3]`` frames with their time stamp in seconds from the start, None
    where the stream carries none (an elementary stream). ``name`` stands in messages.

    Raises CineError if the stream is of no known kind or cannot be opened.
    """
    container = _container(data[:4096], name)
    with _opened(io.BytesIO(data), name) as capture:
        yield from _frames(capture, container, name)


def _read(stream: io.BufferedIOBase, path: Path) -> Cine:
    name = path.name
    container = _container(stream.read(4096), name)
    stream.seek(0)
    with _opened(stream, name) as capture:
        declared = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        declared = int(declared) if 0 < declared < 1e9 else 0
        rate = capture.get(cv2.CAP_PROP_FPS)
        encoding = f"{container} ({_codec(capture)})"
        stack, stamps = FrameStack(name, declared), []
        for frame, stamp in _frames(capture, container, name):
            stack.append(frame)
            stamps.append(stamp)
    frames = stack.finish()
    times, timing, doubts = repaired_times(stamps, rate, name)
    warnings = (*doubts, *_missing(len(frames), declared, container))
    source = Source(name, path, encoding=encoding)
    return Cine(frames, times, source, timing=timing, warnings=warnings, timing_warnings=tuple(doubts))


def _missing(count: int, declared: int, container: str) -> list[str]:
    if container in _EXACT_COUNT and count < declared:
        return [f"only {count} of {declared} declared frames could be decoded; the file may be cut short or damaged"]
    if count < 0.8 * declared:
        return [f"only {count} frames could be decoded where its length suggests about {declared}; it may be cut short"]
    return []


def _container(head: bytes, name: str) -> str:
    """What a file's first bytes say it is.

    FFmpeg is not left to guess: it would also follow playlists to other files and addresses.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "AVI"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "MOV" if head[8:12] == b"qt  " or head[4:8] != b"ftyp" else "MP4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "WebM" if b"webm" in head[:64] else "Matroska"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:4] == b"\x00\x00\x01\xba":
        return "MPEG program stream"
    if head[:1] == head[188:189] == b"\x47":
        return "MPEG transport stream"
    if head[:4] == b"\x00\x00\x01\xb3":
        return "MPEG video"
    if head[:3] == b"\x00\x00\x01" or head[:4] == b"\x00\x00\x00\x01":
        return "H.264 or HEVC"
    what = "is empty" if not head else "is neither DICOM nor an AVI, MP4, MOV, MKV, WebM, GIF or MPEG video"
    raise CineError(name, f"{what}; check the file or convert it")


class _SteadyStream(io.BufferedIOBase):
    """A stream whose methods never raise: an exception in OpenCV's call back to Python ends the process.

    Damaged containers make FFmpeg seek to negative positions; it takes a negative answer as failure.
    """

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except (OSError, ValueError, OverflowError):
            return b""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._stream.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1


@contextmanager
def _opened(stream: io.BufferedIOBase, name: str) -> Iterator[cv2.VideoCapture]:
    """A capture that reads from a stream: no path reaches OpenCV, which mangles non-ASCII ones on Windows."""
    capture = None
    steady = _SteadyStream(stream)  # named, so that it outlives the capture, which would drop it without the GIL
    with quiet_opencv():
        try:
            capture = cv2.VideoCapture(steady, cv2.CAP_FFMPEG, [])
            if not capture.isOpened():
                raise CineError(name, "cannot be decoded; the file is cut short, damaged or of an unknown codec")
            width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
            if max(width, height) > _LARGEST_SIDE:
                raise CineError(name, f"claims a size of {width:.0f}x{height:.0f} pixels; the header is damaged")
            yield capture
        except cv2.error as error:
            raise CineError(name, f"cannot be decoded ({' '.join(str(error.err or error).split())})") from None
        finally:
            if capture is not None:
                capture.release()


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keeps OpenCV and FFmpeg from writing to stderr, and leaves their settings as they were.

    FFmpeg's level (-8 is AV_LOG_QUIET) is taken from the environment when the first video of a process is opened.
    """
    log = getattr(cv2.utils, "logging", cv2)  # OpenCV 5 has its functions there, OpenCV 4 at the top
    variable, level = "OPENCV_FFMPEG_LOGLEVEL", log.getLogLevel()
    before = os.environ.get(variable)
    os.environ.setdefault(variable, "-8")
    log.setLogLevel(0)
    try:
        yield
    finally:
        log.setLogLevel(level)
        if before is None:
            os.environ.pop(variable, None)


def _frames(capture: cv2.VideoCapture, container: str, name: str) -> Iterator[tuple[np.ndarray, float | None]]:
    while True:
        decoded, frame = capture.read()
        if not decoded:
            return
        # With the FFmpeg backend this is, after read(), the frame's own presentation time stamp.
        stamp = None if container in _ELEMENTARY else capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
        yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), stamp


def _codec(capture: cv2.VideoCapture) -> str:
    code = int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
    text = code.to_bytes(4, "little").decode("latin-1").strip(" \0")
    return text if text.isascii() and text.isprintable() and text else "unknown codec"
