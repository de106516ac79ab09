"""Bad input at the panel: one line for the person, no traceback, the scene otherwise untouched, no orphan process."""

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import slicer
from drawn_ventricle import write_video
from EchoKeyframeLib import scene
from panel_person import beating_sequence

TESTING = Path(__file__).resolve().parents[1]


def sequence_of(*volumes):
    """A sequence of these arrays as volumes, shaped as slicer takes them: [slices, rows, columns]."""
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "odd")
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    for i, array in enumerate(volumes):
        volume = slicer.vtkMRMLScalarVolumeNode()
        slicer.util.updateVolumeFromArray(volume, array)
        sequence.SetDataNodeAtValue(volume, str(i * 0.1))
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "odd browser")
    browser.AddSynchronizedSequenceNode(sequence)
    return sequence


def flat(size=16):
    return np.random.default_rng(size).integers(0, 255, (1, size, size), np.uint8)


ODD = {
    "one frame": (lambda: sequence_of(flat()), "1 frame"),
    "3D volumes": (lambda: sequence_of(*[np.zeros((4, 8, 8), np.uint8)] * 4), "3D"),
    "mixed sizes": (lambda: sequence_of(flat(), flat(), flat(20), flat()), "differs in size"),
    "no images": (lambda: text_sequence(), "image sequence is needed"),
    "empty": (lambda: slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "odd"), "empty"),
}  # fmt: skip


def text_sequence():
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "odd")
    for i in range(4):
        sequence.SetDataNodeAtValue(slicer.vtkMRMLTextNode(), str(i))
    return sequence


@pytest.mark.parametrize("kind", ODD)
def test_a_sequence_that_is_no_loop_is_told(person, kind):
    make, message = ODD[kind]
    sequence = make()
    person.choose(sequence)
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    person.press("detectButton")
    person.wait()
    assert message in person.status
    assert "\n" not in person.status
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_files_that_cannot_be_loaded_are_told(person, tmp_path):
    broken = tmp_path / "brocken é.dcm"
    broken.write_bytes(b"\0" * 128 + b"DICM" + b"nonsense")
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    for path in ("", str(tmp_path), str(tmp_path / "missing.dcm"), str(broken)):
        person.ui.filePathLineEdit.currentPath = path
        person.press("loadButton")
        person.wait()
        assert person.status
        assert "Traceback" not in person.status and "loaded" not in person.status
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_cancel_while_detecting_leaves_the_scene_as_it_was(person):
    person.choose(beating_sequence(count=400))
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    person.press("detectButton")
    person.wait(lambda: "detecting" in person.status)
    started = time.monotonic()
    person.press("cancelButton")
    person.wait()
    assert "cancelled" in person.status
    assert time.monotonic() - started < 30
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes
    assert person.table is None


def test_cancel_while_loading_leaves_no_half_sequence(person, tmp_path):
    from drawn_ventricle import beating_frames

    path = write_video(tmp_path / "loop.avi", beating_frames(count=400, size=480))
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    person.ui.filePathLineEdit.currentPath = str(path)
    person.press("loadButton")
    person.wait(lambda: slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceNode"))
    person.press("cancelButton")
    person.wait()
    assert "cancelled" in person.status
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_a_killed_worker_is_one_message_and_the_next_detection_works(person):
    sequence = beating_sequence(count=400)
    person.choose(sequence)
    person.press("detectButton")
    person.wait(lambda: "detecting" in person.status)
    psutil.Process(person.widget.logic.jobs.worker.pid).kill()
    person.wait()
    assert "ended" in person.status
    assert sequence.GetNodeReference("EchoKeyframe.KeyframeTable") is None
    person.choose(beating_sequence())
    person.press("detectButton")
    person.wait()
    assert person.found


def test_a_node_deleted_or_renamed_while_it_is_detected(person):
    gone, kept = beating_sequence(), beating_sequence()
    person.choose(gone)
    person.press("detectAllButton")
    kept.SetName("renamed")
    slicer.mrmlScene.RemoveNode(gone)
    said = []
    person.widget.say = lambda text, say=person.widget.say: (said.append(text), say(text))
    person.wait()
    del person.widget.say
    assert any("removed meanwhile" in text or "no longer in the scene" in text for text in said)
    assert scene.read_keyframes(scene.find_keyframe_table(kept))


def test_the_scene_closed_while_detecting_and_while_loading(person, sample_clip):
    person.choose(beating_sequence(count=300))
    person.press("detectButton")
    person.wait(lambda: "detecting" in person.status)
    slicer.mrmlScene.Clear()
    person.wait()
    assert person.found == []
    person.ui.filePathLineEdit.currentPath = str(sample_clip)
    person.press("loadButton")
    person.wait(lambda: slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceNode"))
    slicer.mrmlScene.Clear()
    person.wait()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceNode") == 0


def test_a_temporary_folder_that_cannot_be_written(person, monkeypatch, tmp_path):
    person.choose(beating_sequence())
    person.widget.logic.jobs.worker.stop()
    monkeypatch.setattr(person.widget.logic.jobs.worker, "_parent_folder", tmp_path / "missing")
    person.press("detectButton")
    assert "temporary folder" in person.status


@pytest.fixture
def nothing_installed(person, monkeypatch):
    """As if no package had been found yet."""
    from EchoKeyframeLib.panel.packages import dependencies

    monkeypatch.setattr(dependencies, "are_listed_there", lambda _requirements: False)


def test_packages_that_the_person_declines(person, nothing_installed, monkeypatch):
    def decline(requirements, **_):
        raise RuntimeError("The person declined to install packages.")

    monkeypatch.setattr(slicer.packaging, "pip_ensure", decline)
    person.choose(beating_sequence())
    person.press("detectButton")
    assert "declined" in person.status
    assert not person.widget.logic.jobs.busy


def test_pip_that_fails_is_one_line_in_the_panel(person, nothing_installed, monkeypatch):
    def fail(requirements, **_):
        raise subprocess.CalledProcessError(1, ["python", "-m", "pip", "install"])

    monkeypatch.setattr("slicer.packaging.pip_ensure", fail)
    person.choose(beating_sequence())
    person.press("detectButton")
    assert "could not be installed" in person.status
    assert "\n" not in person.status
    assert not person.widget.logic.jobs.busy


def test_the_sample_is_found_without_importing_pydicom(person, monkeypatch):
    from EchoKeyframeLib.panel.sample import sample_file

    for name in [name for name in sys.modules if name.partition(".")[0] == "pydicom"]:
        monkeypatch.delitem(sys.modules, name)
    assert sample_file().is_file()
    assert "pydicom" not in sys.modules


def test_scripts_find_the_sample_by_its_name(person):
    import SampleData
    from EchoKeyframeLib.panel.sample import NAME, sample_file

    assert Path(SampleData.downloadSample(NAME)).read_bytes() == sample_file().read_bytes()


def test_a_sample_that_differs_from_what_was_checked_is_not_kept(person, tmp_path):
    import SampleData
    from EchoKeyframeLib.panel import sample

    other = tmp_path / "other.dcm"
    other.write_bytes(b"other")
    logic = SampleData.SampleDataLogic()
    path = logic.downloadFile(other.as_uri(), str(tmp_path), "copy.dcm", sample.CHECKSUM)
    assert not Path(path).exists()


def test_an_unexpected_error_is_met_once_and_what_was_under_way_ends(person, monkeypatch):
    met = []

    def fail():
        met.append(1)
        raise ZeroDivisionError("a fault of the module")

    person.choose(beating_sequence())
    person.press("detectButton")
    monkeypatch.setattr(person.widget.logic.jobs, "poll", fail)
    person.wait(lambda: met)
    until = time.monotonic() + 0.2
    person.wait(lambda: time.monotonic() > until)
    assert len(met) == 1 and "unexpected error" in person.status
    assert not person.widget.logic.jobs.busy and not person.ui.cancelButton.enabled
    assert [type(error) for error in person.app.failures] == [ZeroDivisionError]
    person.app.failures.clear()
    monkeypatch.undo()
    person.press("detectButton")
    person.wait()
    assert person.found


def test_the_self_test_is_skipped_where_packages_are_missing(person, nothing_installed, monkeypatch):
    import unittest

    from EchoKeyframeLib.panel.packages import dependencies

    monkeypatch.setattr(dependencies, "missing", lambda _requirements: ["safetensors"])
    case = sys.modules["EchoKeyframe"].EchoKeyframeTest
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    assert result.testsRun == 2 and [why for _, why in result.skipped] == ["not installed: safetensors"] * 2
    assert result.wasSuccessful()
    said = []
    test = case()
    test.delayDisplay = said.append
    test.runTest()
    assert said == ["Skipped, not installed: safetensors"]


def test_slicers_start_imports_no_numpy_and_reads_no_sample(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        f"sys.path[:0] = {[str(TESTING), str(TESTING.parent / 'EchoKeyframe')]!r}\n"
        "import slicer_standin\n"
        f"app = slicer_standin.install(Path({str(tmp_path)!r}))\n"
        "for name in [name for name in sys.modules if name.partition('.')[0] in ('numpy', 'scipy', 'pydicom')]:\n"
        "    del sys.modules[name]\n"
        "sys.modules['numpy'] = None\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, words: opened.append(str(words[0])) if event == 'open' else None)\n"
        f"app.load_module(Path({str(TESTING.parent / 'EchoKeyframe' / 'EchoKeyframe.py')!r}))\n"
        "import slicer\n"
        "(source,) = slicer.modules.sampleDataSources['EchoKeyframe']\n"
        "assert not [name for name in opened if name.endswith('.dcm')], opened\n"
        "print(source.uris, source.checksums, flush=True)\n"
        "import os; os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "file:///" in done.stdout and "SHA256:" in done.stdout


NAMES_OF_PACKAGES = {"opencv-python-headless": "cv2", "pillow": "PIL"}


@pytest.mark.parametrize("installed", [False, True])
def test_opening_the_panel_imports_nothing_that_slicer_does_not_bring_and_no_scipy(tmp_path, installed):
    """The one is not there before a person was asked, the import of the other holds the application for a second.

    Where all is installed the background process starts; msgspec, which is small, reads what that one says.
    """
    listed = (TESTING.parent / "EchoKeyframe" / "Resources" / "requirements.txt").read_text("utf-8").split()
    names = [re.split("[><=]", entry)[0] for entry in listed]
    absent = {NAMES_OF_PACKAGES.get(name, name) for name in names if name != "numpy"}
    assert {"cv2", "msgspec", "onnxruntime", "safetensors", "imagecodecs", "scipy"} <= absent
    hidden = [] if installed else [name for name in names if name != "numpy"]
    absent -= {"msgspec"} if installed else set()
    code = (
        "import importlib.metadata as metadata, os, sys, time; from pathlib import Path\n"
        "version = metadata.version\n"
        "def as_installed(name):\n"
        f"    if name in {hidden!r}: raise metadata.PackageNotFoundError(name)\n"
        "    return version(name)\n"
        "metadata.version = as_installed\n"
        f"sys.path[:0] = {[str(TESTING), str(TESTING.parent / 'EchoKeyframe')]!r}\n"
        "import slicer_standin\n"
        f"app = slicer_standin.install(Path({str(tmp_path)!r}))\n"
        f"sys.modules.update(dict.fromkeys({sorted(absent)!r}))\n"
        f"app.load_module(Path({str(TESTING.parent / 'EchoKeyframe' / 'EchoKeyframe.py')!r}))\n"
        "app.select_module('EchoKeyframe')\n"
        "import slicer; widget = slicer.modules.EchoKeyframeWidget\n"
        f"assert widget.logic.jobs.worker.running is {installed}\n"
        "process, end = widget.logic.jobs.worker._process, time.monotonic() + 60\n"
        "while process and not process.mailbox.events.exists() and time.monotonic() < end: time.sleep(0.01)\n"
        "widget.cleanup(); os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
