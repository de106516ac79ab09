"""From a sequence to the browser that plays it, and from frame to frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...detection.keyframes import Keyframe, Phase
from ..contract import SEQUENCE_REFERENCE
from ..scene_error import SceneError, require_frame, require_in_scene, require_sequence


def find_browser(sequence: Any) -> Any | None:
    """The vtkMRMLSequenceBrowserNode that plays the sequence, one with it as master before others; None if none does.

    The side-by-side browsers, which stand still, do not count.
    """
    scene = require_in_scene(sequence, "sequence")
    found = None
    for i in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode")):
        browser = scene.GetNthNodeByClass(i, "vtkMRMLSequenceBrowserNode")
        if browser.GetNodeReferenceID(SEQUENCE_REFERENCE):
            continue
        if browser.GetMasterSequenceNode() is sequence:
            return browser
        if found is None and browser.IsSynchronizedSequenceNode(sequence, True):
            found = browser
    return found


def require_browser(sequence: Any) -> Any:
    """The browser that plays the sequence. Raises SceneError if there is none."""
    require_sequence(sequence)
    browser = find_browser(sequence)
    if browser is None:
        raise SceneError(f"{sequence.GetName()}: no sequence browser plays it; add one in the Sequences module")
    return browser


def current_frame(sequence: Any) -> int:
    """0-based frame that the sequence's browser shows. Raises SceneError as ``require_browser``."""
    browser = require_browser(sequence)
    master = browser.GetMasterSequenceNode()
    selected = browser.GetSelectedItemNumber()
    if master is sequence:
        return max(0, selected)
    return sequence.GetItemNumberFromIndexValue(master.GetNthIndexValue(selected), False)


def show_frame(sequence: Any, frame: int) -> None:
    """Make the sequence's browser show a frame; playback stops. Raises SceneError as ``require_browser``, or for a
    frame that does not exist."""
    require_sequence(sequence)
    require_frame(sequence, frame)
    browser = require_browser(sequence)
    browser.SetPlaybackActive(False)
    if browser.GetMasterSequenceNode() is sequence:
        browser.SetSelectedItemNumber(frame)
    else:
        browser.SetSelectedItemByIndexValue(sequence.GetNthIndexValue(frame), False)


def next_keyframe(keyframes: Iterable[Keyframe], frame: int, phase: Phase | None = None) -> Keyframe | None:
    """The first keyframe after a frame, of one phase if given; None behind the last."""
    later = [k for k in keyframes if k.frame > frame and phase in (None, k.phase)]
    return min(later, key=lambda k: k.frame, default=None)


def previous_keyframe(keyframes: Iterable[Keyframe], frame: int, phase: Phase | None = None) -> Keyframe | None:
    """The last keyframe before a frame, of one phase if given; None before the first."""
    earlier = [k for k in keyframes if k.frame < frame and phase in (None, k.phase)]
    return max(earlier, key=lambda k: k.frame, default=None)
