"""How the images of a file of ITK lie in it, as its header says, and how they are read: nothing else interprets it."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from .budget import memory_budget, require_frame_size, require_memory
from .cine import CineError

_CHUNK = 1 << 20
_DEFLATE_RATIO = 1040  # bytes that one compressed byte becomes at most
_LONGEST_HEADER = 1 << 26  # bytes before the pixels, which no header comes near
_MOST_IMAGES = 10**6
_MOST_DIMENSIONS = 8


class Coding(Enum):
    """How the pixels are packed: as they are, as zlib or gzip data, within a gzipped file, or as written numbers."""

    PLAIN = "plain"
    ZLIB = "zlib"
    GZIPPED_FILE = "gzipped file"
    TEXT = "text"


@dataclass(frozen=True)
class ImageLayout:
    """A header, read and checked.

    size: pixels along each axis, the fastest (x) first, at least two of them. channels: samples per pixel; planar where
    all samples of one channel lie together. dtype: of one sample, with its byte order. start: first byte of the pixels
    in ``data`` (uncompressed, where the whole file is gzipped); None where they are its last bytes.
    spacing: mm (row, column), None where the file has no usable one. scale: slope and intercept that make the
    samples values. stamps: seconds, one for each image, None where one is missing; empty where the file has none.
    lost: images that the file marks as invalid. turned: axes (1 rows, 2 columns) along which images are to be reversed.
    """

    kind: str
    path: Path
    data: Path
    coding: Coding
    start: int | None
    size: tuple[int, ...]
    channels: int
    dtype: np.dtype
    spacing: tuple[float, float] | None
    planar: bool = False
    scale: tuple[float, float] = (1.0, 0.0)
    stamps: tuple[float | None, ...] = ()
    lost: tuple[int, ...] = ()
    turned: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        name, size = self.path.name, self.size
        if not 2 <= len(size) <= _MOST_DIMENSIONS or min(size) < 1 or not 1 <= self.channels <= 4:
            raise CineError(name, "has a damaged header: the sizes in it cannot be; check it or copy it again")
        if sum(n > 1 for n in size[2:]) > 1:
            raise CineError(name, f"holds volumes over time ({' x '.join(map(str, size))}); export a 2D sequence")
        require_frame_size(name, size[0], size[1])
        if self.images > _MOST_IMAGES:
            raise CineError(name, f"claims {self.images} images; its header is damaged")
        if self.start is not None and not 0 <= self.start <= _LONGEST_HEADER:
            raise CineError(name, "has a damaged header: its pixels lie nowhere in it; check it or copy it again")

    @property
    def images(self) -> int:
        return math.prod(self.size[2:])

    @property
    def samples(self) -> int:
        return math.prod(self.size) * self.channels

    def read(self) -> np.ndarray:
        """Pixels ``[T, H, W]`` or ``[T, H, W, channels]``. Raises CineError where they do not fit or are not there."""
        name, needed = self.path.name, self.samples * self.dtype.itemsize
        copies = 1 + (self.dtype != np.uint8) + self._is_scaled + (self.channels > 1)
        require_memory(name, copies * needed, memory_budget())
        try:
            raw = self._raw(needed)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            reason = getattr(error, "strerror", None)
            raise CineError(name, f"cannot be decoded ({reason})" if reason else
                            "cannot be decoded; the file is cut short or damaged") from None  # fmt: skip
        if raw is None:
            raise CineError(name, "is cut short; copy it again")
        width, height = self.size[:2]
        samples = raw.view(self.dtype).astype(self.dtype.newbyteorder("="), copy=False)
        if self.channels == 1:
            samples = samples.reshape(self.images, height, width)
        elif self.planar:
            samples = np.moveaxis(samples.reshape(self.channels, self.images, height, width), 0, -1)
        else:
            samples = samples.reshape(self.images, height, width, self.channels)
        samples = np.flip(samples, self.turned) if self.turned else samples
        return self._scaled(samples) if self._is_scaled else samples

    @property
    def _is_scaled(self) -> bool:
        return self.scale != (1.0, 0.0)

    def _scaled(self, samples: np.ndarray) -> np.ndarray:
        scaled = np.empty(samples.shape, np.float64 if samples.dtype == np.float64 else np.float32)
        slope, intercept = self.scale
        with np.errstate(over="ignore", invalid="ignore"):
            for target, image in zip(scaled, samples, strict=True):
                target[...] = image.astype(np.float64) * slope + intercept
        return scaled

    def _raw(self, needed: int) -> np.ndarray | None:
        """The samples' bytes, uint8 ``[needed]``; None where there are fewer."""
        there = self.data.stat().st_size
        if self.coding is Coding.TEXT:
            return self._written_numbers(there)
        if needed > (there if self.coding is Coding.PLAIN else there * _DEFLATE_RATIO):
            return None
        start = there - needed if self.start is None else self.start
        raw, filled = np.empty(needed, np.uint8), 0
        for piece in self._pieces(start):
            piece = piece[: needed - filled]
            raw[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
            if filled == needed:
                return raw
        return None

    def _pieces(self, start: int) -> Iterator[bytes]:
        if self.coding is Coding.GZIPPED_FILE:
            with gzip.open(self.data, "rb") as stream:
                stream.seek(start)
                while piece := stream.read(_CHUNK):
                    yield piece
            return
        with self.data.open("rb") as stream:
            stream.seek(start)
            inflater = zlib.decompressobj(32 + zlib.MAX_WBITS) if self.coding is Coding.ZLIB else None
            while piece := stream.read(_CHUNK):
                if inflater is None:
                    yield piece
                    continue
                while piece and not inflater.eof:
                    yield inflater.decompress(piece, _CHUNK)
                    piece = inflater.unconsumed_tail

    def _written_numbers(self, there: int) -> np.ndarray | None:
        require_memory(self.path.name, 40 * there)  # of each number, a string and an object
        with self.data.open("rb") as stream:
            stream.seek(self.start or 0)
            words = stream.read().split()[: self.samples]
        if len(words) < self.samples:
            return None
        with np.errstate(all="ignore"):
            return np.array(words, np.float64).astype(self.dtype).view(np.uint8)


def pixel_spacing(row: float, column: float) -> tuple[float, float] | None:
    """mm, or None where one is no size at all."""
    sizes = abs(row), abs(column)
    return sizes if all(math.isfinite(size) and 1e-6 < size < 1e6 for size in sizes) else None
