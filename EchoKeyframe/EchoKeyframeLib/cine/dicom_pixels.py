"""The frames of a DICOM file that is not video, decoded one at a time to gray or RGB uint8."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from .budget import require_memory
from .cine import CineError
from .codestream import Codec, FrameShape, codec_of, frame_shape, says_rgb
from .dicom_file import DicomFile, number, uid_name
from .dicom_fragments import frame_spans
from .dicom_pixel_format import PixelFormat, pixel_format, whole
from .frame_decoder import decode_frame
from .native_frame import native_frame
from .sample_scale import needs_scale, scale_table, without_unused_bits

_MOST_FRAMES = 1_000_000
_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)
_ON_A_SERVER = {f"1.2.840.10008.1.2.4.{last}" for last in (94, 95, 204, 205)}  # JPIP Referenced
_LOOK_FOR_A_CODEC = 20  # frames, from the first


class StoredFrames:
    """The frames in the order in which they are stored.

    ``len()`` is how many there are, whatever NumberOfFrames says; ``declared`` is what it says (0 if nothing).
    Raises CineError if the transfer syntax cannot be read, or the decoded clip would exceed the limit on memory.
    """

    def __init__(self, file: DicomFile) -> None:
        self._file = file
        self._format = pixel_format(file)
        self._is_native = file.syntax in _NATIVE
        self.declared = max(0, whole(number(file.header, "NumberOfFrames")) or 0)
        self._spans = [] if self._is_native else frame_spans(file)
        self._count = self._native_count() if self._is_native else len(self._spans)
        if not self._is_native:
            self._check_codec()
        size = self._format.rows * self._format.columns * self._format.samples
        require_memory(file.name, self._count * size)
        self._table: np.ndarray | None = None
        self._has_table = False

    def __len__(self) -> int:
        return self._count

    def frame(self, index: int) -> np.ndarray:
        """One frame, uint8 ``[H, W]`` or RGB ``[H, W, 3]``. Raises ValueError, or a decoder's error, if it is damaged.
        """
        if not self._has_table:
            self._table, self._has_table = self._scale_table(), True
        samples, is_rgb = self._samples(index)
        if self._table is not None:
            samples = self._table[samples.view(f"u{samples.dtype.itemsize}")]
        elif self._format.photometric == "MONOCHROME1":
            samples = 255 - samples
        if samples.ndim == 3 and not is_rgb:
            # OpenCV orders Y Cr Cb; DICOM Y Cb Cr. Both are the full-range BT.601 matrix (PS3.3 C.7.6.3.1.2).
            samples = cv2.cvtColor(np.ascontiguousarray(samples[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB)
        return samples

    def _native_count(self) -> int:
        """How many whole frames the pixel data hold; corrects YBR_FULL_422 data that are not subsampled."""
        form, length = self._format, self._file.pixel_length
        full = form.rows * form.columns * 3
        odd = form.columns % 2 == 1
        if form.photometric == "YBR_FULL_422" and (odd or (self.declared and length >= full * self.declared)):
            self._format = form = replace(form, photometric="YBR_FULL")
        return min(length // form.frame_bytes, _MOST_FRAMES)

    def _check_codec(self) -> None:
        """Refuse a transfer syntax whose frames are of no codec that is read."""
        file = self._file
        syntax = uid_name(file.syntax)
        if file.syntax in _ON_A_SERVER:
            advice = "its pixels lie on a JPIP server: fetch the file with its images"
            raise CineError(file.name, f"transfer syntax {syntax} cannot be read; {advice}")
        starts = (self._data(index, 4096) for index in range(min(self._count, _LOOK_FOR_A_CODEC)))
        if self._count and not any(codec_of(start) for start in starts):
            advice = "convert it to an uncompressed transfer syntax"
            raise CineError(file.name, f"transfer syntax {syntax} cannot be read; {advice}")

    def _data(self, index: int, most: int | None = None) -> bytes:
        """The codestream of a frame, or its first bytes."""
        spans = self._spans[index]
        if most is not None:
            return self._file.read(spans[0][0], min(spans[0][1], most)) if spans else b""
        return b"".join(self._file.read(start, length) for start, length in spans)

    def _samples(self, index: int) -> tuple[np.ndarray, bool]:
        """Decoded samples, ``[H, W]`` or ``[H, W, 3]``, and whether three of them are RGB rather than YCbCr."""
        form = self._format
        is_rgb, bits = not form.photometric.startswith("YBR_FULL"), form.stored
        if self._is_native:
            return without_unused_bits(native_frame(self._file, form, index), form, bits), is_rgb
        data = self._data(index)
        codec = codec_of(data)
        shape = _checked_shape(data, codec, form)
        if form.samples == 3:
            said = says_rgb(data, codec)
            is_rgb = is_rgb if said is None else said
        if codec in (Codec.JPEG_2000, Codec.JPEG_LS):
            bits = shape.bits
        return without_unused_bits(decode_frame(data, codec, shape), form, bits), is_rgb

    def _scale_table(self) -> np.ndarray | None:
        return scale_table(self._format, self._file.header, self._extremes()) if needs_scale(self._format) else None

    def _extremes(self) -> Iterator[tuple[float, float]]:
        """Least and largest sample of each frame that can be decoded."""
        found = False
        for index in range(self._count):
            try:
                samples = self._samples(index)[0]
            except Exception:  # a damaged frame is reported when it is asked for
                if index >= 10 and not found:
                    return
                continue
            found = True
            yield float(samples.min()), float(samples.max())


def _checked_shape(data: bytes, codec: Codec | None, form: PixelFormat) -> FrameShape:
    """Refuse, before native code sees it, a frame whose own header contradicts the file's. Raises ValueError."""
    if codec is Codec.RLE:
        return FrameShape(form.rows, form.columns, form.samples, form.allocated)
    shape = frame_shape(data) if codec else None
    if shape is None:
        raise ValueError("damaged header of a compressed frame")
    if codec is Codec.JPEG_XL:
        shape = shape._replace(samples=form.samples, bits=form.stored)
    if (shape.rows, shape.columns, shape.samples) != (form.rows, form.columns, form.samples):
        raise ValueError("a compressed frame of another size than the file's header says")
    if shape.bits > form.allocated:
        raise ValueError("more bits per sample than allocated")
    return shape
