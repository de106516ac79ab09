"""Reads video files, and video streams taken out of DICOM files, with the container's own time stamps."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from .budget import require_frame_size, require_memory
from .cine import HIGHEST_FRAME_RATE, Cine, CineError, Source
from .color import FrameStack
from .container import GIF, HEAD, Container, container_of, leads_elsewhere, undecodable_codec
from .gif import gif_extent
from .header import CineHeader
from .stamps import repaired_times

_PROBED = 1 << 20  # bytes of a file that FFmpeg looks at where it is left to guess
_OPENING = 48 << 20  # bytes that may be read before a video is open
_PATIENCE = 32 << 20  # bytes, beside those of frames on their way, that may be read without a new frame
_REORDERED = 16  # frames that a decoder may hold back (H.264, A.3.1)
_SEEK_COST = 4096  # bytes that a seek counts for
_GIF_OF_ONE_PIXEL = b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
_opening = threading.Lock()


def read_video(path: Path) -> Cine:
    """Read an AVI, MP4, MOV, MKV, WebM, WMV, FLV, GIF or MPEG file, and others (``container.CONTAINERS``).

    Times are the frames' presentation time stamps less the first one, so a variable frame rate is kept. Repeated or
    backward stamps, and frames that the container declares but that cannot be decoded, each become a warning. What a
    file is, its first bytes decide, not its suffix.

    Raises CineError if the file cannot be opened, is no video, holds no frame that can be decoded, or its frames are
    too small, too large or more than the budget of memory.
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
            container = _container(stream, path.name)
            with _opened(stream, container, path.name) as video:
                declared, rate, size = video.declared, video.rate, (video.height, video.width)
                encoding = f"{container.name} ({video.codec})"
    except OSError as error:
        raise CineError(path.name or str(path), f"cannot be opened ({error.strerror or error})") from None
    frames = declared if container.counts_frames and declared else None
    return CineHeader(frames, size, rate if 0 < rate <= HIGHEST_FRAME_RATE else None, encoding)


def count_frames(path: Path) -> int:
    """Number of frames of a video file that can be decoded, whatever its header says; none is kept.

    Raises CineError if the file is no video or cannot be opened by the decoder, OSError if it cannot be read.
    """
    with open(path, "rb") as stream, _opened(stream, _container(stream, path.name), path.name) as video:
        count = 0
        while video.grab():
            count += 1
        return count


def decode_stream(data: bytes, name: str) -> Iterator[tuple[np.ndarray, float | None]]:
    """Decode an MPEG-2, H.264, HEVC or MP4 stream that lies in memory.

    Yields, in presentation order, RGB uint8 ``[H, W, 3]`` frames with their time stamp in seconds from the start, None
    where the stream carries none (an elementary stream). ``name`` stands in messages.

    Raises CineError if the stream is of no known kind or cannot be opened, or its frames are too small or too large.
    """
    stream = io.BytesIO(data)
    with _opened(stream, _container(stream, name), name) as video:
        yield from video.frames()


def _read(stream: io.BufferedIOBase, path: Path) -> Cine:
    name = path.name
    container = _container(stream, name)
    with _opened(stream, container, name) as video:
        stack, stamps = FrameStack(name, video.declared), []
        for frame, stamp in video.frames():
            stack.append(frame)
            stamps.append(stamp)
        if not stamps:
            raise CineError(name, _undecoded(stream))
        rate, encoding = video.rate, f"{container.name} ({video.codec})"
        warnings = _missing(len(stamps), video)
    frames = stack.finish()
    times, timing, doubts = repaired_times(stamps, rate, name)
    source = Source(name, path, encoding=encoding)
    return Cine(frames, times, source, timing=timing, warnings=(*doubts, *warnings), timing_warnings=tuple(doubts))


def _missing(count: int, video: _Video) -> list[str]:
    declared, warnings = video.declared, []
    if video.container.counts_frames and count < declared:
        warnings.append(
            f"only {count} of {declared} declared frames could be decoded; the file may be cut short or damaged"
        )
    elif count < 0.8 * declared:
        warnings.append(
            f"only {count} frames could be decoded where its length suggests about {declared}; it may be cut short"
        )
    if video.given_up:
        warnings.append(f"no frame followed frame {count - 1} for {video.given_up >> 20} MB, and the rest of the file "
                        "was not read; it may be damaged")  # fmt: skip
    return warnings


def _undecoded(stream: io.BufferedIOBase) -> str:
    """Why no frame could be had: the codec's name where it is one that is known to be missing."""
    size = stream.seek(0, io.SEEK_END)
    codec = None
    for start in dict.fromkeys((0, max(0, size - _PROBED))):
        stream.seek(start)
        codec = codec or undecodable_codec(stream.read(_PROBED))
    if codec:
        return f"its frames are coded as {codec}, for which OpenCV has no decoder here; convert it to H.264"
    return "cannot be decoded; the file is cut short, damaged or of an unknown codec"


def _container(stream: io.BufferedIOBase, name: str) -> Container:
    """The kind of a file that lies at its start. Bounds what can be bounded before a decoder sees the file."""
    container = container_of(stream.read(HEAD), name)
    stream.seek(0)
    if container is GIF:
        images, width, height = gif_extent(stream, name)
        require_frame_size(name, width, height)
        require_memory(name, images * width * height)
        stream.seek(0)
    return container


class _SteadyStream(io.BufferedIOBase):
    """A stream whose methods never raise: an exception in OpenCV's call back to Python ends the process.

    Damaged containers make FFmpeg seek to negative positions; it takes a negative answer as failure. The stream ends
    where ``patience`` bytes were read without a call of ``frame_came``: FFmpeg would look through a tail of zeros to
    its end, and read a damaged file in circles. Once ended it stays so.
    """

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self._since_frame = 0
        self.patience = _OPENING
        self.ended_early = False

    def read(self, size: int | None = -1) -> bytes:
        self.ended_early |= self._since_frame > self.patience
        if self.ended_early:
            return b""
        try:
            data = self._stream.read(size)
        except (OSError, ValueError, OverflowError):
            return b""
        self._since_frame += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._since_frame += _SEEK_COST
        if self.ended_early:
            return -1
        try:
            return self._stream.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1

    def frame_came(self) -> None:
        self._since_frame = 0


class _Video:
    """An open video: what its header says, and its frames one after another.

    declared: frames that the header claims, 0 where it does not. rate: frames per second, as claimed. given_up: bytes
    after which no more frame was waited for, else 0.
    """

    def __init__(self, capture: cv2.VideoCapture, stream: _SteadyStream, container: Container, name: str) -> None:
        self._capture, self._stream = capture, stream
        self.container = container
        self.width, self.height = (
            int(capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if self.width or self.height:
            require_frame_size(name, self.width, self.height)
        declared = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.declared = int(declared) if 0 < declared < 1e9 else 0
        self.rate = capture.get(cv2.CAP_PROP_FPS)
        on_their_way = 3 * self.width * self.height * ((os.cpu_count() or 1) + _REORDERED)
        stream.patience = _PATIENCE + on_their_way
        stream.frame_came()

    @property
    def codec(self) -> str:
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
        text = code.to_bytes(4, "little").decode("latin-1").strip(" \0")
        return text if text.isascii() and text.isprintable() and text else "unknown codec"

    @property
    def given_up(self) -> int:
        return self._stream.patience if self._stream.ended_early else 0

    def grab(self) -> bool:
        """Go on to the next frame; False where there is none."""
        came = self._capture.grab()
        self._stream.frame_came()
        return came

    def frames(self) -> Iterator[tuple[np.ndarray, float | None]]:
        """RGB frames with their time stamps, as ``decode_stream`` yields them."""
        while self.grab():
            decoded, frame = self._capture.retrieve()
            if not decoded:
                return
            # With the FFmpeg backend this is, after retrieve(), the frame's own presentation time stamp.
            stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0 if self.container.has_times else None
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), stamp


@contextmanager
def _opened(stream: io.BufferedIOBase, container: Container, name: str) -> Iterator[_Video]:
    """A video that is read from a stream: no path reaches OpenCV, which mangles non-ASCII ones on Windows."""
    if not _demuxers_can_be_named():
        if leads_elsewhere(stream.read(_PROBED)):
            raise CineError(name, "names other files or addresses to read from; choose the video itself")
        stream.seek(0)
    capture = None
    steady = _SteadyStream(stream)  # named, so that it outlives the capture, which would drop it without the GIL
    with quiet_opencv():
        try:
            capture = _capture(steady, container.demuxer)
            if not capture.isOpened():
                raise CineError(name, _undecoded(stream))
            yield _Video(capture, steady, container, name)
        except cv2.error as error:
            raise CineError(name, f"cannot be decoded ({' '.join(str(error.err or error).split())})") from None
        finally:
            if capture is not None:
                capture.release()


def _capture(stream: io.BufferedIOBase, demuxer: str) -> cv2.VideoCapture:
    """Open with this demuxer of FFmpeg and no other; nothing but files may be opened by it, and no network.

    OpenCV takes the options from the environment when a video is opened, so one is opened at a time.
    """
    options = f"input_format;{demuxer}|format_whitelist;{demuxer}|protocol_whitelist;file"
    with _opening, _environment("OPENCV_FFMPEG_CAPTURE_OPTIONS", options):
        # Any stream will do; the class of OpenCV's stub has a read that OpenCV never calls.
        return cv2.VideoCapture(cast("cv2.IStreamReader", stream), cv2.CAP_FFMPEG, [])


@cache
def _demuxers_can_be_named() -> bool:
    """Whether this OpenCV obeys ``_capture``'s options: 4.11 does not, from 4.12 on it does."""
    with quiet_opencv():
        stream = _SteadyStream(io.BytesIO(_GIF_OF_ONE_PIXEL))
        capture = _capture(stream, "avi")
        taken_for_gif = capture.isOpened()
        capture.release()
    return not taken_for_gif


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keeps OpenCV and FFmpeg from writing to stderr, and leaves their settings as they were.

    FFmpeg's level (-8 is AV_LOG_QUIET) is taken from the environment when the first video of a process is opened.
    """
    log = getattr(cv2.utils, "logging", cv2)  # OpenCV 5 has its functions there, OpenCV 4 at the top
    level = log.getLogLevel()
    with ExitStack() as stack:
        if "OPENCV_FFMPEG_LOGLEVEL" not in os.environ:
            stack.enter_context(_environment("OPENCV_FFMPEG_LOGLEVEL", "-8"))
        log.setLogLevel(0)
        try:
            yield
        finally:
            log.setLogLevel(level)


@contextmanager
def _environment(variable: str, value: str) -> Iterator[None]:
    before = os.environ.get(variable)
    _set_environment(variable, value)
    try:
        yield
    finally:
        _set_environment(variable, before)


def _set_environment(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value
    if sys.platform == "win32":  # FFmpeg's library there has a C library, and with it an environment, of its own
        import ctypes

        ctypes.cdll.msvcrt._putenv(f"{variable}={value or ''}".encode())
