"""Loops and volumes that vendors store in classes and elements of their own, where a reader must not take the rest for
the cine.
"""

from __future__ import annotations

import struct

from pydicom.dataset import Dataset

from .cine import CineError
from .dicom_file import RAW_DATA_CREATORS, DicomFile, text
from .dicom_fragments import read_items
from .finding import Finding, FindingKind

_ENHANCED_US_VOLUME = "1.2.840.10008.5.1.4.1.1.6.2"
_PHILIPS_SLICES = (0x3001, 0x1001)  # slices of each volume
_PHILIPS_3D = tuple(f"1.2.840.113543.6.6.1.3.1000{last}" for last in (1, 2, 3))  # private 3D classes of QLAB and iE33
_VOLUME = "holds volumes over time (3D+t); export a 2D plane of it as a cine"
_MOST_CREATORS, _LONGEST_NAME = 16, 64
_RAW = {  # words of a private creator: whose raw data, and how a cine is made of them
    "GEMS_ULTRASOUND_MOVIEGROUP": ("GE", "export it on the scanner or in EchoPAC as DICOM with multi-frame images"),
    "KRETZ": ("GE Voluson (Kretz)", "export it on the scanner or in 4D View as a DICOM or AVI cine"),
    "PHILIPS US IMAGING": ("Philips", "export it on the scanner or in QLAB as a multi-frame DICOM image"),
}


def refuse_volume(file: DicomFile) -> None:
    """Raise CineError for a file whose frames are slices of volumes, in the standard's class or in Philips' own."""
    kind, header = text(file.header, "SOPClassUID"), file.header
    if kind == _ENHANCED_US_VOLUME or kind.startswith(_PHILIPS_3D):
        raise CineError(file.name, _VOLUME)
    if "PHILIPS3D" in private_text(header, (0x3001, 0x0010)) and _slices(header) > 1:
        raise CineError(file.name, _VOLUME)


def raw_data_finding(file: DicomFile, frames: int) -> Finding | None:
    """What is told of a still beside which a vendor's raw data hold the loop; None for a cine, or without such data."""
    if frames > 1:
        return None
    creator = next((name for name in _creators(file) if any(word in name for word in _RAW)), None)
    if creator is None:
        return None
    vendor, advice = next(value for word, value in _RAW.items() if word in creator)
    text = f"holds one image only; its loop lies in private raw data of {vendor}, which are not read: {advice}"
    return Finding(FindingKind.SYNTAX, text)


def private_text(header: Dataset, tag: tuple[int, int]) -> str:
    """A private element's value in capitals; empty where absent."""
    try:
        value = header[tag].value
    except Exception:  # absent or damaged, in whatever way pydicom puts it
        return ""
    return (value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)).strip(" \0").upper()


def _slices(header: Dataset) -> int:
    try:
        value = header[_PHILIPS_SLICES].value
        return struct.unpack_from("<H", value)[0] if isinstance(value, bytes) else int(value)
    except Exception:  # as above
        return 0


def _creators(file: DicomFile) -> list[str]:
    """Names of private creators in the groups that hold raw data, before the pixel data and behind them."""
    before = [private_text(file.header, (0x200D, element)) for element in RAW_DATA_CREATORS]
    return [name for name in (*before, *_creators_behind(file)) if name]


def _creators_behind(file: DicomFile) -> list[str]:
    """Creators in group 7FE1, which follows the pixel data."""
    at = file.pixel_length if not file.has_items else read_items(file).end
    stream = file.stream
    names: list[str] = []
    order = "<" if file.is_little_endian else ">"
    stream.seek(file.pixel_offset + at)
    while len(names) < _MOST_CREATORS and len(head := stream.read(8)) == 8:
        group, element = struct.unpack_from(f"{order}HH", head)
        if group != 0x7FE1 or not 0x10 <= element <= 0xFF:
            break
        is_explicit = head[4:6].isalpha()
        length = struct.unpack_from(f"{order}{'H' if is_explicit else 'I'}", head, 6 if is_explicit else 4)[0]
        if length > _LONGEST_NAME:
            break
        names.append(stream.read(length).decode("ascii", "replace").strip(" \0").upper())
    return names
