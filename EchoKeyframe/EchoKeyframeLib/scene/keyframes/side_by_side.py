"""The ED and ES frame of one beat next to each other, each in a slice view of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...detection.keyframes import Beat, Phase
from ..contract import PHASE_VIEWS, SEQUENCE_REFERENCE, SIDE_BY_SIDE_REFERENCE
from ..loop.added_node import add_node
from ..loop.cine_sequence import show_full_range
from ..node_removal import remove_with_parts
from ..scene_error import SceneError, require_frame, require_sequence


@dataclass(frozen=True)
class FramePair:
    """The still volumes of one beat: proxy nodes, each with a browser of its own that stays on its frame."""

    ed: Any
    es: Any

    def of(self, phase: Phase) -> Any:
        return self.ed if phase is Phase.ED else self.es


def add_frame_pair(sequence: Any, beat: Beat) -> FramePair:
    """Volumes that hold the ED and ES frame of a beat, calibrated like the sequence and free to differ in display.

    Two further browsers on the same sequence, made on first use and moved on later calls, keep them; the sequence's own
    browser goes on playing. Raises SceneError if the sequence is gone or empty, the beat lacks its ED or ES, or a frame
    does not exist.
    """
    require_sequence(sequence)
    frames = {}
    for phase, keyframe in ((Phase.ED, beat.ed), (Phase.ES, beat.es)):
        if keyframe is None:
            raise SceneError(f"{sequence.GetName()}: beat {beat.number} has no {phase.value}; choose another beat")
        require_frame(sequence, keyframe.frame)
        frames[phase] = keyframe.frame
    proxies = {}
    for phase, frame in frames.items():
        browser = _browser(sequence, phase)
        browser.SetSelectedItemNumber(frame)
        proxies[phase] = browser.GetProxyNode(sequence)
    return FramePair(proxies[Phase.ED], proxies[Phase.ES])


def remove_frame_pair(sequence: Any) -> None:
    """Take the two browsers and their volumes out of the scene again. Nothing happens if there are none."""
    scene = require_sequence(sequence)
    for role in SIDE_BY_SIDE_REFERENCE.values():
        browser = sequence.GetNodeReference(role)
        if browser is not None:
            proxy = browser.GetProxyNode(sequence)
            scene.RemoveNode(browser)
            if proxy is not None:
                remove_with_parts(proxy)
        sequence.RemoveNodeReferenceIDs(role)


def show_frame_pair(pair: FramePair) -> int:
    """Put the two volumes into the background of the layout's two slice views; how many of these views there are."""
    scene = pair.ed.GetScene()
    if scene is None or pair.es.GetScene() is None:
        raise SceneError("the ED and ES volumes are no longer in the scene; make the pair again")
    shown = 0
    for i in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")):
        composite = scene.GetNthNodeByClass(i, "vtkMRMLSliceCompositeNode")
        for phase, view in PHASE_VIEWS.items():
            if composite.GetLayoutName() == view:
                composite.SetBackgroundVolumeID(pair.of(phase).GetID())
                composite.SetForegroundVolumeID(None)
                shown += 1
    return shown


def _browser(sequence: Any, phase: Phase) -> Any:
    scene, role = sequence.GetScene(), SIDE_BY_SIDE_REFERENCE[phase]
    browser = sequence.GetNodeReference(role)
    if browser is not None and browser.GetProxyNode(sequence) is not None:
        return browser
    if browser is not None:
        scene.RemoveNode(browser)
    name = f"{sequence.GetName()} {phase.value}"
    # Hidden, or the sequence toolbar would offer it, and take it for the loop's where a scene is opened.
    browser = add_node(scene, "vtkMRMLSequenceBrowserNode", f"{name} browser", hidden=True)
    browser.SetNodeReferenceID(SEQUENCE_REFERENCE, sequence.GetID())
    browser.AddSynchronizedSequenceNode(sequence)
    browser.SetOverwriteProxyName(sequence, False)
    proxy = browser.GetProxyNode(sequence)
    proxy.SetName(scene.GenerateUniqueName(name))
    if proxy.IsA("vtkMRMLScalarVolumeNode"):
        show_full_range(proxy)
    sequence.SetNodeReferenceID(role, browser.GetID())
    return browser
