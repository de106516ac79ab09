"""Finds the frames inside a DICOM file's pixel data and decodes them one at a time to gray or RGB uint8."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import Image, features
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_color_lut, get_decoder
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import (
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from .cine import CineError
from .codestream import adobe_transform, frame_shape, jpeg_is_sound, rle_is_sound, starts_frame
from .dicom_file import MAX_BYTES, DicomFile, number, text, uid_name

MAX_FRAME_PIXELS = 1 << 26
"""Most pixels in one frame: 8192 x 8192, far above any ultrasound screen."""

_MAX_FRAMES = 1_000_000
_ITEM, _DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_LOSSLESS_JPEG = (JPEGLossless, JPEGLosslessSV1)
_JPEG_LS = (JPEGLSLossless, JPEGLSNearLossless)
_GRAY = ("MONOCHROME1", "MONOCHROME2")
_COLOR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_PACKAGES = {  # transfer syntaxes that other software reads: what to install, or what to do
    "1.2.840.10008.1.2.4.201": "install pylibjpeg and pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.202": "install pylibjpeg and pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.203": "install pylibjpeg and pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.110": "imagecodecs reads JPEG XL: convert it with that",
    "1.2.840.10008.1.2.4.111": "imagecodecs reads JPEG XL: convert it with that",
    "1.2.840.10008.1.2.4.112": "imagecodecs reads JPEG XL: convert it with that",
    "1.2.840.10008.1.2.4.94": "its pixels lie on a JPIP server: fetch the file with its images",
    "1.2.840.10008.1.2.4.95": "its pixels lie on a JPIP server: fetch the file with its images",
    "1.2.840.10008.1.2.4.204": "its pixels lie on a JPIP server: fetch the file with its images",
    "1.2.840.10008.1.2.4.205": "its pixels lie on a JPIP server: fetch the file with its images",
}
_NAMES = {
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
}


@dataclass(frozen=True)
class PixelFormat:
    """The Image Pixel module (PS3.3 C.7.6.3), checked."""

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    signed: bool
    photometric: str
    planar: int

    @property
    def frame_bytes(self) -> int:
        """Length of an uncompressed frame; YBR_FULL_422 stores two samples per pixel (PS3.3 C.7.6.3.1.2)."""
        length = self.rows * self.columns * self.samples * self.allocated // 8
        return length // 3 * 2 if self.photometric == "YBR_FULL_422" else length


def pixel_format(file: DicomFile) -> PixelFormat:
    """Read and check the Image Pixel module. Raises CineError where it is incomplete or impossible."""
    header, name = file.header, file.name
    sizes = {key: _whole(number(header, key)) for key in ("Rows", "Columns", "BitsAllocated")}
    absent = [key for key, value in sizes.items() if value is None or value < 1]
    if absent:
        raise CineError(name, f"the DICOM header lacks a usable {absent[0]}; export the file again")
    photometric = text(header, "PhotometricInterpretation").upper()
    rows, columns, allocated = sizes["Rows"], sizes["Columns"], sizes["BitsAllocated"]
    if rows * columns > MAX_FRAME_PIXELS:
        raise CineError(name, f"claims frames of {columns}x{rows} pixels, more than any ultrasound image has")
    if photometric not in (*_GRAY, *_COLOR, "PALETTE COLOR"):
        shown = photometric if photometric.startswith(("YBR_", "HSV", "ARGB", "CMYK")) else "of an unknown kind"
        raise CineError(name, f"photometric interpretation {shown} is not supported; export it as RGB")
    if allocated not in (8, 16):
        raise CineError(name, f"{allocated} bits per sample are not supported; export it with 8 or 16")
    stored = _whole(number(header, "BitsStored")) or allocated
    stored = stored if 1 <= stored <= allocated else allocated
    samples = 3 if photometric in _COLOR else 1
    if (_whole(number(header, "SamplesPerPixel")) or samples) != samples:
        raise CineError(name, f"SamplesPerPixel contradicts {photometric}; the header is damaged")
    planar = 1 if _whole(number(header, "PlanarConfiguration")) == 1 else 0
    signed = number(header, "PixelRepresentation") == 1
    return PixelFormat(rows, columns, samples, allocated, stored, signed, photometric, planar)


class StoredFrames:
    """The frames of a file that is not video, in the order in which they are stored.

    ``len()`` is how many there are, whatever NumberOfFrames says; ``declared`` is what it says (0 if nothing).
    Raises CineError if the transfer syntax cannot be read, or the decoded clip would exceed the limit on memory.
    """

    def __init__(self, file: DicomFile) -> None:
        self._file = file
        self._format = pixel_format(file)
        self._decoder = _decoder(file)
        self._plugin = _plugin(file, self._decoder, self._format)
        self.declared = max(0, _whole(number(file.header, "NumberOfFrames")) or 0)
        self._spans = [] if self._decoder.is_native else _frame_spans(file)
        self._count = self._native_count() if self._decoder.is_native else len(self._spans)
        size = self._format.rows * self._format.columns * self._format.samples
        if self._count * size > MAX_BYTES:
            raise CineError(file.name, f"{self._count} frames would take more than {MAX_BYTES >> 30} GiB; split it")
        self._table: np.ndarray | None = None
        self._has_table = False

    def __len__(self) -> int:
        return self._count

    def frame(self, index: int) -> np.ndarray:
        """One frame, uint8 ``[H, W]`` or RGB ``[H, W, 3]``. Raises ValueError if it is damaged."""
        if not self._has_table:
            self._table, self._has_table = self._lookup_table(), True
        samples, photometric = self._samples(index)
        if self._table is not None:
            native = samples.astype(samples.dtype.newbyteorder("="), copy=False)
            samples = self._table[native.view(f"u{native.dtype.itemsize}")]
        elif photometric == "MONOCHROME1":
            samples = 255 - samples
        if samples.dtype != np.uint8:
            raise ValueError("not 8 bits")
        if photometric.startswith("YBR_FULL"):
            # OpenCV orders Y Cr Cb; DICOM Y Cb Cr. Both are the full-range BT.601 matrix (PS3.3 C.7.6.3.1.2).
            samples = cv2.cvtColor(np.ascontiguousarray(samples[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB)
        return samples

    def _native_count(self) -> int:
        """How many whole frames the pixel data hold; corrects YBR_FULL_422 data that are not subsampled."""
        form, length = self._format, self._file.pixel_length
        full = form.rows * form.columns * 3
        odd = form.columns % 2 == 1
        if form.photometric == "YBR_FULL_422" and (odd or (self.declared and length >= full * self.declared)):
            self._format = form = PixelFormat(**{**vars(form), "photometric": "YBR_FULL"})
        return min(length // form.frame_bytes, _MAX_FRAMES)

    def _samples(self, index: int) -> tuple[np.ndarray, str]:
        """Decoded samples as stored, ``[H, W]`` or ``[H, W, 3]``, and their photometric interpretation."""
        form, file = self._format, self._file
        options = {
            "rows": form.rows, "columns": form.columns, "samples_per_pixel": form.samples,
            "bits_allocated": form.allocated, "bits_stored": form.stored, "planar_configuration": form.planar,
            "pixel_representation": int(form.signed), "photometric_interpretation": form.photometric,
            "pixel_keyword": "PixelData", "pixel_vr": file.pixel_vr, "raw": True,
        }  # fmt: skip
        if self._decoder.is_native:
            file.stream.seek(file.pixel_offset)
            samples, found = self._decoder.as_array(file.stream, index=index, number_of_frames=self._count, **options)
            return samples, found["photometric_interpretation"]
        data = b"".join(file.read(start, length) for start, length in self._spans[index])
        _check_codestream(data, form, self._decoder)
        if self._decoder.UID in _LOSSLESS_JPEG and form.allocated == 8:
            samples = _lossless_jpeg(data)
            if samples is not None:
                return samples, form.photometric
        if self._decoder.UID in (*_LOSSLESS_JPEG, *_JPEG_LS) and not jpeg_is_sound(data):
            raise ValueError("damaged lossless JPEG frame")
        source = encapsulate([data], has_bot=False)
        samples, found = self._decoder.as_array(
            source, index=0, number_of_frames=1, decoding_plugin=self._plugin, **options
        )
        photometric = found["photometric_interpretation"]
        if self._plugin == "pillow" and adobe_transform(data) is not None:
            photometric = "RGB" if form.samples == 3 else photometric  # Pillow obeys an Adobe marker, pydicom does not
        return samples, photometric

    def _lookup_table(self) -> np.ndarray | None:
        """From every possible stored sample to gray ``[n]`` or RGB ``[n, 3]``, uint8; None for plain 8-bit samples."""
        form, header = self._format, self._file.header
        values = np.arange(1 << form.allocated).astype(f"u{form.allocated // 8}")
        if form.photometric == "PALETTE COLOR":
            return _to_8_bit(apply_color_lut(values[None], header)[0])
        if form.allocated == 8 and form.stored == 8 and not form.signed:
            return None
        values = values.view("i1" if form.allocated == 8 else "i2") if form.signed else values
        low, high = 0.0, 2.0**form.stored - 1
        if form.photometric in _GRAY:
            low, high = self._window() or self._range()
        scaled = (values.astype(np.float64) - low) / max(high - low, 1e-9) * 255.0
        table = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
        return 255 - table if form.photometric == "MONOCHROME1" else table

    def _window(self) -> tuple[float, float] | None:
        """Stored values that the file's window shows as black and white (PS3.3 C.11.2.1.2), None without one."""
        header = self._file.header
        center, width = number(header, "WindowCenter"), number(header, "WindowWidth")
        slope, intercept = number(header, "RescaleSlope"), number(header, "RescaleIntercept")
        slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
        if center is None or width is None or not width > 1 or not slope > 0:
            return None
        low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
        window = (low - intercept) / slope, (high - intercept) / slope
        return window if np.isfinite(window).all() else None

    def _range(self) -> tuple[float, float]:
        """Least and largest stored value of the whole clip: a pass of its own, so that one scaling serves all."""
        ranges = []
        for index in range(self._count):
            try:
                samples = self._samples(index)[0]
            except Exception:  # a damaged frame is reported when it is asked for
                if index >= 10 and not ranges:
                    break
                continue
            ranges.append((float(samples.min()), float(samples.max())))
        return (min(r[0] for r in ranges), max(r[1] for r in ranges)) if ranges else (0.0, 1.0)


def _decoder(file: DicomFile) -> Decoder:
    try:
        decoder = get_decoder(file.syntax)
    except NotImplementedError:
        decoder = None
    if decoder is None or not decoder.is_available:
        advice = _PACKAGES.get(file.syntax, "convert it to an uncompressed transfer syntax")
        syntax = _NAMES.get(file.syntax) or uid_name(file.syntax)
        raise CineError(file.name, f"transfer syntax {syntax} cannot be read; {advice}")
    return decoder


def _plugin(file: DicomFile, decoder: Decoder, form: PixelFormat) -> str:
    """The pydicom plugin to decode with; "" leaves the choice to pydicom."""
    if str(decoder.UID) == JPEGExtended12Bit and form.stored > 8:
        if "pylibjpeg" not in decoder.available_plugins:
            advice = "install pylibjpeg and pylibjpeg-libjpeg"
            raise CineError(file.name, f"{decoder.UID.name} with {form.stored} bits cannot be read; {advice}")
        return "pylibjpeg"
    # Pillow's codecs survive damaged data; GDCM's can end the process, so it reads what Pillow cannot.
    is_deep_color = form.samples == 3 and form.allocated > 8
    return "pillow" if "pillow" in decoder.available_plugins and not is_deep_color else ""


def item_spans(file: DicomFile) -> list[tuple[int, int]]:
    """Offset and length within the pixel data of each whole item behind the offset table (PS3.5 A.4).

    An item that the end of the file cuts is left out.
    """
    spans: list[tuple[int, int]] = []
    at = 0
    while len(head := file.read(at, 8)) == 8 and len(spans) <= _MAX_FRAMES:
        group, element, length = struct.unpack("<HHI", head)
        if (group, element) != _ITEM or length > file.pixel_length - at - 8:
            break
        spans.append((at + 8, length))
        at += 8 + length
    return spans[1:]


def _frame_spans(file: DicomFile) -> list[list[tuple[int, int]]]:
    """The items of each frame.

    A frame begins where a codestream begins. That needs no offset table, which may be absent or wrong, and no
    NumberOfFrames.
    """
    frames: list[list[tuple[int, int]]] = []
    for start, length in item_spans(file):
        if not frames or starts_frame(file.read(start, min(length, 16))):
            frames.append([])
        frames[-1].append((start, length))
    return frames


def _lossless_jpeg(data: bytes) -> np.ndarray | None:
    """8-bit samples of a lossless JPEG, as they are coded; None if Pillow's libjpeg is older than libjpeg-turbo 3."""
    if int((features.version("libjpeg_turbo") or "0").split(".")[0]) < 3:
        return None
    with Image.open(BytesIO(data), formats=("JPEG",)) as image:
        return np.asarray(image)


def _check_codestream(data: bytes, form: PixelFormat, decoder: Decoder) -> None:
    """Refuse, before native code sees it, a frame whose own header contradicts the file's. Raises ValueError."""
    if str(decoder.UID) == RLELossless:
        if not rle_is_sound(data, form.samples * form.allocated // 8, form.rows * form.columns):
            raise ValueError("damaged RLE frame")
        return
    shape = frame_shape(data)
    if shape is None:
        raise ValueError("damaged header of a compressed frame")
    if (shape.rows, shape.columns, shape.samples) != (form.rows, form.columns, form.samples):
        raise ValueError("a compressed frame of another size than the file's header says")
    if shape.bits > form.allocated:
        raise ValueError("more bits per sample than allocated")


def _to_8_bit(colors: np.ndarray) -> np.ndarray:
    # Some 16-bit palettes hold values up to 255 only.
    return (colors >> 8 if colors.dtype == np.uint16 and colors.max() > 255 else colors).astype(np.uint8)


def _whole(value: float | None) -> int | None:
    return int(value) if value is not None and value == value and abs(value) < 2**53 else None
