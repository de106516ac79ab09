"""Hands a cine's frames to the worker: shrunk, and a few at a time so that a user interface keeps moving."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from ..cine.orientation import AUTO
from ..detection.keyframes import Keyframe
from .mailbox import Mailbox

LONGEST_SIDE = 400
"""Pixels. Detectors look at 96 to 224 pixels of the sector, which fills most of the image."""


@dataclass
class LoopRequest(ABC):
    """A cine as the worker needs it.

    frame: gives frame ``i`` as uint8 ``[H, W]`` or ``[H, W, 3]``; all frames have the same shape.
    times: float64 ``[T]`` s, strictly increasing. spacing: mm ``(row, column)`` or None.
    region: x0, y0, x1, y1 in pixels or None. orientation: a word of ``CHOICES``. The other fields are those of
    ``Cine``. device: where a network runs.
    """

    name: str
    frame: Callable[[int], np.ndarray]
    times: np.ndarray
    spacing: tuple[float, float] | None = None
    region: tuple[int, int, int, int] | None = None
    heart_rate: float | None = None
    timing: str = ""
    view: str | None = None
    device: str = "auto"
    orientation: str = AUTO

    @abstractmethod
    def task(self) -> dict[str, Any]:
        """What is to be done with it, as it stands in the mailbox."""


@dataclass
class DetectionRequest(LoopRequest):
    """Detect ED and ES; the fields are those of ``detect``."""

    model: str = "auto"
    decoder: str = "beats"

    def task(self) -> dict[str, Any]:
        return {"task": "detect", "model": self.model, "decoder": self.decoder}


@dataclass
class TracingRequest(LoopRequest):
    """Find the contours of beats. wanted: of each beat, by its number, the keyframes."""

    wanted: Mapping[int, tuple[Keyframe, ...]] = field(default_factory=dict)

    def task(self) -> dict[str, Any]:
        wanted = [{"beat": number, "phase": str(key.phase), "frame": int(key.frame)}
                  for number, keys in self.wanted.items() for key in keys]  # fmt: skip
        return {"task": "trace", "wanted": wanted}


@dataclass
class Submission:
    """Writes a request's frames into the mailbox step by step; the request becomes visible with the last of them."""

    number: int
    request: LoopRequest
    mailbox: Mailbox
    written: int = 0
    _file: BinaryIO | None = field(default=None, repr=False)
    _shape: tuple[int, ...] = ()

    @property
    def complete(self) -> bool:
        return self.written == len(self.request.times)

    def step(self, seconds: float = 0.03) -> float:
        """Write frames for about ``seconds``, at least one; returns the fraction written. Raises OSError, ValueError"""
        request = self.request
        deadline = time.monotonic() + seconds
        while not self.complete:
            frame = np.ascontiguousarray(request.frame(self.written))
            factor = shrink_factor(frame.shape)
            small = shrink(frame, factor)
            if self._file is None:
                self._open(small.shape)
            if small.shape != self._shape or small.dtype != np.uint8:
                raise ValueError(f"{request.name}: frame {self.written} differs in size or type from the first one")
            self._file.write(np.ascontiguousarray(small).data)
            self.written += 1
            if self.complete:
                self._post(factor)
            if time.monotonic() > deadline:
                break
        return self.written / len(request.times)

    def begin_again(self, mailbox: Mailbox) -> None:
        """Write to the mailbox of another process, from the first frame on."""
        self.abandon()
        self.mailbox, self.written = mailbox, 0

    def abandon(self) -> None:
        """Give the request up and remove what was written of it."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self.mailbox.clear(self.number)

    def _open(self, shape: tuple[int, ...]) -> None:
        # Plain writes, not a memory map: on a full disk a map ends the whole process instead of raising OSError.
        self._file = self.mailbox.frames(self.number).open("wb")
        self._shape = shape
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(self.request.times), *shape)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def _post(self, factor: int) -> None:
        request = self.request
        self._file.close()
        self._file = None
        np.save(self.mailbox.times(self.number), request.times.astype(np.float64))
        self.mailbox.post(
            self.number,
            {
                **request.task(),
                "name": request.name,
                "spacing": [s * factor for s in request.spacing] if request.spacing else None,
                "region": [value // factor for value in request.region] if request.region else None,
                "heart_rate": request.heart_rate,
                "timing": request.timing,
                "view": request.view,
                "device": request.device,
                "orientation": request.orientation,
                "scale": factor,
            },
        )


def shrink_factor(shape: tuple[int, ...]) -> int:
    """Whole number by which both sides are divided so that the longer one is at most ``LONGEST_SIDE``."""
    return max(1, -(-max(shape[:2]) // LONGEST_SIDE))


def shrink(frame: np.ndarray, factor: int) -> np.ndarray:
    """Mean over squares of ``factor`` pixels; what is left over at the right and below is cut off. uint8 in and out."""
    if factor == 1:
        return frame
    height, width = frame.shape[0] // factor, frame.shape[1] // factor
    total = np.zeros((height, width, *frame.shape[2:]), np.uint16 if factor <= 16 else np.uint32)
    # Strided sums: several times faster than summing over the axes of a reshaped array.
    for row in range(factor):
        for column in range(factor):
            total += frame[row : height * factor : factor, column : width * factor : factor]
    return (total // factor**2).astype(np.uint8)
