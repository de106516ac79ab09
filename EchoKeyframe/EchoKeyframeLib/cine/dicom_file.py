"""Opens a DICOM file up to its pixel data, whatever state the file is in."""

from __future__ import annotations

import logging
import math
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, UID_dictionary

from .budget import memory_budget, require_memory
from .cine import CineError
from .data_set_encoding import Encoding, declared_encoding, found_encoding
from .finding import Finding, FindingKind

_PIXEL_DATA = (0x7FE0, 0x0010)
_PIXELS = (_PIXEL_DATA, (0x7FE0, 0x0008), (0x7FE0, 0x0009))  # the latter two hold floating point numbers
_ITEM = b"\xfe\xff\x00\xe0"
_PEEK = 1024  # bytes from which the encoding is told
_DEFERRED = 1 << 20  # bytes above which pydicom leaves a value in the file until it is asked for
_UNDEFINED_LENGTH = 0xFFFFFFFF

# Only these elements are ever read: no patient identity reaches memory.
_TAGS = (
    "SOPClassUID", "SOPInstanceUID", "Modality", "ViewName", "ViewCodeSequence", "NumberOfFrames",
    "FrameIncrementPointer", "FrameTime", "FrameTimeVector", "EffectiveDuration", "CineRate",
    "RecommendedDisplayFrameRate", "ActualFrameDuration", "HeartRate", "RWaveTimeVector", "RWavePointer",
    "StartTrim", "StopTrim", "PerFrameFunctionalGroupsSequence", "SequenceOfUltrasoundRegions", "PixelSpacing",
    "ConversionType",
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated",
    "BitsStored", "PixelRepresentation", "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData", "SegmentedBluePaletteColorLookupTableData",
)  # fmt: skip


RAW_DATA_CREATORS = range(0x10, 0x18)
"""Elements of group 200D that may name the creator of Philips' private data."""

_PRIVATE_TAGS = [(0x3001, 0x0010), (0x3001, 0x1001), *((0x200D, element) for element in RAW_DATA_CREATORS)]
_NEWER = {  # transfer syntaxes that pydicom 3.0 does not know
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
}


_DECIMAL_COMMA = re.compile(r"([+-]?\d*),(\d+)")


@dataclass(frozen=True)
class DicomFile:
    """A DICOM image whose header has been read.

    header: the elements that a cine needs, none that identifies a patient.
    stream: the file; its pixel data start at ``pixel_offset`` and take ``pixel_length`` bytes, as far as they are
    there (``is_cut`` where the header claims more). pixel_vr: ``"OB"`` or ``"OW"``. syntax: what the file says;
    is_little_endian: how it is written. findings: where these two contradict each other.
    """

    name: str
    header: Dataset
    syntax: UID
    stream: BinaryIO
    pixel_offset: int
    pixel_length: int
    pixel_vr: str
    is_cut: bool
    is_little_endian: bool = True
    findings: tuple[Finding, ...] = ()

    @property
    def has_items(self) -> bool:
        """Whether the pixel data really are encapsulated: an item comes first, and after it another or the end."""
        head = self.read(0, 8)
        if len(head) < 8 or head[:4] != _ITEM:
            return False
        length = struct.unpack("<I", head[4:])[0]
        return self.read(8 + length, 4)[:2] in (_ITEM[:2], b"") if length < self.pixel_length else False

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
        header, syntax, encoding, body = _read_header(stream, path)
        yield _find_pixel_data(header, syntax, encoding, body, path.name)


def number(header: Dataset, keyword: str) -> float | None:
    """The element's first value as a float, which may be NaN or infinite; None where absent or no number."""
    values = numbers(header, keyword)
    return values[0] if values else None


def numbers(header: Dataset, keyword: str) -> list[float]:
    """The element's values as floats; empty where absent or where none is a number.

    Text is read as it was meant: a decimal comma is one, what is missing at the end is not there, and a value that is
    empty or no number amid others is NaN.
    """
    try:
        texts = _decimal_text(header, keyword)
        if texts is None:
            value = header.get(keyword)
            if value is None or isinstance(value, (str, bytes)):
                return []
            return [float(v) for v in (value if hasattr(value, "__iter__") else [value])]
        values = [_number_of(part) for part in texts]
    except Exception:  # pydicom converts on access and raises nearly anything on damaged values
        return []
    if all(value is None for value in values):
        return []
    return [math.nan if value is None else value for value in values]


def decimal_commas(header: Dataset, keywords: Sequence[str]) -> list[str]:
    """A line for each of these elements that is written with decimal commas."""
    lines = []
    for keyword in keywords:
        try:
            texts = _decimal_text(header, keyword) or []
        except Exception:  # as above
            continue
        shown = next((part for part in texts if "," in part and _number_of(part) is not None), None)
        if shown is not None:
            value = _number_of(shown)
            lines.append(
                f"{keyword} is written with a decimal comma ({shown}), which DICOM has not; it is read as {value:g}"
            )
    return lines


def _decimal_text(header: Dataset, keyword: str) -> list[str] | None:
    """The values of an element of decimal or integer strings as they are written; None where it is of another kind."""
    raw = header.get_item(keyword)
    if not isinstance(raw, RawDataElement) or not isinstance(raw.value, bytes):
        return None
    if (raw.VR or dictionary_VR(raw.tag)) not in ("DS", "IS"):
        return None
    written = raw.value.decode("ascii", "replace").strip(" \0")
    return [part.strip(" \0") for part in written.rstrip("\\ \0").split("\\")]


def _number_of(written: str) -> float | None:
    try:
        return float(written)
    except ValueError:
        comma = _DECIMAL_COMMA.fullmatch(written)
        return float(f"{comma[1]}.{comma[2]}") if comma else None


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


def _read_header(stream: BinaryIO, path: Path) -> tuple[Dataset, UID, Encoding, BinaryIO]:
    """Header, transfer syntax, how the data set is written, and the stream at the pixel data (or at the end)."""
    stream.seek(128)
    if stream.read(4) != b"DICM":
        stream.seek(0)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, *_: tag.group != 2)
    head = stream.read(_PEEK)
    stream.seek(-len(head), 1)
    syntax = UID(text(meta, "TransferSyntaxUID"))
    encoding = found_encoding(head, syntax)
    if not syntax:
        uid = "1.2.840.10008.1.2" + ("" if encoding.is_implicit else ".1" if encoding.is_little_endian else ".2")
        syntax = UID(uid)
    body: BinaryIO = _inflated(stream, path.name) if encoding.is_deflated else stream
    elements = read_dataset(
        body, encoding.is_implicit, encoding.is_little_endian, stop_when=_ends_header, defer_size=_DEFERRED,
        specific_tags=[*map(Tag, _TAGS), *map(Tag, _PRIVATE_TAGS)],
    )  # fmt: skip
    # With the name of its file, from which pydicom reads what it has deferred.
    name = None if encoding.is_deflated else stream
    meta = FileMetaDataset(meta)
    header = FileDataset(name or body, elements, None, meta, encoding.is_implicit, encoding.is_little_endian)
    return header, syntax, encoding, body


def _ends_header(tag: BaseTag, *_: object) -> bool:
    # Group 0 has no place here: a copy that was cut and filled with zeros would be millions of such elements.
    return tag in _PIXELS or tag.group == 0


def _inflated(stream: BinaryIO, name: str) -> BytesIO:
    """A deflated data set (PS3.5 A.5), inflated up to the limit on memory; a cut one as far as it goes."""
    inflater, body, total = zlib.decompressobj(-zlib.MAX_WBITS), BytesIO(), 0
    budget = memory_budget() // 2  # the frames in it come on top
    while (chunk := stream.read(1 << 16)) and not inflater.eof:
        while chunk and not inflater.eof:
            piece = inflater.decompress(chunk, 1 << 20)
            total += len(piece)
            require_memory(name, total, budget)
            body.write(piece)
            chunk = inflater.unconsumed_tail
    body.seek(0)
    return body


def _find_pixel_data(header: Dataset, syntax: UID, encoding: Encoding, stream: BinaryIO, name: str) -> DicomFile:
    order = "<" if encoding.is_little_endian else ">"
    element = stream.read(8)
    tag = struct.unpack(f"{order}HH", element[:4]) if len(element) == 8 else None
    if tag != _PIXEL_DATA:
        meta = getattr(header, "file_meta", Dataset())
        kind = uid_name(text(header, "SOPClassUID") or text(meta, "MediaStorageSOPClassUID"))
        if kind == "unknown" or kind.endswith("Image Storage"):
            raise CineError(name, "ends before its images or was stripped of them; copy or export it again")
        raise CineError(name, f"a DICOM object without images ({kind}); choose a multi-frame ultrasound image")
    vr = element[4:6].decode("ascii", "replace")
    if vr in ("OB", "OW", "UN", "OF", "OD"):
        tail = stream.read(4)
        length = struct.unpack(order + "I", tail)[0] if len(tail) == 4 else 0
    else:  # implicit, here at least
        length = struct.unpack(order + "I", element[4:])[0]
    offset = stream.tell()
    there = stream.seek(0, 2) - offset
    is_cut = length != _UNDEFINED_LENGTH and length > there
    vr = vr if vr in ("OB", "OW") else "OW"
    findings = _encoding_findings(syntax, encoding)
    return DicomFile(
        name, header, syntax, stream, offset, min(length, there), vr, is_cut, encoding.is_little_endian, findings
    )


def _encoding_findings(syntax: UID, encoding: Encoding) -> tuple[Finding, ...]:
    promised = declared_encoding(syntax)
    if promised == encoding or not syntax.startswith("1.2.840.10008."):
        return ()
    text = (
        f"the transfer syntax says {promised.name} but the header is written as {encoding.name}; "
        "it is read as it is written"
    )
    return (Finding(FindingKind.SYNTAX, text),)
