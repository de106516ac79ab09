"""Clips that several tests work on."""

from __future__ import annotations

import compileall
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

if "PYTHONPATH" in os.environ:  # relative folders, too, must hold for processes that tests start elsewhere
    os.environ["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, os.environ["PYTHONPATH"].split(os.pathsep)))

if "PYTEST_XDIST_WORKER" in os.environ:  # several test processes: one thread each, also in what they start
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # read when NumPy and torch are imported, so before

import cv2
import numpy as np
import pytest
from drawn_ventricle import beating_frames, write_video
from EchoKeyframeLib.cine.cine import Cine, Source

if "PYTEST_XDIST_WORKER" in os.environ:
    cv2.setNumThreads(1)

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Leave the files' order to what is below, not to the number of their tests, and compile the library where Python
    is not to: else each of the hundreds of processes that tests start does so."""
    config.option.loadscopereorder = False
    if sys.dont_write_bytecode and "PYTEST_XDIST_WORKER" not in os.environ:
        for folder in ("EchoKeyframe", "Testing/slicer_standin", "Testing/in_slicer"):
            compileall.compile_dir(REPOSITORY / folder, quiet=2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests begin: at the end, one process would work on them while the others wait."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def sample_clip() -> Path:
    """The real four-chamber loop in pydicom's wheel: 30 frames, ED 21, ES 5."""
    from pydicom.examples import get_path

    return Path(get_path("ybr_color"))


@pytest.fixture(scope="session")
def development_data() -> Path:
    """Folder with real labelled clips that are no part of the repository; the test is skipped where it is missing."""
    folder = Path(os.environ.get("ECHOKEYFRAME_DATA") or REPOSITORY.parent / "shared" / "data")
    if not (folder / "labels.json").is_file():
        pytest.skip("no development data (set ECHOKEYFRAME_DATA to its folder)")
    return folder


@pytest.fixture(scope="session")
def development_labels(development_data: Path) -> dict:
    """The contents of labels.json."""
    return json.loads((development_data / "labels.json").read_text(encoding="utf-8"))


@pytest.fixture
def person():
    """A person at the module's panel, on an empty scene of the Slicer stand-in; skipped without PySide6."""
    pytest.importorskip("PySide6.QtWidgets", reason="needs PySide6-Essentials and Qt's libraries", exc_type=ImportError)
    from panel_person import at_the_panel

    with at_the_panel() as person:
        yield person


@pytest.fixture(autouse=True, scope="module")
def no_export(request: pytest.FixtureRequest) -> Iterator[None]:
    """Trainings end without the minute that a graph of each small network takes: graphs come from bundled weights
    alone, but in test_onnx.py."""
    if request.path.parent.name not in ("training", "evaluation", "datasets"):
        yield
        return
    onnx_export = pytest.importorskip("EchoKeyframeLib.models.onnx_export", reason="needs torch", exc_type=ImportError)

    def refuse(*_: object) -> None:
        raise onnx_export.ExportError("not in this test")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_export, "export_graphs", refuse)
        yield


@pytest.fixture(scope="session")
def beating_cine() -> Cine:
    """Two seconds of a drawn ventricle at 60 beats a minute: ED at 0, 30, 60; ES at 15, 45."""
    frames = beating_frames()
    return Cine(frames, np.arange(len(frames)) / 30.0, Source("beating.avi"), timing="made here")


@pytest.fixture(scope="session")
def beating_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn ventricle as an AVI file."""
    return write_video(tmp_path_factory.mktemp("video") / "beating.avi", beating_frames())
