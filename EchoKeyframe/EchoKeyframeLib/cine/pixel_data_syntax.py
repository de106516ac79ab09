"""Whether pixel data are stored as the transfer syntax says, and what is told where they are not."""

from __future__ import annotations

import math

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from .cine import CineError
from .codestream import Codec, codec_of
from .container import GIF, HEAD, container_of
from .dicom_file import DicomFile, number, uid_name
from .dicom_fragments import read_items
from .dicom_pixel_format import PixelFormat
from .finding import Finding, FindingKind

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)
"""Transfer syntaxes of uncompressed pixels."""

_STANDARD = "1.2.840.10008."
_JPEG_FAMILY = "1.2.840.10008.1.2.4."
_CODECS = {
    "50": Codec.JPEG, "51": Codec.JPEG, "57": Codec.LOSSLESS_JPEG, "70": Codec.LOSSLESS_JPEG,
    "80": Codec.JPEG_LS, "81": Codec.JPEG_LS, **dict.fromkeys(("90", "91", "92", "93"), Codec.JPEG_2000),
    **dict.fromkeys(("201", "202", "203"), Codec.JPEG_2000), **dict.fromkeys(("110", "111", "112"), Codec.JPEG_XL),
}  # fmt: skip
_WHOLLY_READ = {*_CODECS, "1.2.840.10008.1.2.5"} - {"92", "93"}  # Part 2 of JPEG 2000 has more than is read
_RLE = "1.2.840.10008.1.2.5"
_ON_A_SERVER = {f"{_JPEG_FAMILY}{last}" for last in (94, 95, 204, 205)}  # JPIP Referenced


def is_native(file: DicomFile, form: PixelFormat) -> bool:
    """Whether the pixel data are uncompressed, whatever the transfer syntax says."""
    if file.has_items:
        return False
    promised = file.syntax in NATIVE
    fits = file.pixel_length >= form.frame_bytes
    if codec_of(file.read(0, 4096)) is not None:
        return promised and fits and file.pixel_length % form.frame_bytes <= 1
    # Vendors' own syntaxes may order bytes as they like.
    has_order = form.allocated == 8 or file.syntax.startswith(_STANDARD)
    return promised or (fits and file.read(0, 4) != b"\xfe\xff\x00\xe0" and has_order)


def storage_finding(file: DicomFile, native: bool) -> Finding | None:
    """What is told where frames are compressed and the transfer syntax says not, or the other way round."""
    if native == (file.syntax in NATIVE):
        return None
    stored = "not compressed" if native else "compressed"
    text = f"the transfer syntax says {uid_name(file.syntax)} but the frames are {stored}; they are read as they are"
    return Finding(FindingKind.SYNTAX, text)


def codec_finding(syntax: str, codec: Codec) -> Finding | None:
    """What is told where a compressed transfer syntax names another codec than that of the frames."""
    if syntax in NATIVE:
        return None  # told already
    last = syntax.removeprefix(_JPEG_FAMILY)
    promised = Codec.RLE if syntax == _RLE else _CODECS.get(last)
    if codec is promised or (last == "51" and codec is Codec.LOSSLESS_JPEG):
        return None
    text = f"the transfer syntax says {uid_name(syntax)} but the frames are {codec.value}; they are read as that"
    return Finding(FindingKind.SYNTAX, text)


def refuse_unread(file: DicomFile, frames: int) -> None:
    """Raise CineError for a transfer syntax that is not read, where no frame is of a codec that is."""
    syntax = uid_name(file.syntax)
    if file.syntax in _ON_A_SERVER:
        advice = "its pixels lie on a JPIP server: fetch the file with its images"
    elif (frames or not file.syntax.startswith(_STANDARD)) and file.syntax not in NATIVE \
            and file.syntax.removeprefix(_JPEG_FAMILY) not in _WHOLLY_READ:
        advice = "convert it to an uncompressed transfer syntax"
    else:
        return
    raise CineError(file.name, f"transfer syntax {syntax} cannot be read; {advice}")


def is_video(file: DicomFile) -> bool:
    """Whether the pixel data are an MPEG-2, H.264 or HEVC stream (PS3.5 A.4.5 to A.4.7), whatever the syntax says."""
    says = _says_video(file.syntax)
    items = read_items(file).spans if file.has_items else []
    if not items:  # a stream as it is, frames that are not compressed, or nothing
        return says and (_starts_video(file.read(0, HEAD)) or file.pixel_length < _one_frame(file))
    starts = [file.read(start, min(length, HEAD)) for start, length in items[:2]]
    if any(codec_of(start) for start in starts):
        return False
    return says or _starts_video(starts[0])


def _starts_video(data: bytes) -> bool:
    try:
        return container_of(data, "").name != GIF.name
    except CineError:
        return False


def _one_frame(file: DicomFile) -> float:
    """Bytes of an uncompressed frame as the header has it, at least one."""
    sizes = (number(file.header, key) or 1 for key in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated"))
    return max(1.0, math.prod(sizes) / 8)


def video_finding(file: DicomFile) -> Finding | None:
    """What is told where a video's transfer syntax says that it is none."""
    if _says_video(file.syntax):
        return None
    text = f"the transfer syntax says {uid_name(file.syntax)} but the frames are a video stream; they are read as that"
    return Finding(FindingKind.SYNTAX, text)


def _says_video(syntax: str) -> bool:
    """1.2.840.10008.1.2.4.100 to .108."""
    last = syntax.removeprefix(_JPEG_FAMILY).split(".")[0] if syntax.startswith(_JPEG_FAMILY) else ""
    return last.isdigit() and 100 <= int(last) <= 108
