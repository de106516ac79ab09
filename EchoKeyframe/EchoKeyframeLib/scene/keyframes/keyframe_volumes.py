"""ED and ES frames as volumes of their own, for Segment Editor, Markups and whatever else measures a still image."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ...detection.keyframes import Beat, Keyframe
from ..contract import (
    BEAT_ATTRIBUTE,
    FRAME_ATTRIBUTE,
    INSTANCE_UIDS_ATTRIBUTE,
    PHASE_ATTRIBUTE,
    PHASE_VALUES,
    SEQUENCE_REFERENCE,
    SPACING_ATTRIBUTE,
    TIME_ATTRIBUTE,
    VIEW_ATTRIBUTE,
    VOLUMES_REFERENCE,
)
from ..loop.cine_sequence import show_full_range
from ..loop.sequence_frames import image_sequences, loop_spacing, loop_view, read_frame
from ..node_removal import remove_with_parts
from ..scene_error import SceneError, require_sequence
from .keyframe_table import find_keyframe_table, read_beats
from .loop_folders import place_in_beat_folder, remove_empty_beat_folders

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as ``Cine.gray``
_ONLY_SHOWN_BY = ("vtkMRMLDisplayNode", "vtkMRMLSelectionNode", "vtkMRMLSequenceNode", "vtkMRMLSliceCompositeNode",
                  "vtkMRMLSubjectHierarchyNode")  # fmt: skip


def extract_keyframes(sequence: Any, beat: int | None = None) -> tuple[Any, ...]:
    """Copy the ED and ES frames of one beat, or of all, into vtkMRMLScalarVolumeNodes; returns them in time order.

    A volume is gray (colour becomes luma, so that Segment Editor's thresholds work), lies where the frame lies, and is
    named by view (or sequence), beat and phase: ``A4C beat 2 ED``. Its attributes tell frame, time, phase and beat; in
    the subject hierarchy it stands in a folder for its beat. It owns its pixels: neither playing nor deleting the
    sequence changes it.

    A frame has one volume: extracted again it takes a new name, beat and calibration, while its pixels stay as the
    person left them. A volume whose frame is no keyframe any more is removed, or, where another node (a segmentation,
    say) refers to it, renamed after its frame.

    beat: number of the beat, from 1. Raises SceneError, before anything is changed, if the sequence is gone, empty or
    no 2D image sequence, there are no keyframes, or no such beat.
    """
    scene = require_sequence(sequence)
    beats = _beats(sequence)
    chosen = _keyframes([b for b in beats if beat in (None, b.number)])
    if not chosen:
        numbers = ", ".join(str(b.number) for b in beats)
        raise SceneError(f"{sequence.GetName()}: has no beat {beat}, its beats are {numbers}")
    for keyframe in chosen:
        read_frame(sequence, keyframe.frame)
    by_frame = {frame_of_volume(volume): volume for volume in keyframe_volumes(sequence)}
    volumes: list[Any] = []
    for keyframe in chosen:
        volume = by_frame.get(keyframe.frame) or _add_volume(scene, sequence)
        _fill(volume, sequence, keyframe)
        place_in_beat_folder(volume, sequence.GetName(), keyframe.beat, [*by_frame.values(), *volumes])
        volumes.append(volume)
    _retire(sequence, {k.frame for k in _keyframes(beats)})
    return tuple(volumes)


def keyframe_volumes(sequence: Any) -> list[Any]:
    """The volumes that were extracted from a sequence and still exist. Raises SceneError if the sequence is gone."""
    require_sequence(sequence)
    count = sequence.GetNumberOfNodeReferences(VOLUMES_REFERENCE)
    volumes = [sequence.GetNthNodeReference(VOLUMES_REFERENCE, i) for i in range(count)]
    return [volume for volume in volumes if volume is not None]


def frame_of_volume(volume: Any) -> int | None:
    """The frame that an extracted volume holds; None for another volume."""
    text = volume.GetAttribute(FRAME_ATTRIBUTE) or ""
    return int(text) if text.isdecimal() else None


def _beats(sequence: Any) -> tuple[Beat, ...]:
    table = find_keyframe_table(sequence)
    beats = read_beats(table) if table is not None else ()
    if not beats:
        raise SceneError(f"{sequence.GetName()}: has no keyframes; detect them, or add them by hand")
    return beats


def _keyframes(beats: list[Beat] | tuple[Beat, ...]) -> list[Keyframe]:
    found = [k for beat in beats for k in (beat.ed, beat.es) if k is not None]
    return sorted(found, key=lambda k: k.frame)


def _add_volume(scene: Any, sequence: Any) -> Any:
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    volume.SetNodeReferenceID(SEQUENCE_REFERENCE, sequence.GetID())
    sequence.AddNodeReferenceID(VOLUMES_REFERENCE, volume.GetID())
    return volume


def _fill(volume: Any, sequence: Any, keyframe: Keyframe) -> None:
    frame = sequence.GetNthDataNode(keyframe.frame)
    was_modifying = volume.StartModify()
    volume.SetName(f"{_loop_label(sequence)} beat {keyframe.beat} {keyframe.phase.value}")
    volume.CopyOrientation(frame)
    if volume.GetImageData() is None:
        volume.SetAndObserveImageData(_gray_copy(frame.GetImageData()))
        volume.CreateDefaultDisplayNodes()
        if volume.GetImageData().GetScalarType() == vtk.VTK_UNSIGNED_CHAR:
            show_full_range(volume)
    spacing = (sequence.GetAttribute(SPACING_ATTRIBUTE) or "calibrated") if loop_spacing(sequence) else "unknown"
    attributes = {
        FRAME_ATTRIBUTE: str(keyframe.frame),
        TIME_ATTRIBUTE: f"{keyframe.time:.6f}",
        PHASE_ATTRIBUTE: PHASE_VALUES[keyframe.phase],
        BEAT_ATTRIBUTE: str(keyframe.beat),
        SPACING_ATTRIBUTE: spacing,
        VIEW_ATTRIBUTE: loop_view(sequence),
        INSTANCE_UIDS_ATTRIBUTE: frame.GetAttribute(INSTANCE_UIDS_ATTRIBUTE),
    }
    for attribute, value in attributes.items():
        if value:
            volume.SetAttribute(attribute, value)
    volume.EndModify(was_modifying)


def _loop_label(sequence: Any) -> str:
    """The view, or the sequence's name where the view is unknown or another loop of the scene shows it, too."""
    view = loop_view(sequence)
    others = (loop for loop in image_sequences(sequence.GetScene()) if loop is not sequence)
    return view if view and all(loop_view(other) != view for other in others) else sequence.GetName()


def _gray_copy(image: Any) -> Any:
    copy = vtk.vtkImageData()
    copy.DeepCopy(image)
    scalars = image.GetPointData().GetScalars()
    if scalars.GetNumberOfComponents() > 1:
        pixels = vtk_to_numpy(scalars)
        gray = pixels[:, :3] @ _LUMA
        if np.issubdtype(pixels.dtype, np.integer):
            gray = gray.round()
        copy.GetPointData().SetScalars(numpy_to_vtk(gray.astype(pixels.dtype), deep=True))
    return copy


def _retire(sequence: Any, frames: set[int]) -> None:
    """Remove or rename the volumes of frames that are no keyframes any more."""
    for volume in keyframe_volumes(sequence):
        frame = frame_of_volume(volume)
        if frame in frames:
            continue
        if not _is_used(volume):
            remove_with_parts(volume)
            continue
        volume.SetName(f"{_loop_label(sequence)} frame {frame}")
        for attribute in (PHASE_ATTRIBUTE, BEAT_ATTRIBUTE):
            volume.RemoveAttribute(attribute)
    remove_empty_beat_folders(sequence.GetScene(), keyframe_volumes(sequence))


def _is_used(volume: Any) -> bool:
    """Whether a node refers to the volume that does more than show or list it."""
    scene = volume.GetScene()
    references = range(scene.GetNumberOfNodeReferences())
    nodes = [scene.GetNthReferencingNode(i) for i in references if scene.GetNthReferencedID(i) == volume.GetID()]
    return any(node is not None and not any(node.IsA(kind) for kind in _ONLY_SHOWN_BY) for node in nodes)
