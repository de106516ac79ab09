"""Decides from the pixels whether a cine is gray or colour, while its frames arrive one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import cv2
import numpy as np

from .budget import memory_budget, require_memory
from .cine import Box, CineError

_LONGEST_SIDE = 320  # pixels of the reduced copy that is looked at
_MOVED = 8  # gray levels by which a pixel must differ from the first frame
_OFF_TINT = 18.0  # distance in the Cb-Cr plane from the clip's own tint
_LEAST_SHARE = 0.001  # of the image that must be off the tint
_TEXT_HEIGHT, _TRACE_WIDTH = 20, 45  # how often they fit into the longest side: patches no wider do not count
_COLOURED = 40  # gray levels between the strongest and the weakest of red, green and blue
_FIRST_ALLOCATION = 64 << 20  # bytes; a declared frame count is not trusted beyond this


_follower: ContextVar[Callable[[FrameStack], None] | None] = ContextVar("follower", default=None)


@contextmanager
def followed_by(follower: Callable[[FrameStack], None]) -> Iterator[None]:
    """Within, ``follower`` is given a cine's FrameStack after each frame that it took, and may raise: for whoever looks
    at frames while a file is read, whichever reader reads it."""
    token = _follower.set(follower)
    try:
        yield
    finally:
        _follower.reset(token)


class FrameStack:
    """Collects frames into one uint8 array ``[T, H, W]``, or ``[T, H, W, 3]`` once a frame is really coloured.

    Colour means colour Doppler: patches that change over time and whose chroma is not a function of their luma.
    So a tint (sepia, blue), chroma noise of JPEG and 4:2:0, thin coloured text or ECG, static logos and colour
    bars all leave a cine gray; its gray level is then the luma (ITU-R BT.601), which for R = G = B is that very
    value. Once a coloured frame comes all frames are kept in RGB; those before it become R = G = B.

    Memory is that of the result and at most half as much again while frames arrive, whatever ``expected`` claims.

    name: of the file, for messages. expected: declared number of frames, 0 if unknown. region: where tissue is drawn;
    chroma outside it is not looked at.
    """

    def __init__(self, name: str, expected: int = 0, region: Box | None = None) -> None:
        self._name, self._expected, self._region = name, expected, region
        self._budget = memory_budget()
        self._pixels = np.empty(0, np.uint8)  # flat, so that it can grow and turn into RGB in place
        self._size: tuple[int, int] = (0, 0)
        self._count = 0
        self._colored = False
        self._first: np.ndarray | None = None
        self._first_reduced: np.ndarray | None = None
        self._moved: np.ndarray | None = None  # pixels of the reduced copy that have changed so far
        self._still = 0  # leading frames that equal the first
        self.grayed = range(0)
        """Frames that came before any colour and lost theirs, if they had some; a caller may decode them again."""

    def __len__(self) -> int:
        return self._count

    @property
    def expected(self) -> int:
        """Declared number of frames, 0 if unknown."""
        return self._expected

    @property
    def is_color(self) -> bool:
        """Whether a frame so far was really coloured: all frames are RGB then, else gray."""
        return self._colored

    def frame(self, index: int) -> np.ndarray:
        """One of the frames so far, uint8 ``[H, W]`` or ``[H, W, 3]``: a view, not to be kept."""
        return self._frame(index)

    def append(self, frame: np.ndarray) -> None:
        """Add a frame, uint8 ``[H, W]`` or RGB ``[H, W, 3]``. It is copied.

        Raises CineError if its size differs from that of the frames before it, or the frames so far take more than the
        budget of memory.
        """
        if self._count == 0:
            self._size = frame.shape[:2]
        elif frame.shape[:2] != self._size:
            raise CineError(
                self._name,
                f"frame {self._count} is {frame.shape[1]}x{frame.shape[0]} pixels where those before it "
                f"are {self._size[1]}x{self._size[0]}; split the file where the size changes"
            )
        if not self._colored and frame.ndim == 3 and self._brings_color(frame):
            self._turn_to_color()
        self._reserve(self._count + 1)
        target = self._frame(self._count)
        if frame.ndim == 2:
            target[...] = frame[..., None] if self._colored else frame
        else:
            target[...] = frame if self._colored else cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
        self._count += 1
        follower = _follower.get()
        if follower is not None:
            follower(self)

    def finish(self) -> np.ndarray:
        """The collected frames; the stack gives them away and must not be used any more.

        Raises CineError if there are none.
        """
        if self._count == 0:
            raise CineError(self._name, "holds no frames that can be decoded")
        reduced, is_still = self._first_reduced, not self._colored and self._still == self._count
        # A still has no motion to go by: patches of colour anywhere count.
        if is_still and reduced is not None and self._shows_color(reduced, np.ones(reduced.shape[:2], bool)):
            self._turn_to_color()
        self._resize(self._count)
        shape = (self._count, *self._size) + ((3,) if self._colored else ())
        pixels, self._pixels = self._pixels, np.empty(0, np.uint8)
        return pixels.reshape(shape)

    def _brings_color(self, frame: np.ndarray) -> bool:
        reduced, first = _reduce(frame, self._region), self._first_reduced
        if first is None:
            self._first, self._first_reduced = frame.copy(), reduced
            self._moved = np.zeros(reduced.shape[:2], bool)
            self._still = 1
            return False
        moved = _largest(cv2.absdiff(reduced, first)) > _MOVED
        if self._still == self._count and moved.mean() < _LEAST_SHARE:
            self._still += 1
            return False
        self._moved = moved if self._moved is None else self._moved | moved
        # The first frame is asked again: its colour may lie where only now something has moved.
        return any(self._shows_color(image, self._moved) for image in (reduced, first))

    def _shows_color(self, reduced: np.ndarray, where: np.ndarray) -> bool:
        # Outside the tissue there is coloured text, whose lines JPEG smears into strips as high as a letter.
        patch = max(reduced.shape) // (_TEXT_HEIGHT if self._region is None else _TRACE_WIDTH)
        return _off_tint_share(reduced, where, max(3, patch)) >= _LEAST_SHARE

    def _turn_to_color(self) -> None:
        """Spread the gray frames to RGB where they lie, last first so that none is overwritten before it is read."""
        gray_size = self._size[0] * self._size[1]
        self._colored = True
        self._resize(self._pixels.size // gray_size)
        self.grayed = range(self._still, self._count)
        for i in reversed(range(self._count)):
            gray = self._pixels[i * gray_size : (i + 1) * gray_size].copy().reshape(self._size)
            self._frame(i)[...] = self._first if i < self._still else gray[..., None]

    def _frame(self, index: int) -> np.ndarray:
        size = self._frame_bytes
        shape = (*self._size, 3) if self._colored else self._size
        return self._pixels[index * size : (index + 1) * size].reshape(shape)

    @property
    def _frame_bytes(self) -> int:
        return self._size[0] * self._size[1] * (3 if self._colored else 1)

    def _reserve(self, count: int) -> None:
        capacity = self._pixels.size // max(1, self._frame_bytes)
        if count <= capacity:
            return
        wanted = max(count, capacity * 3 // 2, _FIRST_ALLOCATION // max(1, self._frame_bytes) if not capacity else 0)
        self._resize(min(wanted, max(count, self._expected)) if self._expected else wanted)

    def _resize(self, count: int) -> None:
        size = count * self._frame_bytes
        require_memory(self._name, size, self._budget)
        try:
            # No view outlives the method that made it, so the array may move; realloc spares a second copy.
            self._pixels.resize(size, refcheck=False)
        except MemoryError:
            raise CineError(
                self._name, f"{count} frames need {size / 2**30:.1f} GB of memory, which is not there; cut the loop"
            ) from None


def _reduce(frame: np.ndarray, region: Box | None) -> np.ndarray:
    """A copy of the tissue region whose longest side is about 320 pixels; averaging also quietens chroma noise."""
    if region is not None:
        frame = frame[region.slices]
    height, width = frame.shape[:2]
    factor = max(1.0, max(height, width) / _LONGEST_SIDE)
    size = max(1, round(width / factor)), max(1, round(height / factor))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA) if factor > 1 else frame.copy()


def coloured(frame: np.ndarray) -> np.ndarray:
    """Which pixels of an RGB frame ``[H, W, 3]`` of a coloured cine are: bool ``[H, W]``. What shows speed in colour
    shows no tissue."""
    frame = np.ascontiguousarray(frame)
    red, green, blue = cv2.split(frame)
    smallest = cv2.min(cv2.min(red, green), blue)
    return cv2.subtract(_largest(frame), smallest) > _COLOURED


def _largest(image: np.ndarray) -> np.ndarray:
    """The largest of each pixel's three values, ten times as fast as NumPy's maximum over a last axis of three."""
    red, green, blue = cv2.split(image)
    return cv2.max(cv2.max(red, green), blue)


def _off_tint_share(image: np.ndarray, where: np.ndarray, width: int) -> float:
    """Share of an RGB image covered by patches, within ``where``, whose chroma does not follow from luma.

    What is thinner than ``width`` pixels does not count.
    """
    red, green, blue = cv2.split(image)
    saturation = cv2.subtract(_largest(image), cv2.min(cv2.min(red, green), blue))
    if np.count_nonzero((saturation >= _OFF_TINT) & where) < _LEAST_SHARE * where.size:
        return 0.0
    luma, red, blue = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb))
    distance = np.hypot(_tint_residual(luma, red, where), _tint_residual(luma, blue, where))
    off_tint = (distance > _OFF_TINT).astype(np.uint8)
    shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    solid = cv2.morphologyEx(off_tint, cv2.MORPH_OPEN, shape)
    return float(((solid > 0) & where).mean())


def _tint_residual(luma: np.ndarray, chroma: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Chroma less the clip's tint, a cubic of luma fitted over ``where`` to the majority of pixels."""
    counts = np.bincount((luma[where] >> 2).astype(np.intp) * 128 + (chroma[where] >> 1), minlength=64 * 128)
    occupied = np.flatnonzero(counts)
    levels, values, weights = occupied // 128, 2.0 * (occupied % 128), counts[occupied].astype(float)
    powers = np.vander((np.arange(64) - 32) / 32.0, 4)
    tint = np.full(64, np.average(values, weights=weights))
    for _ in range(5):
        # Least absolute deviations by reweighting: a Doppler patch must not pull the tint towards itself.
        root = np.sqrt(weights / np.maximum(np.abs(values - tint[levels]), 1.0))
        tint = powers @ np.linalg.lstsq(powers[levels] * root[:, None], values * root, rcond=None)[0]
    return chroma - tint[luma >> 2]
