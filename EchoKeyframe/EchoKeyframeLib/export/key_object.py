"""ED and ES frames as a DICOM Key Object Selection document, and back.

PS3.3 A.35.4 and PS3.16 TID 2010. The document allows no modifier below an image, so the phase is the concept name
(the purpose of reference) of each referenced frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import DeflatedExplicitVRLittleEndian, KeyObjectSelectionDocumentStorage

from .. import __version__
from ..cine.cine import Cine, CineError, Source
from ..cine.dicom_file import items, quiet_pydicom, text, uid_name
from ..cine.read import is_dicom
from ..detection.beats import form_beats
from ..detection.keyframes import Keyframe, Phase
from ..report.keyframes_file import KeyframesFile
from .dicom_source import PRODUCT, DicomSource, device_observer, new_instance, read_dicom_source, write_document

TITLE = codes.DCM.OfInterest
"""(113000, DCM, "Of Interest"), CID 7010: the frames are key for whatever reason a reader has."""
PHASE_CODES = {Phase.ED: codes.SCT.EndDiastole, Phase.ES: codes.SCT.EndSystole}
"""(416190007, SCT, "End diastole") and (416430001, SCT, "End Systole"), CID 12233 Cardiac Phase."""

_SERIES_NUMBER = 9001
_MAX_BYTES = 64 << 20
_MAX_DEPTH = 20
_NOTE = re.compile(r"\b(ED|ES) (\d+) (auto|manual)(?: ([01]\.\d\d))?( edge)?( degraded)?(?=[;\n]|$)")


@dataclass(frozen=True)
class FrameReference:
    """A reference to frames of one object.

    frame_numbers: counted from 1 as in the file; empty where the whole object is meant. phase: None where the
    document states none.
    """

    sop_instance_uid: str
    frame_numbers: tuple[int, ...]
    phase: Phase | None


@dataclass(frozen=True)
class KeyObject:
    """A Key Object Selection document of any origin.

    name: of its file. title: meaning of its title code, such as ``"Of Interest"``. description: free text, may be
    empty. references: in the document's order.
    """

    name: str
    title: str
    description: str
    references: tuple[FrameReference, ...]

    @property
    def sop_instance_uids(self) -> tuple[str, ...]:
        """Of the objects referred to, each once."""
        return tuple(dict.fromkeys(reference.sop_instance_uid for reference in self.references))


def write_key_object(path: Path, source: Source, keyframes: Sequence[Keyframe]) -> tuple[str, ...]:
    """Write a document that refers to the keyframes of a cine by their numbers in its DICOM file.

    It is a new series in the study of the cine. Returns warnings, one line each.

    Raises CineError where there are no keyframes, one lies outside the cine, or the source is no DICOM ultrasound cine
    with the UIDs that references need; OSError where the file cannot be written; ModuleNotFoundError without highdicom.
    """
    from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
    from highdicom.sr import ContentSequence

    if not keyframes:
        raise CineError(source.name, "has no keyframes that a document could refer to; detect or set them first")
    origin = read_dicom_source(source)
    ordered = sorted(keyframes, key=lambda k: (k.frame, k.phase))
    numbers = [origin.frame_number(keyframe.frame) for keyframe in ordered]
    content = KeyObjectSelection(
        TITLE, [origin.evidence], observer_device_context=device_observer(), description=_description(ordered, numbers)
    )
    root = content[0]
    # highdicom refers to whole objects only.
    root.ContentSequence = ContentSequence([item for item in root.ContentSequence if item.ValueType != "IMAGE"])
    root.ContentSequence.extend(
        _frame_item(keyframe.phase, number, origin) for keyframe, number in zip(ordered, numbers, strict=True)
    )
    series = new_instance(_SERIES_NUMBER, "ED and ES frames")
    document = KeyObjectSelectionDocument([origin.evidence], content, **series)
    write_document(path, document, origin)
    return origin.warnings


def read_key_object(path: Path) -> KeyObject:
    """Read a Key Object Selection document, whoever wrote it.

    Raises CineError where the file is none, is damaged, or refers to no image.
    """
    path = Path(path)
    if not is_dicom(path):
        raise CineError(path.name, "is no DICOM file; name a Key Object Selection document")
    if path.stat().st_size > _MAX_BYTES:
        raise CineError(path.name, "is larger than any Key Object Selection document; name one")
    try:
        with quiet_pydicom():
            if _is_deflated(path):
                raise CineError(path.name, "is deflated and may grow beyond memory; export it uncompressed")
            document = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            kind = text(document, "SOPClassUID")
            references = tuple(_references(document)) if kind == KeyObjectSelectionDocumentStorage else ()
            title, description = _meaning(document), _description_in(document)
    except CineError:
        raise
    except Exception as error:  # pydicom raises nearly anything on damaged files and quotes values
        raise CineError(path.name, f"damaged DICOM file ({type(error).__name__}); export it again") from None
    if kind != KeyObjectSelectionDocumentStorage:
        raise CineError(path.name, f"is no Key Object Selection document but {uid_name(kind)}; name one")
    if not references:
        raise CineError(path.name, "refers to no image; choose another Key Object Selection document")
    return KeyObject(path.name, title, description, references)


def keyframes_in(key_object: KeyObject, cine: Cine) -> tuple[Keyframe, ...]:
    """The keyframes that a document states for a cine, in time order, numbered by beats.

    A keyframe is ``manual`` unless the document is ours and says otherwise: some person or system chose it.

    Raises CineError where the document is about other images, states no phase for a frame of this cine, or names a
    frame that the cine does not have.
    """
    name, source = key_object.name, cine.source
    about = [r for r in key_object.references if r.sop_instance_uid == source.sop_instance_uid]
    if not about:
        raise CineError(name, f"refers to other images than {source.name}; name the cine that it belongs to")
    stated = [(r.phase, n) for r in about if r.phase is not None for n in r.frame_numbers]
    if not stated:
        lacks = "no End diastole or End systole" if any(r.frame_numbers for r in about) else "no frames"
        raise CineError(name, f"states {lacks} for {source.name}; set its keyframes by hand")
    notes = _notes(key_object.description)
    keyframes = []
    for phase, frame_number in dict.fromkeys(stated):
        frame = _frame_index(name, cine, frame_number)
        origin, confidence, at_edge, degraded = notes.get((phase, frame_number), ("manual", 1.0, False, False))
        time = float(cine.times[frame])
        keyframes.append(Keyframe(phase, frame, time, confidence, origin, at_edge, degraded=degraded))
    return form_beats(keyframes)[0]


def keyframes_file(key_object: KeyObject, cine: Cine) -> KeyframesFile:
    """What ``keyframes_in`` finds, as the file that ``detect`` writes. Raises what it raises."""
    return KeyframesFile.of_given(cine, keyframes_in(key_object, cine), "DICOM key object")


def _frame_item(phase: Phase, frame_number: int, origin: DicomSource) -> Dataset:
    from highdicom.sr import ImageContentItem, RelationshipTypeValues

    return ImageContentItem(
        PHASE_CODES[phase],
        origin.evidence.SOPClassUID,
        origin.evidence.SOPInstanceUID,
        referenced_frame_numbers=frame_number,
        relationship_type=RelationshipTypeValues.CONTAINS,
    )


def _frame_index(name: str, cine: Cine, frame_number: int) -> int:
    try:
        frame = cine.source.frame_index(frame_number)
    except ValueError:
        raise CineError(
            name, f"names frame {frame_number} of {cine.source.name}, which is damaged there; export the cine again"
        ) from None
    if not 0 <= frame < len(cine):
        raise CineError(name, f"names frame {frame_number} of {cine.source.name}, which has {len(cine)}")
    return frame


def _description(keyframes: Sequence[Keyframe], numbers: Sequence[int]) -> str:
    """What the content items have no place for, for people and for ``_notes``."""
    notes = []
    for keyframe, frame_number in zip(keyframes, numbers, strict=True):
        confidence = f" {keyframe.confidence:.2f}" if keyframe.source == "auto" else ""
        edge = " edge" if keyframe.at_edge else ""
        degraded = " degraded" if keyframe.degraded else ""
        notes.append(f"{keyframe.phase} {frame_number} {keyframe.source}{confidence}{edge}{degraded}")
    return f"{PRODUCT} {__version__}: {'; '.join(notes)}"


def _notes(description: str) -> dict[tuple[Phase, int], tuple[str, float, bool, bool]]:
    """Source, confidence, edge and degraded image by phase and frame number; empty where the text is not ours."""
    if not description.startswith(PRODUCT):
        return {}
    return {
        (Phase(phase), int(frame_number)): (source, float(confidence or 1.0), bool(edge), bool(degraded))
        for phase, frame_number, source, confidence, edge, degraded in _NOTE.findall(description)
    }


def _is_deflated(path: Path) -> bool:
    with path.open("rb") as stream:
        has_meta = stream.read(132)[128:] == b"DICM"
    syntax = text(pydicom.filereader.read_file_meta_info(path), "TransferSyntaxUID") if has_meta else ""
    return syntax == DeflatedExplicitVRLittleEndian


def _references(item: Dataset, depth: int = 0) -> Iterator[FrameReference]:
    """Images at any depth: TID 2010 has them at the first, others put them into containers."""
    if depth > _MAX_DEPTH:
        return
    for child in items(item, "ContentSequence"):
        if text(child, "ValueType") == "IMAGE":
            for reference in items(child, "ReferencedSOPSequence"):
                yield FrameReference(text(reference, "ReferencedSOPInstanceUID"), _frames(reference), _phase(child))
        else:
            yield from _references(child, depth + 1)


def _frames(reference: Dataset) -> tuple[int, ...]:
    value = reference.get("ReferencedFrameNumber")
    if value in (None, ""):
        return ()
    return tuple(int(n) for n in (value if isinstance(value, (list, pydicom.multival.MultiValue)) else [value]))


def _phase(image: Dataset) -> Phase | None:
    """From the concept name, or from a code below the image, where some put it; SNOMED's older codes count, too."""
    below = [code for item in items(image, "ContentSequence") for code in items(item, "ConceptCodeSequence")]
    for code in (*items(image, "ConceptNameCodeSequence"), *below):
        stated = Code(text(code, "CodeValue"), text(code, "CodingSchemeDesignator"), "")
        for phase, known in PHASE_CODES.items():
            if stated == known:
                return phase
    return None


def _meaning(item: Dataset) -> str:
    return next((text(code, "CodeMeaning") for code in items(item, "ConceptNameCodeSequence")), "")


def _description_in(document: Dataset) -> str:
    """Text of (113012, DCM, "Key Object Description")."""
    for item in items(document, "ContentSequence"):
        if any(text(code, "CodeValue") == "113012" for code in items(item, "ConceptNameCodeSequence")):
            return text(item, "TextValue")
    return ""
