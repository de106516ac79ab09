"""ED and ES frames as volumes of their own: pixels, geometry, names, folders; what follows when keyframes change."""

from __future__ import annotations

import numpy as np
import pytest
from EchoKeyframeLib.detection.keyframes import Phase
from mrml_scene import detection_of, first_node, new_scene, random_cine, reload_mrb, slicer

from EchoKeyframeLib import scene as layer  # isort: skip  (only once slicer-core is known to be there)

EVENTS = (("ED", 2), ("ES", 9), ("ED", 22), ("ES", 29), ("ED", 42))
NAMES = ["A4C beat 1 ED", "A4C beat 1 ES", "A4C beat 2 ED", "A4C beat 2 ES", "A4C beat 3 ED"]


@pytest.fixture
def kept(tmp_path):
    return new_scene(tmp_path)


def add_loop(kept, **fields):
    """A sequence of 50 frames with keyframes."""
    sequence, _ = layer.add_cine_sequence(kept.scene, random_cine(50, **{"view": "A4C", **fields}))
    layer.write_detection(sequence, detection_of(layer.frame_times(sequence), *EVENTS))
    return sequence


@pytest.fixture
def loop(kept):
    return add_loop(kept)


def names(volumes):
    return [volume.GetName() for volume in volumes]


def folder_path(volume):
    """Names of the folders around a volume, outermost first."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item, path = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(volume)), []
    while item != hierarchy.GetSceneItemID():
        path.insert(0, hierarchy.GetItemName(item))
        item = hierarchy.GetItemParent(item)
    return path


def test_every_keyframe_becomes_a_gray_volume_in_its_place(loop):
    volumes = layer.extract_keyframes(loop)
    assert names(volumes) == NAMES
    for volume, (phase, frame) in zip(volumes, EVENTS, strict=True):
        assert volume.GetClassName() == "vtkMRMLScalarVolumeNode"
        source = loop.GetNthDataNode(frame)
        rgb = slicer.util.arrayFromVolume(source)[0].astype(float)
        gray = slicer.util.arrayFromVolume(volume)
        assert gray.shape == (1, 30, 40) and gray.dtype == np.uint8
        np.testing.assert_allclose(gray[0], rgb @ [0.299, 0.587, 0.114], atol=0.5001)
        assert volume.GetSpacing() == source.GetSpacing() == (0.25, 0.5, 1.0)
        ijk_to_ras = [slicer.util.arrayFromVTKMatrix(matrix_of(node)) for node in (volume, source)]
        np.testing.assert_array_equal(*ijk_to_ras)
        assert volume.GetAttribute("CardiacCyclePhase") == {"ED": "end-diastole", "ES": "end-systole"}[phase]
        assert int(volume.GetAttribute("EchoKeyframe.Frame")) == layer.frame_of_volume(volume) == frame
        assert float(volume.GetAttribute("EchoKeyframe.Time")) == pytest.approx(layer.frame_times(loop)[frame])
        assert volume.GetAttribute("EchoKeyframe.Spacing") == "calibrated"
        assert volume.GetAttribute("DICOM.instanceUIDs") == "1.2.3.4"
        assert volume.GetNodeReference("EchoKeyframe.Sequence") is loop
        assert volume.GetDisplayNode().GetAutoWindowLevel() == 0
    assert layer.keyframe_volumes(loop) == list(volumes)


def matrix_of(volume):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix


def test_gray_frames_are_copied_exactly_and_the_copy_is_free(kept):
    loop = add_loop(kept, color=False, spacing=None, view=None)
    volumes = layer.extract_keyframes(loop, beat=1)
    assert names(volumes) == ["loop beat 1 ED", "loop beat 1 ES"]
    assert volumes[0].GetAttribute("EchoKeyframe.Spacing") == "unknown"
    pixels = slicer.util.arrayFromVolume(volumes[0])
    original = slicer.util.arrayFromVolume(loop.GetNthDataNode(2)).copy()
    np.testing.assert_array_equal(pixels, original)
    pixels[:] = 7
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(loop.GetNthDataNode(2)), original)
    layer.show_frame(loop, 30)
    kept.scene.RemoveNode(loop)
    assert (slicer.util.arrayFromVolume(volumes[0]) == 7).all()


def test_gray_stored_as_rgb_keeps_every_gray_level(kept):
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, None, :, None], (4, 3, 256, 3))
    from EchoKeyframeLib.cine.cine import Cine, Source

    sequence, _ = layer.add_cine_sequence(kept.scene, Cine(ramp.copy(), np.arange(4) / 50, Source("ramp.avi")))
    layer.add_keyframe(layer.keyframe_table(sequence), Phase.ED, 1)
    (volume,) = layer.extract_keyframes(sequence)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume)[0, 0], np.arange(256))


def test_a_folder_for_each_beat_in_one_for_each_loop(kept, loop):
    other = add_loop(kept)
    volumes = layer.extract_keyframes(loop)
    assert [folder_path(v) for v in volumes] == [["loop keyframes", f"Beat {n}"] for n in (1, 1, 2, 2, 3)]
    (first, _) = layer.extract_keyframes(other, beat=2)
    assert folder_path(first) == [f"{other.GetName()} keyframes", "Beat 2"] and other.GetName() != "loop"


def test_extracting_again_updates_and_keeps_the_persons_pixels(kept, loop):
    volumes = layer.extract_keyframes(loop, beat=2)
    slicer.util.arrayFromVolume(volumes[0])[:] = 3
    nodes = kept.scene.GetNumberOfNodes()
    assert layer.extract_keyframes(loop, beat=2) == volumes
    assert kept.scene.GetNumberOfNodes() == nodes
    assert (slicer.util.arrayFromVolume(volumes[0]) == 3).all()
    assert len(layer.extract_keyframes(loop)) == len(layer.keyframe_volumes(loop)) == 5


def test_volumes_follow_renumbered_beats_and_changed_phases(loop):
    volumes = layer.extract_keyframes(loop)
    table = layer.keyframe_table(loop)
    for frame in (2, 9):
        layer.remove_keyframe(table, frame)
    layer.change_phase(table, 42)
    again = layer.extract_keyframes(loop)
    assert again == volumes[2:]
    assert names(again) == ["A4C beat 1 ED", "A4C beat 1 ES", "A4C beat 2 ES"]
    assert [v.GetAttribute("EchoKeyframe.Beat") for v in again] == ["1", "1", "2"]
    assert again[2].GetAttribute("CardiacCyclePhase") == "end-systole"
    assert [folder_path(v)[-1] for v in again] == ["Beat 1", "Beat 1", "Beat 2"]
    assert layer.keyframe_volumes(loop) == list(again)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(loop.GetScene())
    assert hierarchy.GetItemByName("Beat 3") == 0


def test_a_volume_that_is_drawn_on_outlives_its_keyframe(kept, loop):
    volumes = layer.extract_keyframes(loop)
    segmentation = kept.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "LV")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volumes[2])
    pixels = slicer.util.arrayFromVolume(volumes[2]).copy()
    table = layer.keyframe_table(loop)
    layer.move_keyframe(table, 22, 23)
    layer.move_keyframe(table, 29, 30)
    displays = kept.scene.GetNumberOfNodesByClass("vtkMRMLVolumeDisplayNode")
    again = layer.extract_keyframes(loop, beat=2)
    assert [layer.frame_of_volume(v) for v in again] == [23, 30]
    assert volumes[2].GetName() == "A4C frame 22" and volumes[2].GetAttribute("CardiacCyclePhase") is None
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(volumes[2]), pixels)
    assert volumes[3].GetScene() is None
    assert kept.scene.GetNumberOfNodesByClass("vtkMRMLVolumeDisplayNode") == displays + 1
    layer.move_keyframe(table, 23, 22)
    assert layer.extract_keyframes(loop, beat=2)[0] is volumes[2]
    assert volumes[2].GetName() == "A4C beat 2 ED"


def test_loops_of_one_view_are_told_apart(kept, loop):
    other = add_loop(kept)
    assert names(layer.extract_keyframes(other, beat=3)) == [f"{other.GetName()} beat 3 ED"]
    assert names(layer.extract_keyframes(loop, beat=3)) == [f"{loop.GetName()} beat 3 ED"]


def test_a_persons_own_folder_is_respected(loop):
    volumes = layer.extract_keyframes(loop)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(loop.GetScene())
    mine = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "mine")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volumes[0]), mine)
    layer.extract_keyframes(loop)
    assert folder_path(volumes[0]) == ["mine"]
    assert folder_path(volumes[1]) == ["loop keyframes", "Beat 1"]


def test_what_cannot_be_extracted_is_told_and_changes_nothing(kept, loop):
    bare, _ = layer.add_cine_sequence(kept.scene, random_cine(5), name="bare")
    nodes = kept.scene.GetNumberOfNodes()
    with pytest.raises(layer.SceneError, match="bare: has no keyframes"):
        layer.extract_keyframes(bare)
    with pytest.raises(layer.SceneError, match="loop: has no beat 9, its beats are 1, 2, 3"):
        layer.extract_keyframes(loop, beat=9)
    loop.GetNthDataNode(29).GetImageData().SetDimensions(40, 15, 2)
    with pytest.raises(layer.SceneError, match="frame 29 is a 3D volume"):
        layer.extract_keyframes(loop)
    assert kept.scene.GetNumberOfNodes() == nodes
    kept.scene.RemoveNode(loop)
    with pytest.raises(layer.SceneError, match="no longer in the scene"):
        layer.extract_keyframes(loop)


def test_saved_and_opened_again_it_goes_on_where_it_was(kept, loop, tmp_path):
    before = [(v.GetName(), folder_path(v), slicer.util.arrayFromVolume(v).copy())
              for v in layer.extract_keyframes(loop)]  # fmt: skip
    again = reload_mrb(kept.scene, tmp_path)
    sequence = first_node(again.scene, "vtkMRMLSequenceNode")
    volumes = layer.keyframe_volumes(sequence)
    for volume, (name, path, pixels) in zip(volumes, before, strict=True):
        assert (volume.GetName(), folder_path(volume)) == (name, path)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume), pixels)
    nodes = again.scene.GetNumberOfNodes()
    assert list(layer.extract_keyframes(sequence)) == volumes
    assert again.scene.GetNumberOfNodes() == nodes
