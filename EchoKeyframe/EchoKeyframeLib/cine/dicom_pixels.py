"""The frames of a DICOM file that is not video, decoded one at a time to gray or RGB uint8."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from statistics import median

import cv2
import numpy as np

from .budget import require_memory
from .coded_format import as_coded, declared_shape
from .codestream import Codec, FrameShape, codec_of, frame_shape, says_rgb
from .dicom_file import DicomFile, number
from .dicom_fragments import frame_spans, read_items
from .dicom_pixel_format import PixelFormat, pixel_format, whole
from .finding import Finding, FindingKind
from .frame_decoder import decode_frame, rle_excess
from .inner_damage import InnerDamage
from .native_frame import native_frame
from .photometric import PictureWord, color_space, header_says_rgb, picture_word
from .pixel_data_syntax import codec_finding, is_native, refuse_unread, storage_finding
from .planar_configuration import planar_finding
from .sample_scale import needs_scale, scale_table, without_unused_bits

_MOST_FRAMES = 1_000_000
_LOOK_FOR_A_CODEC = 20  # frames, from the first
_DAMAGED_HEADER = "damaged header of a compressed frame"


class StoredFrames:
    """The frames in the order in which they are stored.

    ``len()`` is how many there are, lost ones among them, whatever NumberOfFrames says; ``declared`` is what it says (0
    if nothing). ``size``: height and width. ``is_whole``: whether the pixel data end as they should. ``findings``:
    where header and data contradict each other; more may come while frames are decoded.

    Raises CineError if the transfer syntax cannot be read, or the decoded clip would exceed the limit on memory.
    """

    def __init__(self, file: DicomFile) -> None:
        self._file = file
        self._header_format = self._format = pixel_format(file)
        self.declared = max(0, whole(number(file.header, "NumberOfFrames")) or 0)
        self.findings: list[Finding] = list(file.findings)
        self._is_native = is_native(file, self._format)
        self.is_whole = not file.is_cut
        self._spans = [] if self._is_native else self._find_frames()
        self._count = self._native_count() if self._is_native else len(self._spans)
        if self._is_native:
            self.is_whole &= self._count >= self.declared
        if (finding := storage_finding(file, self._is_native)) is not None:
            self.findings.append(finding)
        if not self._is_native:
            self._adopt_codestream()
        elif self._format.samples == 3 and self._format.allocated == 8 and self._format.photometric != "YBR_FULL_422":
            self._adopt_planes()
        size = self._format.rows * self._format.columns * self._format.samples
        require_memory(file.name, self._count * size)
        self._table: np.ndarray | None = None
        self._has_table = False
        self._is_rgb: dict[bool | None, bool] = {}  # by what the frame's codestream says
        self._inner_damage = InnerDamage(self._data, self._count, codec_of)

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> tuple[int, int]:
        return self._format.rows, self._format.columns

    def frame(self, index: int) -> np.ndarray:
        """One frame, uint8 ``[H, W]`` or RGB ``[H, W, 3]``. Raises ValueError, or a decoder's error, if it is damaged.
        """
        samples, said = self._scaled(index)
        if samples.ndim == 3 and self._format.samples == 3 and not self._frame_is_rgb(samples, said):
            # OpenCV orders Y Cr Cb; DICOM Y Cb Cr. Both are the full-range BT.601 matrix (PS3.3 C.7.6.3.1.2).
            samples = cv2.cvtColor(np.ascontiguousarray(samples[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB)
        return samples

    def _find_frames(self) -> list[list[tuple[int, int]]]:
        if not self._file.has_items and codec_of(self._file.read(0, 4096)):
            self.is_whole = not self._file.is_cut
            return [[(0, self._file.pixel_length)]]  # a codestream without items
        items = read_items(self._file)
        self.is_whole = items.is_whole
        return frame_spans(self._file, items, self.declared)

    def _native_count(self) -> int:
        """How many whole frames the pixel data hold; corrects a header that is wrong on chroma being subsampled."""
        form, length = self._format, self._file.pixel_length
        full = form.rows * form.columns * 3
        odd = form.columns % 2 == 1
        if form.photometric == "YBR_FULL_422" and (odd or (self.declared and length >= full * self.declared)):
            self._format = form = replace(form, photometric="YBR_FULL")
        elif form.samples == 3 and form.allocated == 8 and self.declared and not odd:
            half = full // 3 * 2 * self.declared
            if form.photometric != "YBR_FULL_422" and length in (half, half + half % 2):
                self._tell(FindingKind.PHOTOMETRIC, f"PhotometricInterpretation says {form.photometric} but the frames "
                           "have the length of YBR_FULL_422; they are read as that, colours follow from it")
                self._format = form = replace(form, photometric="YBR_FULL_422")
        return min(length // form.frame_bytes, _MOST_FRAMES)

    def _adopt_codestream(self) -> None:
        """Take size, samples and bits from the frames where no frame agrees with the header."""
        frames = [self._data(index) for index in range(min(self._count, _LOOK_FOR_A_CODEC))]
        coded = [(data, codec) for data in frames if (codec := codec_of(data)) is not None]
        if not coded:
            refuse_unread(self._file, self._count)
            return
        if (finding := codec_finding(self._file.syntax, coded[0][1])) is not None:
            self.findings.append(finding)
        self._format, findings = as_coded(self._file.name, self._format, coded)
        self.findings += findings

    def _adopt_planes(self) -> None:
        """Take colours apart as they lie where the picture leaves no doubt that the header is wrong."""
        form = self._format

        def frame(index: int, planar: int) -> np.ndarray:
            return native_frame(self._file, replace(form, planar=planar), index)

        finding = planar_finding(frame, self._count, form.planar, header_says_rgb(form.photometric))
        if finding is not None:
            self.findings.append(finding)
            self._format = replace(form, planar=1 - form.planar)

    def _data(self, index: int) -> bytes:
        """The codestream of a frame."""
        return b"".join(self._file.read(start, length) for start, length in self._spans[index])

    def _scaled(self, index: int) -> tuple[np.ndarray, bool | None]:
        """A frame in 8 bits, in its own colour space, and whether its codestream says that this is RGB."""
        if not self._has_table:
            self._table, self._has_table = self._scale_table(), True
        samples, said = self._samples(index)
        if self._table is not None:
            samples = self._table[samples.view(f"u{samples.dtype.itemsize}")]
        elif self._format.photometric == "MONOCHROME1":
            samples = 255 - samples
        return samples, said

    def _samples(self, index: int) -> tuple[np.ndarray, bool | None]:
        """Decoded samples, ``[H, W]`` or ``[H, W, 3]``, and whether their codestream says that three are RGB."""
        form, bits, said = self._format, self._format.stored, None
        if self._is_native:
            samples = native_frame(self._file, form, index)
            if 0 < index < self._count - 1 and not samples.any() and self._ends_show_something:
                raise ValueError("a frame of zeros amid others")
            return without_unused_bits(samples, form, bits), said
        data = self._data(index)
        codec = codec_of(data)
        if codec is None:
            raise ValueError(_DAMAGED_HEADER)
        shape = _checked_shape(data, codec, form)
        if self._inner_damage.is_in(data, codec):
            raise ValueError("a compressed frame that is damaged inside")
        if form.samples == 3:
            said = says_rgb(data, codec)
        if codec in (Codec.JPEG_2000, Codec.JPEG_LS):
            bits = shape.bits
        excess = self._rle_excess if codec is Codec.RLE else 0
        return without_unused_bits(decode_frame(data, codec, shape, excess), form, bits), said

    @cached_property
    def _rle_excess(self) -> int:
        """What is too much in most segments: some encoders are odd in every frame."""
        indices = {0, self._count // 3, self._count // 2, 2 * self._count // 3, self._count - 1}
        pixels = self._format.rows * self._format.columns
        return int(median(rle_excess(data, pixels) for data in map(self._data, indices)))

    @cached_property
    def _ends_show_something(self) -> bool:
        """Whether the first and the last uncompressed frame are no zeros, which some loops begin or end with."""
        try:
            return all(native_frame(self._file, self._format, index).any() for index in (0, self._count - 1))
        except ValueError:
            return False

    def _frame_is_rgb(self, samples: np.ndarray, said: bool | None) -> bool:
        """Decided once for the clip, for frames whose codestreams say the same."""
        if said not in self._is_rgb:
            space = color_space(self._format.photometric, said, self._picture(samples))
            self._is_rgb[said] = space.is_rgb
            if space.finding and self._header_format.samples == 3 and len(self._is_rgb) == 1:
                self.findings.append(space.finding)
        return self._is_rgb[said]

    def _picture(self, samples: np.ndarray) -> PictureWord | None:
        """What the first frame shows of its colour space or, where it does not decide, the one in the middle."""
        shown = picture_word(samples)
        if shown is None and self._count > 1:
            try:
                shown = picture_word(self._scaled(self._count // 2)[0])
            except Exception:  # a damaged frame is reported when it is asked for
                return None
        return shown

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

    def _tell(self, kind: FindingKind, text: str) -> None:
        self.findings.append(Finding(kind, text))


def _checked_shape(data: bytes, codec: Codec, form: PixelFormat) -> FrameShape:
    """Refuse, before native code sees it, a frame of another size than the clip's. Raises ValueError."""
    if codec is Codec.RLE:
        return declared_shape(form)
    shape = frame_shape(data)
    if shape is None:
        raise ValueError(_DAMAGED_HEADER)
    if codec is Codec.JPEG_XL:
        shape = shape._replace(samples=form.samples, bits=form.stored)
    if (shape.rows, shape.columns, shape.samples) != (form.rows, form.columns, form.samples):
        raise ValueError("a compressed frame of another size than the clip's")
    if shape.bits > form.allocated:
        raise ValueError("more bits per sample than allocated")
    return shape
