"""What the module's self test checks in the application: the sample, from its file to keyframes, chart and saving."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest import TestCase

import slicer

from .. import scene
from ..scene.contract import PHASE_ATTRIBUTE, PHASE_VALUES
from .jobs.jobs import DetectorChoice
from .sample import sample_file


def check_sample(test: TestCase, logic: Any) -> None:
    """Load the sample and detect with the motion detector; the logic is stopped."""
    try:
        path = sample_file()
        if path is not None:
            logic.load(path, DetectorChoice("motion"))
        else:
            logic.detect(logic.add_simulated_loop(), DetectorChoice("motion"))
        reports = logic.wait()
    finally:
        logic.stop()
    test.assertEqual(reports[-1].kind, "detected", reports[-1].message)
    sequence = reports[-1].sequence
    keyframes = scene.read_keyframes(scene.find_keyframe_table(sequence))
    test.assertTrue({"ED", "ES"} <= {k.phase.value for k in keyframes})
    for keyframe in keyframes:
        mark = sequence.GetNthDataNode(keyframe.frame).GetAttribute(PHASE_ATTRIBUTE)
        test.assertEqual(mark, PHASE_VALUES[keyframe.phase])
    test.assertIsNotNone(scene.find_chart(sequence))
    scene.show_frame(sequence, keyframes[0].frame)
    test.assertEqual(scene.current_frame(sequence), keyframes[0].frame)
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        _check_saving(test, sequence, [k.frame for k in keyframes], Path(folder) / "saved.seq.nrrd")


def check_bad_input(test: TestCase, logic: Any) -> None:
    """An empty sequence is an error that says so, and nothing is under way; the logic is stopped."""
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "empty")
    with test.assertRaises(scene.SceneError):
        logic.detect(empty, DetectorChoice("motion"))
    test.assertFalse(logic.jobs.busy)
    logic.stop()


def _check_saving(test: TestCase, sequence: Any, frames: list[int], path: Path) -> None:
    """A bare sequence file keeps the marks."""
    storage = sequence.GetStorageNode()
    storage.SetFileName(str(path))
    test.assertTrue(storage.WriteData(sequence))
    again = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "again")
    reader = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeSequenceStorageNode")
    reader.SetFileName(str(path))
    test.assertTrue(reader.ReadData(again))
    test.assertNotIn(None, [again.GetNthDataNode(frame).GetAttribute(PHASE_ATTRIBUTE) for frame in frames])
