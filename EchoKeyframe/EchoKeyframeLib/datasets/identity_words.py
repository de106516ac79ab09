"""The words by which a cine's source tells who the patient is, kept out of what is written about it.

What a reader says of a file names no file; but it may quote a damaged header, or a file that belongs to it, and either
may hold the patient's name.
"""

from __future__ import annotations

import io
import re
from pathlib import Path, PurePath

from pydicom import dcmread

from ..cine.dicom_file import quiet_pydicom

_WORD = re.compile(r"[^\W_]+")
_SHORTEST = 3
"""Letters of a word of a path; of a patient's own elements any two."""
_HEADER = 2**16
"""Bytes of a file in which a patient's elements are looked for: they come early."""
_ELEMENTS = (
    "PatientName", "PatientID", "OtherPatientIDs", "OtherPatientNames", "PatientBirthDate", "PatientBirthName",
    "PatientMotherBirthName", "IssuerOfPatientID", "AccessionNumber", "StudyID", "InstitutionName",
    "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "PatientAddress", "PatientTelephoneNumbers",
)  # fmt: skip


def identity_words(source: Path, below: PurePath) -> frozenset[str]:
    """Words of a source's path below its archive and, in DICOM, of the elements about the patient; in lower case."""
    of_path = {word.casefold() for part in (*below.parts[:-1], below.stem) for word in _WORD.findall(part)}
    return frozenset(word for word in of_path if len(word) >= _SHORTEST) | _of_patient(source)


def without_words(text: str, words: frozenset[str]) -> str:
    """The text with an ellipsis in place of each of these words."""
    return _WORD.sub(lambda found: "…" if found[0].casefold() in words else found[0], text)


def _of_patient(source: Path) -> frozenset[str]:
    try:
        with source.open("rb") as file:
            head = file.read(_HEADER)
        with quiet_pydicom():
            header = dcmread(io.BytesIO(head), force=True, stop_before_pixels=True, specific_tags=list(_ELEMENTS))
        values = [str(header.get(keyword) or "") for keyword in _ELEMENTS]
    except Exception:  # no DICOM, or damaged: pydicom raises nearly anything
        return frozenset()
    return frozenset(word.casefold() for value in values for word in _WORD.findall(value) if len(word) > 1)
