"""The elements of patient and study that a DICOM document shares with the cine that it is about."""

from __future__ import annotations

from pydicom import config
from pydicom.charset import convert_encodings, python_encoding
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import validate_value

REQUIRED = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "ReferringPhysicianName",
    "StudyID", "AccessionNumber",
)  # fmt: skip
"""Type 2 in PS3.3 C.7.1.1 and C.7.2.1: every object of a study has them, empty where not known."""

_OPTIONAL = ("IssuerOfPatientID", "StudyDescription")
_DEIDENTIFIED = ("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence")
"""Whether the patient's name is one; the first is allowed only with one of the others."""


def shared_elements(header: Dataset) -> tuple[Dataset, list[str]]:
    """Valid elements of patient and study, and what was wrong with others, without their values.

    header: of a file that was read and of which no text was looked at yet. Text keeps its character set, so that an
    archive finds the very bytes that it knows.
    """
    shared, doubts = Dataset(), _settle_character_set(header)
    if header.get("SpecificCharacterSet"):
        shared["SpecificCharacterSet"] = header["SpecificCharacterSet"]
    for keyword in (*REQUIRED, *_OPTIONAL, *_DEIDENTIFIED):
        element = None
        if keyword in header:
            try:
                element = _checked(header, keyword)
            except Exception:  # pydicom converts on access and raises nearly anything on damaged values
                doubts.append(f"{keyword} is malformed and left out of the document")
        if element is not None:
            shared[keyword] = element
        elif keyword in REQUIRED:
            setattr(shared, keyword, None)
    removed, *methods = _DEIDENTIFIED
    if removed in shared and not any(method in shared for method in methods):
        del shared[removed]
        doubts.append(f"{removed} is given without a method and left out of the document")
    return shared, doubts


def _settle_character_set(header: Dataset) -> list[str]:
    """Where text is in no known character set, declare the one that its bytes allow, so that they stay as they are."""
    declared = header.get("SpecificCharacterSet") or ""
    names = [declared] if isinstance(declared, str) else list(declared)
    if any(names) and all(name in python_encoding for name in names):
        return []
    header.pop("SpecificCharacterSet", None)
    text = b"".join(_bytes(header, keyword) for keyword in (*REQUIRED, *_OPTIONAL))
    if text.isascii():
        return []
    try:
        text.decode("utf-8")
        header.SpecificCharacterSet = "ISO_IR 192"
    except UnicodeDecodeError:
        header.SpecificCharacterSet = "ISO_IR 100"
    header.set_original_encoding(*header.original_encoding, convert_encodings(header.SpecificCharacterSet))
    return [f"names no known character set for its text; {header.SpecificCharacterSet} is taken"]


def _bytes(header: Dataset, keyword: str) -> bytes:
    value = header.get_item(keyword).value if keyword in header else None
    return value if isinstance(value, bytes) else b""


def _checked(header: Dataset, keyword: str) -> DataElement | None:
    """The element under the VR that it should have; None where it is empty. Raises where its value is not valid."""
    tag, value = tag_for_keyword(keyword), header[keyword].value
    vr = dictionary_VR(tag)
    if value in (None, "", []):
        return None
    if vr != "SQ":
        validate_value(vr, value, config.RAISE)
        if any(ord(character) < 32 for character in str(value)):
            raise ValueError
    if keyword == "PatientSex" and value not in ("M", "F", "O"):
        raise ValueError
    return DataElement(tag, vr, value)
