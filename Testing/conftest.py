"""Clips that several tests work on."""

from __future__ import annotations

import json
import os
from pathlib import Path

if "PYTHONPATH" in os.environ:  # relative folders, too, must hold for processes that tests start elsewhere
    os.environ["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, os.environ["PYTHONPATH"].split(os.pathsep)))

if "PYTEST_XDIST_WORKER" in os.environ:  # several test processes: one thread each, also in what they start
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # read when NumPy and torch are imported, so before

import cv2
import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import Cine, Source

if "PYTEST_XDIST_WORKER" in os.environ:
    cv2.setNumThreads(1)

REPOSITORY = Path(__file__).resolve().parent.parent


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


def beating_frames(count: int = 60, fps: float = 30.0, rate: float = 60.0, size: int = 128) -> np.ndarray:
    """A bright ring in a speckled sector that is largest at t = 0 and contracts ``rate`` times a minute.

    Returns uint8 ``[count, size, size]``. A drawing, not a simulation: it shows that the machinery turns.
    """
    random = np.random.default_rng(7)
    rows, columns = np.mgrid[:size, :size]
    depth = np.hypot(columns - size / 2, rows)
    sector = (depth < size * 0.95) & (np.abs(columns - size / 2) < rows * 0.8)
    speckle = cv2.GaussianBlur(random.rayleigh(40.0, (size, size)).astype(np.float32), (0, 0), 1.2)
    frames = np.zeros((count, size, size), np.uint8)
    for index in range(count):
        scale = 1.0 + 0.22 * (1 + np.cos(2 * np.pi * index / fps * rate / 60)) / 2
        x = ((columns - size / 2) / scale + size / 2).astype(np.float32)
        y = ((rows - size * 0.55) / scale + size * 0.55).astype(np.float32)
        tissue = cv2.remap(speckle, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        radius = np.hypot((x - size / 2) / (size * 0.17), (y - size * 0.55) / (size * 0.24))
        wall = np.exp(-(((radius - 1.15) / 0.2) ** 2))
        image = tissue * (0.35 + 2.2 * wall) * np.where(radius < 0.95, 0.15, 1.0) * sector
        frames[index] = np.clip(image, 0, 255)
    return frames


def write_video(path: Path, frames: np.ndarray, fps: float = 30.0) -> Path:
    """Gray frames as a Motion JPEG AVI. OpenCV gets an ASCII name and the file is moved, for Windows' sake."""
    height, width = frames.shape[1:]
    plain = path.with_name("being-written.avi")
    writer = cv2.VideoWriter(str(plain), cv2.VideoWriter_fourcc(*"MJPG"), fps, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    plain.replace(path)
    return path


@pytest.fixture(scope="session")
def beating_cine() -> Cine:
    """Two seconds of a drawn ventricle at 60 beats a minute: ED at 0, 30, 60; ES at 15, 45."""
    frames = beating_frames()
    return Cine(frames, np.arange(len(frames)) / 30.0, Source("beating.avi"), timing="made here")


@pytest.fixture(scope="session")
def beating_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn ventricle as an AVI file."""
    return write_video(tmp_path_factory.mktemp("video") / "beating.avi", beating_frames())
