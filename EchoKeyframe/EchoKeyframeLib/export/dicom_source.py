"""What a DICOM document takes over from the cine that it is about, and what all our documents have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

import pydicom
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from .. import __version__
from ..atomic_file import written_atomically
from ..cine.cine import CineError, Source
from ..cine.dicom_file import is_uid, number, quiet_pydicom, text, uid_name
from ..cine.read import is_dicom
from .patient_study import REQUIRED, shared_elements

if TYPE_CHECKING:
    from highdicom.sr import ObserverContext

PRODUCT = "EchoKeyframe"

_CINE_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.3",  # Ultrasound Multi-frame (retired)
    "1.2.840.10008.5.1.4.1.1.3.1",  # Ultrasound Multi-frame
    "1.2.840.10008.5.1.4.1.1.7.2",  # Multi-frame Grayscale Byte Secondary Capture
    "1.2.840.10008.5.1.4.1.1.7.4",  # Multi-frame True Color Secondary Capture
)
_UIDS = {
    "SOPInstanceUID": "SOP Instance UID (0008,0018)",
    "StudyInstanceUID": "Study Instance UID (0020,000D)",
    "SeriesInstanceUID": "Series Instance UID (0020,000E)",
}


@dataclass(frozen=True, eq=False)
class DicomSource:
    """The file that a document is about.

    evidence: its UIDs and size, nothing about the patient: libraries log what they are given.
    shared: elements of patient and study that the document takes over, and the character set of their text.
    warnings: what could not be taken over, one line each, without the values.
    """

    source: Source
    evidence: Dataset
    shared: Dataset
    warnings: tuple[str, ...]

    def frame_number(self, frame: int) -> int:
        """Number from 1 in the file of a frame from 0 in the cine. Raises CineError where the file has no such one."""
        numbers = self.source.frame_numbers
        count = self.evidence.NumberOfFrames if numbers is None else len(numbers)
        if not 0 <= frame < count:
            raise CineError(self.source.name, f"has {count} frames but no frame {frame}; the keyframes are another's")
        return self.source.frame_number(frame)


def read_dicom_source(source: Source) -> DicomSource:
    """Read a cine's header for a document about it.

    Raises CineError where the source is no DICOM file, no ultrasound cine, or lacks a UID that references need.
    """
    name, path = source.name, source.path
    if path is None or not is_dicom(path):
        raise CineError(name, "is no DICOM file, so no document can refer to it; use the DICOM original")
    try:
        with quiet_pydicom():
            header = pydicom.dcmread(path, force=True, stop_before_pixels=True, defer_size=2**20)
            shared, doubts = shared_elements(header)
    except Exception as error:  # pydicom raises nearly anything on damaged headers and quotes values
        raise CineError(name, f"damaged DICOM header ({type(error).__name__}); export it again") from None
    return DicomSource(source, _evidence(header, name), shared, tuple(f"{name}: {doubt}" for doubt in doubts))


def device_observer() -> ObserverContext:
    """This software as the observer, PS3.16 TID 1004; its UID is the same for all installations of a version."""
    from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext

    uid = f"2.25.{uuid5(NAMESPACE_OID, f'{PRODUCT} {__version__}').int}"
    attributes = DeviceObserverIdentifyingAttributes(
        uid, name=PRODUCT, manufacturer_name=PRODUCT, model_name=f"{PRODUCT} {__version__}"
    )
    return ObserverContext(codes.DCM.Device, attributes)


def new_instance(series_number: int, description: str) -> dict[str, Any]:
    """Arguments of a highdicom document for the only instance of a new series."""
    return {
        "series_instance_uid": generate_uid(prefix=None),
        "series_number": series_number,
        "series_description": description,
        "sop_instance_uid": generate_uid(prefix=None),
        "instance_number": 1,
        "manufacturer": PRODUCT,
        "manufacturer_model_name": PRODUCT,
        "software_versions": __version__,
    }


def write_document(path: Path, document: Dataset, source: DicomSource) -> None:
    """Give a document the patient and study of its source and write it atomically. Raises OSError."""
    for element in source.shared:
        document[element.tag] = element
    with quiet_pydicom(), written_atomically(path) as temporary:
        document.save_as(temporary, enforce_file_format=True)


def _evidence(header: Dataset, name: str) -> Dataset:
    """What highdicom asks of an object that a document refers to, all of it about the object."""
    kind = text(header, "SOPClassUID")
    count = number(header, "NumberOfFrames") or 0
    if kind not in _CINE_CLASSES or count < 2:
        what = f"{uid_name(kind)}, {count:.0f} frames" if kind else "SOP Class UID (0008,0016) missing"
        raise CineError(name, f"is no ultrasound cine ({what}); choose a multi-frame ultrasound image")
    for keyword, label in _UIDS.items():
        if not is_uid(text(header, keyword)):
            raise CineError(
                name, f"has no valid {label}, so no archive could file a document about it; export it again"
            )
    evidence = Dataset()
    for keyword in (*_UIDS, "SOPClassUID"):
        setattr(evidence, keyword, text(header, keyword))
    evidence.Modality = "US"
    evidence.NumberOfFrames, evidence.Rows, evidence.Columns = (
        int(number(header, keyword) or 0) for keyword in ("NumberOfFrames", "Rows", "Columns")
    )
    for keyword in REQUIRED:
        setattr(evidence, keyword, None if dictionary_VR(tag_for_keyword(keyword)) == "TM" else "")
    return evidence
