"""Keyframes from a DICOM Key Object Selection document onto the sequence of the cine that it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..detection.keyframes import Keyframe, Phase
from .keyframe_table import keyframe_table, set_keyframes
from .scene_error import SceneError
from .sequence_frames import cine_from_sequence, image_sequences, source_uid


def bookmark_key_object(scene: Any, path: str | Path) -> list[Any]:
    """Make the ED and ES frames that a document names the keyframes of the loops that it is about.

    A loop is known by the SOP Instance UID of its file (attribute ``DICOM.instanceUIDs``). Its keyframes count as set
    by a person, replace what was there, and ``undo`` brings that back. Returns the sequences.

    Raises CineError as ``read_key_object`` and ``keyframes_in``, SceneError where no loop of the scene is meant;
    nothing is changed then.
    """
    # pydicom comes when it is first needed, not with the module.
    from ..export.key_object import keyframes_in, read_key_object

    document = read_key_object(Path(path))
    meant = [s for s in image_sequences(scene) if source_uid(s) in document.sop_instance_uids]
    if not meant:
        raise SceneError(f"{document.name}: is about none of the loops in the scene; load the cine first")
    found = [(sequence, keyframes_in(document, cine_from_sequence(sequence))) for sequence in meant]
    for sequence, keyframes in found:
        set_keyframes(keyframe_table(sequence), {phase: _frames(keyframes, phase) for phase in Phase})
    return meant


def _frames(keyframes: tuple[Keyframe, ...], phase: Phase) -> list[int]:
    return [keyframe.frame for keyframe in keyframes if keyframe.phase is phase]
