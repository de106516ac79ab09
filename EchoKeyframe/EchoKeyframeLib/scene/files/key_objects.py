"""Keyframes of sequences as DICOM Key Object Selection documents, and from such documents back onto sequences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ...detection.keyframes import Keyframe, Phase
from ..keyframes.keyframe_table import find_keyframe_table, keyframe_table, read_keyframes, set_keyframes
from ..loop.frame_geometry import frame_size
from ..loop.sequence_frames import cine_from_sequence, image_sequences, loop_source, source_uid
from ..scene_error import SceneError, require_sequence


def bookmark_key_object(scene: Any, path: str | Path) -> list[Any]:
    """Make the ED and ES frames that a document names the keyframes of the loops that it is about.

    A loop is known by the SOP Instance UID of its file (attribute ``DICOM.instanceUIDs``). Its keyframes count as set
    by a person, replace what was there, and ``undo`` brings that back. Returns the sequences.

    Raises CineError as ``read_key_object`` and ``keyframes_in``, SceneError where no loop of the scene is meant;
    nothing is changed then.
    """
    # pydicom comes when it is first needed, not with the module.
    from ...export.key_object import keyframes_in, read_key_object

    document = read_key_object(Path(path))
    meant = [s for s in image_sequences(scene) if source_uid(s) in document.sop_instance_uids]
    if not meant:
        raise SceneError(f"{document.name}: is about none of the loops in the scene; load the cine first")
    found = [(sequence, keyframes_in(document, cine_from_sequence(sequence))) for sequence in meant]
    for sequence, keyframes in found:
        set_keyframes(keyframe_table(sequence), {phase: _frames(keyframes, phase) for phase in Phase})
    return meant


def save_key_object(sequence: Any, source_file: str | Path, path: str | Path) -> tuple[str, ...]:
    """Write a document that refers to a sequence's keyframes in the DICOM file that it came from; returns warnings.

    The document names the patient, as DICOM demands. Needs highdicom.

    Raises CineError as ``write_key_object``, SceneError where there are no keyframes, the file is not the one that the
    sequence came from, or the document cannot be written or would overwrite the file.
    """
    # pydicom and highdicom come when they are first needed, not with the module.
    from ...export.dicom_source import read_dicom_source
    from ...export.key_object import write_key_object

    require_sequence(sequence)
    table, source_file, path = find_keyframe_table(sequence), Path(source_file), Path(path)
    keyframes = read_keyframes(table) if table is not None else ()
    source = replace(loop_source(sequence), name=source_file.name, path=source_file)
    evidence = read_dicom_source(source).evidence
    same = source.sop_instance_uid in (None, evidence.SOPInstanceUID)
    same &= frame_size(sequence) == (evidence.Rows, evidence.Columns)
    if source.frame_numbers is None:
        same &= evidence.NumberOfFrames == sequence.GetNumberOfDataNodes()
    if not same:
        raise SceneError(f"{source_file.name}: is not the file that {sequence.GetName()} came from; choose that one")
    if path.exists() and path.samefile(source_file):
        raise SceneError(f"{path.name}: is the cine itself; choose another name for the document")
    try:
        return write_key_object(path, source, keyframes)
    except OSError as error:
        raise SceneError(f"{path.name}: cannot be written ({error.strerror or error})") from None


def _frames(keyframes: tuple[Keyframe, ...], phase: Phase) -> list[int]:
    return [keyframe.frame for keyframe in keyframes if keyframe.phase is phase]
