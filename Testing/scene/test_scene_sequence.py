"""A cine as a sequence in a real scene, and any sequence as a cine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import Cine, CineError, Source
from mrml_scene import first_node, new_scene, random_cine, reload_mrb, reload_mrml, slicer

vtk = pytest.importorskip("vtk")

from EchoKeyframeLib import scene as layer  # noqa: E402  (only once slicer-core is known to be there)
from EchoKeyframeLib.scene.contract import (  # noqa: E402
    HEART_RATE_ATTRIBUTE,
    INSTANCE_UIDS_ATTRIBUTE,
    SOURCE_NAME_ATTRIBUTE,
    SPACING_ATTRIBUTE,
    TIMING_ATTRIBUTE,
)
from vtk.util.numpy_support import vtk_to_numpy  # noqa: E402


@pytest.fixture
def scene(tmp_path):
    kept = new_scene(tmp_path)
    yield kept.scene


def pixels_of(volume):
    return pixels_of_image(volume.GetImageData())


def pixels_of_image(image):
    width, height, _ = image.GetDimensions()
    values = vtk_to_numpy(image.GetPointData().GetScalars())
    return values.reshape((height, width, 3) if values.ndim == 2 else (height, width))


def add_volume_sequence(scene, frames, times, name="other", unit="s", directions=((-1, 0), (0, -1))):
    """A sequence as another extension might make it."""
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    sequence.SetIndexName("time" if unit else "frame")
    sequence.SetIndexUnit(unit)
    for frame, time in zip(frames, times, strict=True):
        volume = slicer.vtkMRMLVectorVolumeNode() if frame.ndim == 3 else slicer.vtkMRMLScalarVolumeNode()
        image = vtk.vtkImageData()
        image.SetDimensions(frame.shape[1], frame.shape[0], 1)
        values = frame.reshape(-1, frame.shape[2]) if frame.ndim == 3 else frame.ravel()
        image.GetPointData().SetScalars(vtk.util.numpy_support.numpy_to_vtk(np.ascontiguousarray(values), deep=True))
        volume.SetAndObserveImageData(image)
        matrix = vtk.vtkMatrix4x4()
        for i in (0, 1):
            for j in (0, 1):
                matrix.SetElement(i, j, directions[i][j])
        volume.SetIJKToRASDirectionMatrix(matrix)
        sequence.SetDataNodeAtValue(volume, str(time))
    return sequence


@pytest.mark.parametrize("color", [True, False], ids=["rgb", "gray"])
def test_every_frame_arrives_with_its_time_and_spacing(scene, color):
    cine = random_cine(color=color)
    sequence, browser = layer.add_cine_sequence(scene, cine)
    assert sequence.GetNumberOfDataNodes() == len(cine)
    assert sequence.GetDataNodeClassName() == f"vtkMRML{'Vector' if color else 'Scalar'}VolumeNode"
    for i, frame in enumerate(cine.frames):
        volume = sequence.GetNthDataNode(i)
        np.testing.assert_array_equal(pixels_of(volume), frame)
        assert volume.GetSpacing() == (0.25, 0.5, 1.0)
        assert volume.GetAttribute(INSTANCE_UIDS_ATTRIBUTE) == "1.2.3.4"
    assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("time", "s")
    np.testing.assert_allclose(layer.frame_times(sequence), cine.times, atol=1e-6)
    assert browser.GetPlaybackRateFps() == pytest.approx(cine.fps)
    assert sequence.GetAttribute(SOURCE_NAME_ATTRIBUTE) == "loop.dcm"
    assert sequence.GetAttribute(TIMING_ATTRIBUTE) == "FrameTimeVector"
    assert sequence.GetAttribute(SPACING_ATTRIBUTE) == "calibrated"


def test_first_pixel_lies_right_and_anterior_as_with_slicers_importer(scene):
    sequence, _ = layer.add_cine_sequence(scene, random_cine())
    matrix = vtk.vtkMatrix4x4()
    sequence.GetNthDataNode(0).GetIJKToRASMatrix(matrix)
    assert matrix.MultiplyPoint((0, 0, 0, 1))[:3] == (0, 0, 0)
    assert matrix.MultiplyPoint((4, 2, 0, 1))[:3] == (-1, -1, 0)


def axial_view(scene, volume, width, height):
    """What an axial slice view of this size draws, RGB ``[height, width, 3]``."""
    view = slicer.vtkMRMLSliceLogic()
    view.SetMRMLScene(scene)
    node = scene.CreateNodeByClass("vtkMRMLSliceNode")
    node.SetLayoutName("Test")
    scene.AddNode(node)
    view.SetSliceNode(node)
    node.SetOrientation("Axial")
    node.SetDimensions(width, height, 1)
    view.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    view.FitSliceToBackground(width, height)
    view.UpdatePipeline()
    flip = vtk.vtkImageExtractComponents()
    flip.SetInputConnection(view.GetImageDataConnection())
    flip.SetComponents(0, 1, 2)
    flip.Update()
    # VTK's images start with the bottom row.
    return pixels_of_image(flip.GetOutput())[::-1]


@pytest.mark.parametrize("color", [True, False], ids=["rgb", "gray"])
def test_axial_view_shows_the_frame_upright_in_its_own_colours(scene, color):
    frames = np.zeros((2, 60, 80, 3) if color else (2, 60, 80), np.uint8)
    frames[:, 10:30, 10:40] = (200, 120, 40) if color else 120
    frames[:, 40:44, 60:70] = 255
    cine = Cine(frames, np.array([0, 0.02]), Source("drawing"), spacing=(0.3, 0.3))
    sequence, browser = layer.add_cine_sequence(scene, cine)
    drawn = axial_view(scene, browser.GetProxyNode(sequence), 80, 60)
    # Inside and outside the patches; at their borders the view interpolates.
    for row, column in ((20, 25), (12, 12), (28, 38), (42, 65), (20, 60), (50, 25), (50, 65), (5, 5)):
        np.testing.assert_array_equal(drawn[row, column], frames[0, row, column])


def test_gray_levels_are_shown_as_they_are(scene):
    dark = replace(random_cine(color=False), frames=np.full((24, 30, 40), 7, np.uint8))
    sequence, browser = layer.add_cine_sequence(scene, dark)
    browser.SetSelectedItemNumber(5)
    display = browser.GetProxyNode(sequence).GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0, 255)


def test_frames_nearer_than_the_index_tolerance_are_all_kept(scene, tmp_path):
    cine = random_cine(times=np.arange(24) * 0.0002)
    sequence, _ = layer.add_cine_sequence(scene, cine)
    assert sequence.GetNumberOfDataNodes() == 24
    again = reload_mrb(scene, tmp_path)
    reloaded = first_node(again.scene, "vtkMRMLSequenceNode")
    np.testing.assert_allclose(layer.frame_times(reloaded), cine.times, atol=1e-6)


def test_frames_nearer_than_a_microsecond_are_refused_without_leftovers(scene):
    before = scene.GetNumberOfNodes()
    with pytest.raises(layer.SceneError, match=r"loop\.dcm.*frames"):
        layer.add_cine_sequence(scene, random_cine(times=np.arange(24) * 1e-9))
    assert scene.GetNumberOfNodes() == before


def test_loading_that_is_cancelled_leaves_nothing(scene):
    def stop(done):
        if done > 0.5:
            raise KeyboardInterrupt

    before = scene.GetNumberOfNodes()
    with pytest.raises(KeyboardInterrupt):
        layer.add_cine_sequence(scene, random_cine(), progress=stop)
    assert scene.GetNumberOfNodes() == before


def test_scene_closed_while_loading_is_one_clear_error(scene):
    def close(done):
        if done > 0.5:
            scene.Clear(0)

    with pytest.raises(layer.SceneError, match="removed while"):
        layer.add_cine_sequence(scene, random_cine(), progress=close)
    assert first_node(scene, "vtkMRMLSequenceNode") is None


@pytest.mark.parametrize("reload", [reload_mrb, reload_mrml])
def test_sequence_survives_saving(scene, tmp_path, reload):
    cine = random_cine(heart_rate=72.5, view="A4C")
    layer.add_cine_sequence(scene, cine)
    again = reload(scene, tmp_path / "out" if reload is reload_mrml else tmp_path)
    sequence = first_node(again.scene, "vtkMRMLSequenceNode")
    read = layer.cine_from_sequence(sequence)
    np.testing.assert_array_equal(read.frames, cine.frames)
    np.testing.assert_allclose(read.times, cine.times, atol=1e-6)
    assert read.spacing == cine.spacing
    assert read.source == cine.source
    assert read.timing == "FrameTimeVector"
    assert (read.heart_rate, read.view) == (72.5, "A4C")
    assert layer.find_browser(sequence).GetPlaybackRateFps() == pytest.approx(cine.fps)


def test_unknown_spacing_is_not_taken_for_a_millimetre(scene):
    sequence, _ = layer.add_cine_sequence(scene, random_cine(spacing=None))
    assert sequence.GetAttribute(SPACING_ATTRIBUTE) == "unknown"
    assert layer.cine_from_sequence(sequence).spacing is None


@pytest.mark.parametrize("stated", [None, "", "fast", "nan", "-3"])
def test_a_heart_rate_that_is_none_is_left_out(scene, stated):
    sequence, _ = layer.add_cine_sequence(scene, random_cine())
    assert sequence.GetAttribute(HEART_RATE_ATTRIBUTE) is None
    if stated is not None:
        sequence.SetAttribute(HEART_RATE_ATTRIBUTE, stated)
    assert layer.cine_from_sequence(sequence).heart_rate is None
    assert layer.cine_from_sequence(sequence).view is None


def test_gray_stored_as_rgb_comes_back_gray(scene):
    gray = random_cine(color=False).frames
    sequence = add_volume_sequence(scene, np.repeat(gray[..., None], 3, 3), np.arange(24) / 50)
    np.testing.assert_array_equal(layer.cine_from_sequence(sequence).frames, gray)


@pytest.mark.parametrize("flip_rows", [False, True])
@pytest.mark.parametrize("flip_columns", [False, True])
def test_stored_flips_are_undone(scene, flip_rows, flip_columns):
    shown = random_cine(color=False).frames
    stored = shown[:, :: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
    directions = ((1 if flip_columns else -1, 0), (0, 1 if flip_rows else -1))
    sequence = add_volume_sequence(scene, stored, np.arange(24) / 50, directions=directions)
    np.testing.assert_array_equal(layer.cine_from_sequence(sequence).frames, shown)


def test_sixteen_bit_frames_are_scaled_over_the_loop(scene):
    frames = np.linspace(100, 4000, 10 * 6 * 8).reshape(10, 6, 8).astype(np.int16)
    cine = layer.cine_from_sequence(add_volume_sequence(scene, frames, np.arange(10) / 50))
    assert (cine.frames.min(), cine.frames.max()) == (0, 255)
    assert (np.diff(cine.frames.ravel().astype(int)) >= 0).all()


def test_index_in_milliseconds(scene):
    frames = random_cine(color=False).frames
    sequence = add_volume_sequence(scene, frames, np.arange(24) * 20, unit="ms")
    np.testing.assert_allclose(layer.cine_from_sequence(sequence).times, np.arange(24) * 0.02)


@pytest.mark.parametrize("unit", ["milliseconds", "Msec.", "ms", " millisecond "])
def test_a_unit_of_time_may_be_written_in_many_ways(scene, unit):
    sequence = add_volume_sequence(scene, random_cine(color=False).frames, np.arange(24) * 20, unit=unit)
    np.testing.assert_allclose(layer.cine_from_sequence(sequence).times, np.arange(24) * 0.02)


@pytest.mark.parametrize(("times", "unit"), [
    (np.arange(24), "s"), (np.arange(1, 25), "s"), (np.arange(24), "ms"), (np.arange(24.0), "sec."),
    (np.arange(24) * 33, "s"), (np.arange(24) * 0.03, "us"),
])  # fmt: skip
def test_a_count_of_frames_is_no_time_whatever_its_unit(scene, times, unit):
    sequence = add_volume_sequence(scene, random_cine(color=False).frames, times, unit=unit)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.AddSynchronizedSequenceNode(sequence)
    browser.SetPlaybackRateFps(40)
    cine = layer.cine_from_sequence(sequence)
    assert cine.fps == pytest.approx(40) and cine.timing == "playback rate"
    assert "40 frames/s are assumed" in cine.warnings[0]


def test_index_that_is_no_time_uses_the_playback_rate_and_says_so(scene):
    frames = random_cine(color=False).frames
    sequence = add_volume_sequence(scene, frames, np.arange(24), unit="")
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.AddSynchronizedSequenceNode(sequence)
    browser.SetPlaybackRateFps(40)
    cine = layer.cine_from_sequence(sequence)
    assert cine.fps == pytest.approx(40)
    assert "40 frames/s are assumed" in cine.warnings[0]


def test_input_that_is_no_loop_is_refused_by_name(scene):
    frames = random_cine(color=False).frames
    empty = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "nothing")
    with pytest.raises(layer.SceneError, match="nothing: the sequence is empty"):
        layer.cine_from_sequence(empty)
    still = add_volume_sequence(scene, frames[:1], [0], name="still")
    with pytest.raises(layer.SceneError, match="still: holds a single frame"):
        layer.cine_from_sequence(still)
    mixed = add_volume_sequence(scene, [frames[0], frames[1][:20]], [0, 1], name="mixed")
    with pytest.raises(layer.SceneError, match="mixed: frame 1 is 40x20"):
        layer.cine_from_sequence(mixed)
    two = add_volume_sequence(scene, [np.zeros((6, 8, 2), np.uint8)] * 2, [0, 1], name="two")
    with pytest.raises(layer.SceneError, match="two: frame 0 has 2 values"):
        layer.cine_from_sequence(two)
    deep = add_volume_sequence(scene, frames[:2], [0, 1], name="deep")
    deep.GetNthDataNode(0).GetImageData().SetDimensions(10, 60, 2)
    with pytest.raises(layer.SceneError, match="deep: frame 0 is a 3D volume"):
        layer.cine_from_sequence(deep)
    models = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "models")
    for i in (0, 1):
        models.SetDataNodeAtValue(slicer.vtkMRMLModelNode(), str(i))
    with pytest.raises(layer.SceneError, match="models: frame 0 is vtkMRMLModelNode"):
        layer.cine_from_sequence(models)
    assert [s.GetName() for s in layer.image_sequences(scene)] == ["mixed", "two"]


def test_sequence_deleted_before_or_while_reading(scene):
    sequence, _ = layer.add_cine_sequence(scene, random_cine(), name="gone")
    with pytest.raises(layer.SceneError, match="no longer in the scene"):
        layer.cine_from_sequence(sequence, progress=lambda done: scene.RemoveNode(sequence) if done > 0.5 else None)
    with pytest.raises(layer.SceneError, match="no longer in the scene"):
        layer.read_frame(sequence, 0)
    with pytest.raises(layer.SceneError, match="no sequence is chosen"):
        layer.cine_from_sequence(None)


def test_navigation_stops_playback_and_reaches_the_frame(scene):
    sequence, browser = layer.add_cine_sequence(scene, random_cine())
    browser.SetPlaybackActive(True)
    layer.show_frame(sequence, 17)
    assert (browser.GetSelectedItemNumber(), browser.GetPlaybackActive()) == (17, False)
    assert layer.current_frame(sequence) == 17
    with pytest.raises(layer.SceneError, match="no frame 24"):
        layer.show_frame(sequence, 24)


def test_errors_are_cine_errors():
    assert issubclass(layer.SceneError, CineError)


def slicer_import(scene, cine, unit="s"):
    """The sequence that Slicer's DICOM importer makes: 1 mm without exactly one region, constant whole milliseconds."""
    times = [f"{i * 0.033:.3f}" for i in range(len(cine))] if unit else range(len(cine))
    sequence = add_volume_sequence(scene, cine.frames, times, unit=unit)
    for i in range(len(cine)):
        sequence.GetNthDataNode(i).SetAttribute(INSTANCE_UIDS_ATTRIBUTE, cine.source.sop_instance_uid)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.AddSynchronizedSequenceNode(sequence)
    return sequence, browser


@pytest.mark.parametrize("unit", ["s", ""], ids=["wrong times", "frame numbers"])
def test_importers_spacing_and_times_are_repaired(scene, unit):
    cine = random_cine()
    sequence, browser = slicer_import(scene, cine, unit)
    browser.SetSelectedItemNumber(9)
    comparison = layer.compare_with_source(sequence, cine)
    assert len(comparison.findings) == 2
    assert "0.5 x 0.25 mm" in comparison.findings[0]
    layer.repair_from_source(sequence, comparison)
    repaired = layer.cine_from_sequence(sequence)
    np.testing.assert_array_equal(repaired.frames, cine.frames)
    np.testing.assert_allclose(repaired.times, cine.times, atol=1e-6)
    assert (repaired.spacing, repaired.timing) == (cine.spacing, "FrameTimeVector")
    assert browser.GetSelectedItemNumber() == 9
    assert browser.GetPlaybackRateFps() == pytest.approx(cine.fps)
    assert browser.GetProxyNode(sequence).GetSpacing() == (0.25, 0.5, 1.0)
    assert layer.compare_with_source(sequence, cine).findings == ()


def test_text_index_is_repaired_in_the_items_order(scene):
    cine = random_cine()
    sequence, _ = slicer_import(scene, cine, unit="")
    sequence.SetIndexType(sequence.TextIndex)
    order = [int(float(sequence.GetNthIndexValue(i))) for i in range(len(cine))]
    layer.repair_from_source(sequence, layer.compare_with_source(sequence, cine))
    np.testing.assert_array_equal(layer.cine_from_sequence(sequence).frames, cine.frames[order])


def test_another_loop_is_not_taken_for_the_source(scene):
    sequence, _ = slicer_import(scene, random_cine())
    other = random_cine(count=20)
    with pytest.raises(layer.SceneError, match=r"24 frames .* has 20"):
        layer.compare_with_source(sequence, other)
    comparison = layer.compare_with_source(sequence, random_cine())
    sequence.RemoveDataNodeAtValue(sequence.GetNthIndexValue(3))
    before = sequence.GetNthDataNode(0).GetSpacing()
    with pytest.raises(layer.SceneError, match="has changed"):
        layer.repair_from_source(sequence, comparison)
    assert sequence.GetNthDataNode(0).GetSpacing() == before


def test_source_file_by_instance_uid_or_by_name(scene, tmp_path):
    sequence, _ = layer.add_cine_sequence(scene, random_cine())
    file = tmp_path / "loop.dcm"
    assert layer.find_source_file(sequence, lambda uid: str(file), [tmp_path]) is None
    file.write_bytes(b"x")
    assert layer.find_source_file(sequence, {"1.2.3.4": str(file)}.get) == file
    assert layer.find_source_file(sequence, lambda uid: "", [tmp_path / "none", tmp_path]) == file
    sequence.SetAttribute(SOURCE_NAME_ATTRIBUTE, "../loop.dcm")
    assert layer.find_source_file(sequence, None, [tmp_path / "none"]) is None
    sequence.GetNthDataNode(1).SetAttribute(INSTANCE_UIDS_ATTRIBUTE, "9.9")
    assert layer.source_uid(sequence) is None


def test_single_frame_can_be_loaded_to_look_at(scene):
    cine = Cine(np.zeros((1, 4, 5), np.uint8), np.zeros(1), Source("still.dcm"))
    sequence, browser = layer.add_cine_sequence(scene, cine)
    assert browser.GetNumberOfItems() == 1
    assert layer.find_browser(sequence) is browser


def test_real_loop_gives_the_same_keyframes_through_the_scene(scene, sample_clip):
    """File, sequence, cine: what is detected in the scene is what is detected in the file."""
    from EchoKeyframeLib.cine.read import read_cine
    from EchoKeyframeLib.detection.detect import detect
    from EchoKeyframeLib.detection.motion import MotionDetector

    cine = read_cine(sample_clip)
    sequence, _ = layer.add_cine_sequence(scene, cine)
    again = layer.cine_from_sequence(sequence)
    np.testing.assert_array_equal(again.frames, cine.frames)
    from_file, from_scene = (detect(c, MotionDetector()).keyframes for c in (cine, again))
    assert from_file
    assert [(k.phase, k.frame) for k in from_scene] == [(k.phase, k.frame) for k in from_file]
    table = layer.write_detection(sequence, detect(again, MotionDetector()))
    assert [(k.phase, k.frame) for k in layer.read_keyframes(table)] == [(k.phase, k.frame) for k in from_file]


def test_nothing_of_the_patient_enters_the_scene(scene, tmp_path, sample_clip):
    """Names, attributes and references of every node, as they are saved, hold no value of the patient's tags."""
    import pydicom
    from EchoKeyframeLib.cine.read import read_cine

    dataset = pydicom.dcmread(sample_clip)
    secrets = {"PatientName": "Zzyzx^Quentin", "PatientID": "SECRET-4711", "PatientBirthDate": "19310417"}
    for keyword, value in {**secrets, "InstitutionName": "Mercy Northgate", "OperatorsName": "Ohm^Ulla"}.items():
        setattr(dataset, keyword, value)
    path = tmp_path / "loop.dcm"
    dataset.save_as(path)
    layer.add_cine_sequence(scene, read_cine(path))
    scene.SetSaveToXMLString(1)
    scene.Commit()
    saved = scene.GetSceneXMLString()
    sequence = first_node(scene, "vtkMRMLSequenceNode")
    volume = sequence.GetNthDataNode(0)
    saved += "".join(f"{n}={volume.GetAttribute(n)}" for n in volume.GetAttributeNames()) + volume.GetName()
    assert "loop.dcm" in saved
    for secret in ("Zzyzx", "Quentin", "4711", "19310417", "Mercy", "Ulla"):
        assert secret not in saved
