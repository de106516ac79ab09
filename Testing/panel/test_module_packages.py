"""Packages of Slicer's Python: what counts as there, what is installed and what never is, what an old version left."""

from importlib.metadata import Distribution, PackageNotFoundError, version
from pathlib import Path

import pytest
from panel_person import beating_sequence


@pytest.fixture
def installed(person, monkeypatch, tmp_path):
    """Says that a distribution is there in a version, or is not (None); everything else is as it is."""
    from EchoKeyframeLib.panel.packages import dependencies

    found = Distribution.from_name
    monkeypatch.setattr(dependencies, "_there", set())

    def say(**versions):
        names = {name.replace("_", "-"): number for name, number in versions.items()}
        folder = tmp_path / "-".join(names)
        for name, number in names.items():
            info = folder / f"{name.replace('-', '_')}-{number}.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n", "utf-8")

        def from_name(name):
            if name not in names:
                return found(name)
            if names[name] is None:
                raise PackageNotFoundError(name)
            return Distribution.at(folder / f"{name.replace('-', '_')}-{names[name]}.dist-info")

        monkeypatch.setattr(Distribution, "from_name", from_name)

    return say


@pytest.fixture
def pip(person, monkeypatch):
    """What pip is asked to do; nothing is done."""
    import slicer.packaging

    said = []
    monkeypatch.setitem(slicer.packaging.pip_install.__globals__, "pip", said.append)
    return said


@pytest.fixture
def listed(person):
    return Path(person.widget.resourcePath("requirements.txt"))


@pytest.mark.parametrize("name", ["opencv_python", "opencv_contrib_python", "opencv_contrib_python_headless"])
def test_another_distribution_of_opencv_is_enough_and_nothing_is_installed_over_it(listed, installed, pip, name):
    from EchoKeyframeLib.panel.packages import dependencies

    installed(opencv_python_headless=None, **{name: "4.11.0.86"})
    assert dependencies.are_listed_there(listed)
    dependencies.ensure_listed(listed)
    assert pip == []


@pytest.mark.parametrize("name", ["onnxruntime_gpu", "onnxruntime_directml"])
@pytest.mark.parametrize("beside", [None, "1.20.0"])
def test_another_distribution_of_onnx_runtime_is_enough_alone_or_beside(listed, installed, pip, name, beside):
    from EchoKeyframeLib.panel.packages import dependencies

    installed(onnxruntime=beside, **{name: "1.22.0"})
    assert dependencies.are_listed_there(listed)
    dependencies.ensure_listed(listed)
    assert pip == []


def test_an_onnx_runtime_that_is_too_old_is_brought_up_to_date_under_its_own_name(listed, installed, pip):
    from EchoKeyframeLib.panel.packages import dependencies

    installed(onnxruntime=None, onnxruntime_gpu="1.17.0")
    dependencies.ensure_listed(listed)
    (words,) = pip
    assert words[:2] == ["install", "onnxruntime-gpu>=1.20"]


def test_an_opencv_that_is_too_old_is_brought_up_to_date_under_its_own_name(listed, installed, pip):
    from EchoKeyframeLib.panel.packages import dependencies

    installed(opencv_python_headless=None, opencv_python="4.8.1.78")
    assert not dependencies.are_listed_there(listed)
    dependencies.ensure_listed(listed)
    (words,) = pip
    assert words[:2] == ["install", "opencv-python>=4.11"]


def test_slicers_own_numpy_is_kept_whatever_is_installed(listed, installed, pip, monkeypatch):
    from EchoKeyframeLib.panel.packages import dependencies

    installed(safetensors=None)
    read = []

    def look(words):
        read.append(Path(words[words.index("-c") + 1]).read_text("utf-8"))
        pip.append(words)

    monkeypatch.setitem(dependencies.slicer.packaging.pip_install.__globals__, "pip", look)
    dependencies.ensure_listed(listed)
    assert pip[0][1] == "safetensors>=0.4" and read == [f"numpy=={version('numpy')}\n"]


def test_what_an_old_version_left_is_told_and_its_removal_offered(person, installed, pip):
    installed(python_gdcm="3.0.24.1")
    person.widget.exit()
    person.widget.enter()
    assert person.ui.removeLeftOverButton.isVisibleTo(person.ui.advancedSection)
    assert "python-gdcm" in person.status and pip == []
    installed(python_gdcm=None)
    person.press("removeLeftOverButton")
    assert pip == [["uninstall", "python-gdcm", "--yes"]] and "removed" in person.status
    assert not person.ui.removeLeftOverButton.isVisibleTo(person.ui.advancedSection)


def test_nothing_is_offered_where_nothing_was_left(person, installed):
    installed(python_gdcm=None)
    person.widget.enter()
    assert not person.ui.removeLeftOverButton.isVisibleTo(person.ui.advancedSection)


def test_a_removal_that_fails_is_one_line(person, installed, monkeypatch):
    import subprocess

    import slicer.packaging

    def fail(words):
        raise subprocess.CalledProcessError(1, words)

    installed(python_gdcm="3.0.24.1")
    monkeypatch.setitem(slicer.packaging.pip_install.__globals__, "pip", fail)
    person.widget.enter()
    person.press("removeLeftOverButton")
    assert "could not be removed" in person.status and "\n" not in person.status


def test_declining_is_one_line_and_nothing_begins(person, installed):
    installed(safetensors=None)
    person.choose(beating_sequence())
    person.press("detectButton")
    assert "declined" in person.status and not person.widget.logic.jobs.busy
