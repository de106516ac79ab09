"""A loop is shown while its file is read: what arrives, what stands in the scene, what a load leaves that fails."""

import threading
import time

import numpy as np
import pytest
from dicom_files import beating_frames, doppler_frames, write_dicom
from EchoKeyframeLib.cine.color import FrameStack, followed_by
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.worker.cine_result import described_cine, read_description, write_description
from EchoKeyframeLib.worker.frames_writer import FramesWriter
from EchoKeyframeLib.worker.process import Worker


def written(tmp_path, read):
    """Do ``read`` followed by a writer: the cine, what was told, and the writer's last attempt."""
    told = []
    writer = FramesWriter(lambda attempt: tmp_path / f"frames.{attempt}",
                          lambda *step: told.append(step), lambda _: None)  # fmt: skip
    with followed_by(writer.follow):
        cine = read()
    return cine, told, writer.finish(cine.frames), writer


def late_doppler():
    """RGB frames whose colour begins with the fourth."""
    return np.concatenate([np.repeat(beating_frames(3)[..., None], 3, axis=3), doppler_frames(5)])


@pytest.mark.parametrize("frames", [beating_frames(), doppler_frames(), late_doppler()],
                         ids=["gray", "colour", "colour later"])  # fmt: skip
def test_the_file_of_frames_is_the_cine_whatever_became_of_its_colour(tmp_path, frames):
    path = write_dicom(tmp_path / "loop.dcm", frames)
    cine, told, attempt, writer = written(tmp_path, lambda: read_cine(path))
    write_description(cine, attempt, writer.changed, tmp_path / "cine.json")
    again = described_cine(read_description(tmp_path / "cine.json"), tmp_path / f"frames.{attempt}")
    assert (again.frames == cine.frames).all()
    assert (again.times == cine.times).all()
    assert (again.findings, again.timing_warnings) == (cine.findings, cine.timing_warnings)
    assert told[0][1] == (1, *cine.size)
    assert told[0][0] == pytest.approx(1 / len(cine))
    assert attempt == (1 if cine.is_color else 0)


def test_a_follower_sees_each_frame_and_only_within(tmp_path):
    seen = []
    stack = FrameStack("made here", 3)
    frame = np.full((20, 30), 7, np.uint8)
    with followed_by(lambda s: seen.append((len(s), s.expected, int(s.frame(len(s) - 1)[0, 0])))):
        stack.append(frame)
        stack.append(frame + 1)
        other = threading.Thread(target=lambda: FrameStack("elsewhere").append(frame))
        other.start()
        other.join()
    stack.append(frame)
    assert seen == [(1, 3, 7), (2, 3, 8)]


@pytest.fixture(scope="module")
def long_loop(tmp_path_factory):
    """A file that takes a while to read: 120 frames of 480x640, JPEG."""
    frames = np.repeat(beating_frames(8, 480, 640)[..., None], 3, axis=3)
    path = tmp_path_factory.mktemp("loop") / "long.dcm"
    return write_dicom(path, frames[np.arange(120) % 8], "1.2.840.10008.1.2.4.50", "YBR_FULL_422")


@pytest.fixture
def jobs(tmp_path):
    """Jobs on an empty scene with their own worker, ready; nothing is left of its folder."""
    pytest.importorskip("mrml_scene")
    from EchoKeyframeLib.panel.jobs.jobs import Jobs
    from mrml_scene import new_scene

    kept = new_scene(tmp_path)
    folder = tmp_path / "temporary"
    folder.mkdir()
    jobs = Jobs(lambda: kept.scene, Worker(parent_folder=folder))
    jobs.prepare()
    jobs.kept = kept
    jobs.nodes = set(node_names(kept.scene))
    yield jobs
    jobs.stop()
    assert not list(folder.iterdir())


def node_names(scene):
    return [scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())]


def new_nodes(jobs):
    return set(node_names(jobs.kept.scene)) - jobs.nodes


def run(jobs, until=lambda reports: False, seconds=60):
    """Poll until nothing is under way, or ``until`` holds for the reports so far."""
    reports, deadline = [], time.monotonic() + seconds
    while jobs.busy and not until(reports):
        assert time.monotonic() < deadline, "still busy"
        reports += jobs.poll()
        time.sleep(0.001)
    return reports


def begun(reports):
    return any(report.kind == "begun" for report in reports)


@pytest.mark.parametrize("frames", [beating_frames(), doppler_frames(), late_doppler()],
                         ids=["gray", "colour", "colour later"])  # fmt: skip
def test_what_was_added_while_reading_is_the_file(jobs, tmp_path, frames):
    from EchoKeyframeLib.scene import cine_from_sequence, frame_times, read_frame

    vector = [40, 20, 33, 47, 25, 31, 40, 28][: len(frames)]
    path = write_dicom(tmp_path / "loop.dcm", frames, FrameTimeVector=vector, FrameTime=None,
                       FrameIncrementPointer=0x00181065)  # fmt: skip
    job = jobs.load(path)
    kinds = [report.kind for report in run(jobs)]
    assert kinds[-1] == "loaded" and "begun" in kinds
    cine = read_cine(path)
    assert frame_times(job.sequence) == pytest.approx(cine.times, abs=1e-6)
    shown = np.stack([read_frame(job.sequence, i) for i in range(len(cine))])
    assert (shown == cine.frames).all()
    again = cine_from_sequence(job.sequence)
    assert again.source.sop_instance_uid == cine.source.sop_instance_uid
    assert len([name for name in new_nodes(jobs) if name.startswith("vtkMRMLSequence")]) == 2


def test_the_first_frame_is_there_before_the_file_is_read(jobs, long_loop):
    job = jobs.load(long_loop)
    run(jobs, begun)
    assert job.number in jobs._jobs  # the worker still reads
    assert 1 <= job.sequence.GetNumberOfDataNodes() < 120
    proxy = next(n for n in new_nodes(jobs) if "VolumeNode" in n and "Storage" not in n)
    assert jobs.kept.scene.GetNodeByID(proxy).GetImageData().GetDimensions() == (640, 480, 1)
    assert run(jobs)[-1].kind == "loaded"
    assert job.sequence.GetNumberOfDataNodes() == 120


def test_a_loop_that_is_still_loading_is_neither_listed_nor_detected_nor_saved(jobs, long_loop, tmp_path):
    from EchoKeyframeLib.panel.jobs.jobs import DetectorChoice
    from EchoKeyframeLib.scene import SceneError, image_sequences
    from mrml_scene import new_scene

    job = jobs.load(long_loop)
    run(jobs, lambda reports: begun(reports) and job.sequence.GetNumberOfDataNodes() > 5)
    assert image_sequences(jobs.kept.scene) == []
    with pytest.raises(SceneError, match="worked on"):
        jobs.detect(job.sequence, DetectorChoice("motion"))
    jobs.kept.scene.SetURL(str(tmp_path / "half.mrml"))
    jobs.kept.scene.Commit(str(tmp_path / "half.mrml"))
    half = new_scene(tmp_path)
    half.scene.SetURL(str(tmp_path / "half.mrml"))
    assert half.scene.Connect()
    assert half.scene.GetNumberOfNodesByClass("vtkMRMLSequenceNode") == 0
    assert half.scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") == 0
    assert run(jobs)[-1].kind == "loaded"
    assert image_sequences(jobs.kept.scene) == [job.sequence]
    nodes = [jobs.kept.scene.GetNodeByID(name) for name in new_nodes(jobs)]
    assert all(node.GetSaveWithScene() for node in nodes if not node.IsA("vtkMRMLDisplayNode"))


def test_cancel_in_the_middle_leaves_no_node(jobs, long_loop):
    jobs.load(long_loop)
    run(jobs, begun)
    jobs.cancel()
    assert run(jobs)[-1].kind == "cancelled"
    assert new_nodes(jobs) == set()


def test_a_worker_that_dies_in_the_middle_leaves_no_node_and_the_next_load_works(jobs, long_loop, sample_clip):
    import psutil

    jobs.load(long_loop)
    second = jobs.load(sample_clip)
    run(jobs, begun)
    psutil.Process(jobs.worker.pid).kill()
    reports = [report for report in run(jobs) if report.kind != "progress"]
    assert [report.kind for report in reports if report.job is not second] == ["failed"]
    assert reports[-1].kind == "loaded"
    assert [n for n in new_nodes(jobs) if n.startswith("vtkMRMLSequenceNode")] == [second.sequence.GetID()]


def test_a_sequence_removed_in_the_middle_is_told_and_nothing_comes_back(jobs, long_loop):
    job = jobs.load(long_loop)
    run(jobs, begun)
    jobs.kept.scene.RemoveNode(job.sequence)
    [report] = [report for report in run(jobs) if report.kind != "progress"]
    assert report.kind == "failed" and "removed" in report.message
    assert [n for n in new_nodes(jobs) if "Sequence" in n] == []


def test_labels_that_cannot_be_the_files_leave_no_node(jobs, long_loop):
    from EchoKeyframeLib.datasets.labels import ClipLabels

    jobs.load(long_loop, labels=ClipLabels("long.dcm", np.array([1.0]), np.array([3.0]), frames=7))
    report = run(jobs)[-1]
    assert report.kind == "failed" and "\n" not in report.message
    assert new_nodes(jobs) == set()


def test_a_loop_that_needs_more_memory_than_there_is_for_it_and_the_scenes_copy_is_told_before_it_begins(
    jobs, long_loop, monkeypatch
):
    jobs.worker.stop()
    monkeypatch.setitem(jobs.worker._environment, "ECHOKEYFRAME_MEMORY", "0.02")  # GB, by default half of what is there
    jobs.load(long_loop)
    [report] = [report for report in run(jobs) if report.kind != "progress"]
    assert report.kind == "failed"
    assert "memory" in report.message and "\n" not in report.message
    assert new_nodes(jobs) == set()


def test_a_file_that_ends_in_the_middle_of_a_frame_is_what_was_read_of_it(jobs, tmp_path):
    frames = beating_frames(9)
    path = write_dicom(tmp_path / "cut.dcm", frames)
    path.write_bytes(path.read_bytes()[: -2 * frames[0].size - 7])
    job = jobs.load(path)
    assert run(jobs)[-1].kind == "loaded"
    assert job.sequence.GetNumberOfDataNodes() == len(read_cine(path))
