"""Loops and their keyframes to a folder that training reads, and from such a folder back into the scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...cine.cine import Cine
from ...datasets.clip_labels import ClipLabels, LabelError, check_inside
from ...detection.keyframes import Phase
from ..contract import SOURCE_NAME_ATTRIBUTE
from ..keyframes.keyframe_table import find_keyframe_table, keyframe_table, read_keyframes, set_keyframes
from ..loop.cine_sequence import add_cine_sequence
from ..loop.sequence_frames import cine_from_sequence
from ..scene_error import SceneError, require_sequence

if TYPE_CHECKING:
    from ...datasets.labelled_folder import StoredClip


def store_loop(
    sequence: Any, folder: Path, whole_frames: bool = False, progress: Callable[[float], None] | None = None
) -> StoredClip:
    """Add a sequence with its keyframes to a folder of labelled cines, as ``datasets.labelled_folder.store_clip``.

    progress: as for ``cine_from_sequence``. Raises SceneError if the sequence is gone, no image loop, or has no
    keyframes; SectorMissing, LabelError and CineError as ``store_clip``. The scene is not touched.
    """
    # OpenCV and pydicom come when they are first needed, not with the module.
    from ...datasets.labelled_folder import store_clip

    require_sequence(sequence)
    table = find_keyframe_table(sequence)
    keyframes = read_keyframes(table) if table is not None else ()
    if not keyframes:
        raise SceneError(f"{sequence.GetName()}: has no keyframes; detect them, or add them by hand")
    cine = cine_from_sequence(sequence, progress)
    if sequence.GetAttribute(SOURCE_NAME_ATTRIBUTE) is None:
        cine = replace(cine, source=replace(cine.source, name=sequence.GetName()))
    return store_clip(folder, cine, keyframes, whole_frames)


def as_labelled(cine: Cine, labels: ClipLabels) -> Cine:
    """The cine with the rate and view that its labels vouch for. Raises LabelError if they cannot be this cine's."""
    if labels.frames is None:
        check_inside(labels, len(cine))
    elif labels.frames != len(cine):
        raise LabelError(labels.file, f"has {len(cine)} frames, its labels say {labels.frames}")
    if labels.fps is not None:
        cine = cine.with_fps(labels.fps)
    return replace(cine, view=labels.view) if labels.view else cine


def bookmark_labels(sequence: Any, labels: ClipLabels) -> str:
    """Make a clip's labels its sequence's keyframes, set by a person; returns what could not be kept, or an empty text.

    Positions between frames (the mean of several readers) go to the nearest frame, keyframes outside the clip are left
    out. Raises SceneError if the sequence is gone or two positions come to lie on one frame.
    """
    require_sequence(sequence)
    last = sequence.GetNumberOfDataNodes() - 1
    inside = {phase: [f for f in labels.of(phase).tolist() if 0 <= f <= last] for phase in Phase}
    set_keyframes(keyframe_table(sequence), {phase: [round(f) for f in frames] for phase, frames in inside.items()})
    outside = sum(len(labels.of(phase)) - len(inside[phase]) for phase in Phase)
    between = sum(f != round(f) for frames in inside.values() for f in frames)
    notes = [f"{outside} keyframe(s) outside the clip are left out"] if outside else []
    notes += [f"{between} position(s) between frames are moved to the nearest"] if between else []
    return f"{labels.file}: {', '.join(notes)}" if notes else ""


def add_labelled_cine(scene: Any, cine: Cine, labels: ClipLabels) -> tuple[Any, Any, str]:
    """A labelled cine as a sequence with its keyframes: sequence, browser and ``bookmark_labels``' note.

    Raises LabelError if labels and cine do not fit, SceneError as ``add_cine_sequence``; no node is left behind then.
    """
    sequence, browser = add_cine_sequence(scene, as_labelled(cine, labels))
    return sequence, browser, bookmark_labels(sequence, labels)
