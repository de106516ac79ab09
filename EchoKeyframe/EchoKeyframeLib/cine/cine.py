"""A cine loop: its frames, when each was taken, and what one pixel measures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .finding import Finding

HIGHEST_FRAME_RATE = 10000
"""Frames per second beyond which no echo is taken, but a number is mistaken."""

GIVEN_RATE = "given frame rate"
"""``Cine.timing`` where a person set the frame rate."""


class CineError(Exception):
    """A cine cannot be read or used. The message is one line: which file, what is wrong, what to do.

    ``CineError(name, reason)``, or ``CineError(reason)`` where no file is concerned. They stay apart as ``name`` (str
    or None) and ``reason``, for what must not name a file; ``str()`` is both.
    """

    def __init__(self, *name_and_reason: object) -> None:
        super().__init__(*map(str, name_and_reason))
        *name, self.reason = self.args
        self.name = name[0] if name else None

    def __str__(self) -> str:
        return ": ".join(self.args)


@dataclass(frozen=True)
class Source:
    """What leads back to the file that a cine came from, without a patient's identity.

    ``name`` is the file's name without its folders (for a bare array: a name that the caller chose).
    ``encoding`` says how frames were stored: a DICOM transfer syntax name or a container and codec.
    ``frame_numbers``: each frame's number in the file, counted from 1 as in DICOM's Referenced Frame Number
    (0008,1160), where frames were put in order or left out; None where frame ``i`` is number ``i + 1``.
    """

    name: str
    path: Path | None = None
    sop_instance_uid: str | None = None
    sop_class_uid: str | None = None
    encoding: str | None = None
    frame_numbers: tuple[int, ...] | None = None

    def frame_number(self, frame: int) -> int:
        """Number in the file, from 1, of the frame with this index, from 0, in the cine."""
        return frame + 1 if self.frame_numbers is None else self.frame_numbers[frame]

    def frame_index(self, number: int) -> int:
        """Index in the cine of the frame with this number in the file. Raises ValueError if it was left out."""
        return number - 1 if self.frame_numbers is None else self.frame_numbers.index(number)


@dataclass(frozen=True)
class Box:
    """A pixel rectangle, half open: columns ``x0 <= x < x1``, rows ``y0 <= y < y1``."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the box in an image: ``image[box.slices]``."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


@dataclass(frozen=True, eq=False)
class Cine:
    """Frames of one loop in the order in which they were taken.

    frames: uint8 ``[T, H, W]`` (gray) or ``[T, H, W, 3]`` (RGB).
    times: float64 ``[T]``, seconds from the first frame, strictly increasing, finite.
    spacing: mm per pixel ``(row, column)``, or None where the file does not say.
    region: the calibrated 2D tissue region in pixels, or None.
    heart_rate: beats per minute as the file states it (not measured), or None.
    r_waves: seconds on the scale of ``times`` at which the file places R waves (empty if unknown).
    timing: one phrase on where the times come from, e.g. ``"FrameTimeVector"`` or ``"container time stamps"``.
    view: ``"A4C"``, ``"A2C"``, ``"A3C"``, ``"PLAX"`` and so on if known, else None.
    warnings: what a person should know about this reading, one line each.
    timing_warnings: those among them that doubt the times, so that a given frame rate settles them, or one that the
    detection can name.
    findings: the warnings that are about the file's contradictions and faults, as data.

    Raises CineError where the arrays contradict this description. A Cine that exists is sound.
    """

    frames: np.ndarray
    times: np.ndarray
    source: Source
    spacing: tuple[float, float] | None = None
    region: Box | None = None
    heart_rate: float | None = None
    r_waves: tuple[float, ...] = ()
    timing: str = ""
    view: str | None = None
    warnings: tuple[str, ...] = field(default=())
    timing_warnings: tuple[str, ...] = field(default=())
    findings: tuple[Finding, ...] = field(default=())

    def __post_init__(self) -> None:
        name, frames, times = self.source.name, self.frames, self.times
        if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8:
            raise CineError(name, f"frames must be a uint8 array, got {getattr(frames, 'dtype', type(frames))}")
        if frames.ndim not in (3, 4) or (frames.ndim == 4 and frames.shape[3] != 3):
            raise CineError(name, f"frames must have shape [T, H, W] or [T, H, W, 3], got {list(frames.shape)}")
        if 0 in frames.shape:
            raise CineError(name, f"holds no frames or no pixels (shape {list(frames.shape)})")
        if not isinstance(times, np.ndarray) or times.dtype != np.float64 or times.shape != (len(frames),):
            raise CineError(name, f"needs one float64 time for each of its {len(frames)} frames")
        if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise CineError(name, "frame times must be finite and strictly increasing")
        if self.spacing is not None and not all(np.isfinite(s) and s > 0 for s in self.spacing):
            raise CineError(name, f"pixel spacing must be positive, got {self.spacing}")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.frames.shape[1], self.frames.shape[2]

    @property
    def is_color(self) -> bool:
        return self.frames.ndim == 4

    @property
    def frame_interval(self) -> float | None:
        """Usual seconds from one frame to the next; None for a single frame.

        The mean, because files round and alternate their intervals; pauses (over 2.5 times the median) do not count,
        and where frames were left out the times between their neighbours do not either.
        """
        if len(self) < 2:
            return None
        intervals = np.diff(self.times)
        if self.source.frame_numbers is not None:
            neighbours = np.abs(np.diff(self.source.frame_numbers)) == 1
            intervals = intervals[neighbours] if neighbours.any() else intervals
        return float(intervals[intervals <= 2.5 * np.median(intervals)].mean())

    @property
    def fps(self) -> float | None:
        """Frames per second from the usual interval; None for a single frame."""
        interval = self.frame_interval
        return 1.0 / interval if interval else None

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return float(self.times[-1] - self.times[0])

    def gray(self, index: int | slice = slice(None)) -> np.ndarray:
        """Luma (ITU-R BT.601) of one frame uint8 ``[H, W]`` or of several ``[n, H, W]``; a view if already gray."""
        frames = self.frames[index]
        if not self.is_color:
            return frames
        import cv2

        if frames.ndim == 3:
            return cv2.cvtColor(np.ascontiguousarray(frames), cv2.COLOR_RGB2GRAY)
        gray = np.empty(frames.shape[:3], np.uint8)
        for i, frame in enumerate(frames):
            cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY, dst=gray[i])
        return gray

    def with_fps(self, fps: float) -> Cine:
        """The same frames at a constant rate that a person vouches for.

        Raises CineError unless ``0 < fps <= HIGHEST_FRAME_RATE``.
        """
        if not 0 < fps <= HIGHEST_FRAME_RATE:
            raise CineError(
                self.source.name,
                f"a frame rate must lie above 0 and at most at {HIGHEST_FRAME_RATE} per second, "
                f"got {fps}"
            )
        times = np.arange(len(self), dtype=np.float64) / fps
        settled = self.timing_warnings
        return replace(
            self, times=times, r_waves=(), timing=GIVEN_RATE, timing_warnings=(),
            warnings=tuple(warning for warning in self.warnings if warning not in settled),
            findings=tuple(finding for finding in self.findings if finding.text not in settled),
        )  # fmt: skip

    def with_spacing(self, spacing: tuple[float, float]) -> Cine:
        """The same frames with a pixel size in mm (row, column) that a person vouches for; a warning tells of it.

        Raises CineError unless both are positive and finite.
        """
        shown = " x ".join(f"{value:.4g}" for value in spacing)
        stated = "which the file does not state"
        if self.spacing is not None:
            stated = f"instead of the file's {self.spacing[0]:.4g} x {self.spacing[1]:.4g} mm"
        given = replace(self, spacing=spacing)
        return given.with_warnings(f"pixel spacing of {shown} mm (row x column) was given by a person, {stated}")

    def with_warnings(self, *warnings: str) -> Cine:
        """The same cine with these lines added to its warnings."""
        return replace(self, warnings=(*self.warnings, *warnings))

    def with_findings(self, *findings: Finding) -> Cine:
        """The same cine with these findings added, and their texts to its warnings."""
        told = self.with_warnings(*(finding.text for finding in findings))
        return replace(told, findings=(*self.findings, *findings))
