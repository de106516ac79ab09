"""How a DICOM data set is really written: byte order, explicit or implicit VR, deflated; told from its first bytes."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import VR

_VRS = {vr.value.encode() for vr in VR if len(vr.value) == 2}
_LAST_FIRST_GROUP = 0x28  # groups in which an image's data set can begin


class Encoding(NamedTuple):
    """As in PS3.5 A.1 to A.5; that of every encapsulated transfer syntax is explicit little endian."""

    is_implicit: bool = False
    is_little_endian: bool = True
    is_deflated: bool = False

    @property
    def name(self) -> str:
        if self.is_deflated:
            return DeflatedExplicitVRLittleEndian.name
        if self.is_implicit:
            return ImplicitVRLittleEndian.name
        return (ExplicitVRLittleEndian if self.is_little_endian else ExplicitVRBigEndian).name


def declared_encoding(syntax: str) -> Encoding:
    """What a transfer syntax promises of the data set."""
    return Encoding(
        syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian, syntax == DeflatedExplicitVRLittleEndian
    )


def found_encoding(head: bytes, syntax: str) -> Encoding:
    """How a data set that begins with these bytes (some hundred) is written; as promised where they do not tell."""
    if (plain := _element_encoding(head)) is not None:
        return plain
    inflated = _inflated(head)
    if inflated and (inner := _element_encoding(inflated)) is not None:
        return inner._replace(is_deflated=True)
    return declared_encoding(syntax)


def _element_encoding(head: bytes) -> Encoding | None:
    """The encoding in which the bytes are an element that a data set can begin with."""
    if len(head) < 8:
        return None
    is_explicit = head[4:6] in _VRS
    for order in "<>":
        group, _ = struct.unpack_from(f"{order}HH", head)
        if 0 < group <= _LAST_FIRST_GROUP and (is_explicit or (order == "<" and _is_short(head))):
            return Encoding(not is_explicit, order == "<")
    return None


def _is_short(head: bytes) -> bool:
    """Whether an implicit element's length is one that the first of an image has: a UID, a name, a small sequence."""
    length = struct.unpack_from("<I", head, 4)[0]
    return length < 1 << 16 or length == 0xFFFFFFFF


def _inflated(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(head, 64)
    except zlib.error:
        return b""
