"""Opens a DICOM file up to its pixel data, whatever state the file is in."""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_file_meta_info
from pydicom.tag import Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, UID_dictionary

from .budget import memory_budget, require_memory
from .cine import CineError

_PIXEL_DATA = (0x7FE0, 0x0010)
_UNDEFINED_LENGTH = 0xFFFFFFFF

# Only these elements are ever read: no patient identity reaches memory.
_TAGS = (
    "SOPClassUID", "SOPInstanceUID", "Modality", "ViewName", "ViewCodeSequence", "NumberOfFrames",
    "FrameIncrementPointer", "FrameTime", "FrameTimeVector", "EffectiveDuration", "CineRate",
    "RecommendedDisplayFrameRate", "ActualFrameDuration", "HeartRate", "RWaveTimeVector", "StartTrim", "StopTrim",
    "PerFrameFunctionalGroupsSequence", "SequenceOfUltrasoundRegions", "PixelSpacing",
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated",
    "BitsStored", "PixelRepresentation", "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData", "SegmentedBluePaletteColorLookupTableData",
)  # fmt: skip


_NEWER = {  # transfer syntaxes that pydicom 3.0 does not know
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
}


@dataclass(frozen=True)
class DicomFile:
    """A DICOM image whose header has been read.

    header: the elements that a cine needs, none that identifies a patient.
    stream: the file; its pixel data start at ``pixel_offset`` and take ``pixel_length`` bytes, as far as they are
    there (``is_cut`` where the header claims more). pixel_vr: ``"OB"`` or ``"OW"``.
    """

    name: str
    header: Dataset
    syntax: UID
    stream: BinaryIO
    pixel_offset: int
    pixel_length: int
    pixel_vr: str
    is_cut: bool

    @property
    def is_little_endian(self) -> bool:
        return self.syntax != ExplicitVRBigEndian

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the pixel data from ``offset``; fewer at the end of the file."""
        self.stream.seek(self.pixel_offset + offset)
        return self.stream.read(max(0, min(length, self.pixel_length - offset)))


@contextmanager
def open_dicom(path: Path) -> Iterator[DicomFile]:
    """Read a DICOM file's header and find its pixel data.

    Raises CineError where it is not DICOM, holds no images, or cannot be opened.
    """
    try:
        stream: BinaryIO = path.open("rb")
    except OSError as error:
        reason = error.strerror
        raise CineError(path.name, f"cannot be opened ({reason}); check the path and its permissions") from None
    with stream:
        header, syntax, body = _read_header(stream, path)
        yield _find_pixel_data(header, syntax, body, path.name)


def number(header: Dataset, keyword: str) -> float | None:
    """The element's first value as a float, which may be NaN or infinite; None where absent or no number."""
    values = numbers(header, keyword)
    return values[0] if values else None


def numbers(header: Dataset, keyword: str) -> list[float]:
    """The element's values as floats; empty where absent or where one is no number."""
    try:
        value = header.get(keyword)
        if value is None or isinstance(value, (str, bytes)):
            return []
        return [float(v) for v in (value if hasattr(value, "__iter__") else [value])]
    except Exception:  # pydicom converts on access and raises nearly anything on damaged values
        return []


def items(header: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; empty where absent or damaged."""
    try:
        return [item for item in header.get(keyword) or () if isinstance(item, Dataset)]
    except Exception:  # as above
        return []


def text(header: Dataset, keyword: str) -> str:
    """The element's value as text; empty where absent or damaged."""
    try:
        return str(header.get(keyword) or "").strip()
    except Exception:  # as above
        return ""


def uid_name(uid: str) -> str:
    """The registered name of a UID, else the UID itself, or ``"unknown"``: what is none may hold anything."""
    if uid in UID_dictionary:
        return UID(uid).name
    if uid in _NEWER:
        return _NEWER[uid]
    return uid if is_uid(uid) else "unknown"


def is_uid(value: str) -> bool:
    """Whether a value has the form of a UID, digits and dots, PS3.5 9.1."""
    return 0 < len(value) <= 64 and value.replace(".", "").isdigit() and value.isascii()


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom's warnings, which quote values from the file, out of logs and stderr."""
    logger = logging.getLogger("pydicom")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


def _read_header(stream: BinaryIO, path: Path) -> tuple[Dataset, UID, BinaryIO]:
    """Header, transfer syntax, and the stream positioned at the pixel data element (or at the end)."""
    stream.seek(128)
    if stream.read(4) == b"DICM":
        meta = read_file_meta_info(path)
        if text(meta, "TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            return _read_deflated(stream, meta, path.name)
    stream.seek(0)
    header = pydicom.dcmread(stream, force=True, stop_before_pixels=True, specific_tags=list(_TAGS), defer_size=2**20)
    syntax = UID(text(header.file_meta, "TransferSyntaxUID"))
    if not syntax:
        implicit, little = header.original_encoding
        syntax = UID("1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2")
    return header, syntax, stream


def _read_deflated(stream: BinaryIO, meta: Dataset, name: str) -> tuple[Dataset, UID, BinaryIO]:
    """Inflate a deflated data set (PS3.5 A.5) up to the limit on memory; a cut one as far as it goes."""
    length = number(meta, "FileMetaInformationGroupLength")
    if length is None:
        raise CineError(name, "damaged DICOM header (no group length); export the file again")
    stream.seek(128 + 4 + 12 + int(length))
    inflater, body, total = zlib.decompressobj(-zlib.MAX_WBITS), BytesIO(), 0
    budget = memory_budget() // 2  # the frames in it come on top
    while (chunk := stream.read(1 << 16)) and not inflater.eof:
        while chunk:
            piece = inflater.decompress(chunk, 1 << 20)
            total += len(piece)
            require_memory(name, total, budget)
            body.write(piece)
            chunk = inflater.unconsumed_tail
    body.seek(0)
    tags = [Tag(tag) for tag in _TAGS]
    header = read_dataset(body, False, True, stop_when=lambda tag, *_: tag == _PIXEL_DATA, specific_tags=tags)
    return header, DeflatedExplicitVRLittleEndian, body


def _find_pixel_data(header: Dataset, syntax: UID, stream: BinaryIO, name: str) -> DicomFile:
    little = syntax != "1.2.840.10008.1.2.2"
    element = stream.read(8)
    tag = struct.unpack("<HH" if little else ">HH", element[:4]) if len(element) == 8 else None
    if tag != _PIXEL_DATA:
        meta = getattr(header, "file_meta", Dataset())
        kind = uid_name(text(header, "SOPClassUID") or text(meta, "MediaStorageSOPClassUID"))
        if kind == "unknown" or kind.endswith("Image Storage"):
            raise CineError(name, "ends before its images or was stripped of them; copy or export it again")
        raise CineError(name, f"a DICOM object without images ({kind}); choose a multi-frame ultrasound image")
    vr, order = "OW", "<" if little else ">"
    if syntax == "1.2.840.10008.1.2":
        length = struct.unpack(order + "I", element[4:])[0]
    else:
        vr = element[4:6].decode("ascii", "replace")
        tail = stream.read(4)
        length = struct.unpack(order + "I", tail)[0] if len(tail) == 4 else 0
    offset = stream.tell()
    there = stream.seek(0, 2) - offset
    is_cut = length != _UNDEFINED_LENGTH and length > there
    vr = vr if vr in ("OB", "OW") else "OW"
    return DicomFile(name, header, syntax, stream, offset, min(length, there), vr, is_cut)
