"""Thousands of damaged DICOM and AVI files: each gives a cine or a CineError, and nothing else happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from dicom_files import JPEG_XL_LOSSLESS, PATIENT, beating_frames, doppler_frames, region, write_dicom
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

CASES = 2200
PARTS = 4
LARGEST = 700 << 20  # bytes of memory that the process may use at most, libraries included
WORKER = Path(__file__).parents[1] / "fuzz_worker.py"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Small sound files whose mutants are read."""
    folder = tmp_path_factory.mktemp("seeds")
    gray, color = beating_frames(4, 16, 24), doppler_frames(4, 24, 32)
    tags = {
        "FrameTimeVector": [0, 40, 40, 40], "FrameIncrementPointer": 0x00181065, "HeartRate": 60,
        "RWaveTimeVector": [0.0, 100.0], "SequenceOfUltrasoundRegions": [region(2, 2, 20, 14, 0.1)],
        "EffectiveDuration": 0.16,
    }  # fmt: skip
    files = [
        write_dicom(folder / "explicit.dcm", gray, ExplicitVRLittleEndian, **tags),
        write_dicom(folder / "implicit.dcm", gray.astype(np.uint16), ImplicitVRLittleEndian, **tags),
        write_dicom(folder / "rle.dcm", color, RLELossless, **tags),
        write_dicom(folder / "jpeg.dcm", color, JPEGBaseline8Bit, **tags),
        write_dicom(folder / "lossless.dcm", gray, JPEGLosslessSV1, **tags),
        write_dicom(folder / "jpeg-ls.dcm", gray, JPEGLSLossless, **tags),
        write_dicom(folder / "jpeg-2000.dcm", gray, JPEG2000Lossless, **tags),
        write_dicom(folder / "htj2k.dcm", color, HTJ2KLossless, **tags),
        write_dicom(folder / "jpeg-xl.dcm", color, JPEG_XL_LOSSLESS, **tags),
        write_dicom(folder / "12-bit.dcm", gray.astype(np.uint16) * 16, JPEGExtended12Bit, **tags),
    ]
    video = folder / "motion-jpeg.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (32, 24))
    for frame in color:
        writer.write(frame)
    writer.release()
    assert all(PATIENT.encode() in file.read_bytes() for file in files)
    return [*files, video]


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_headers_give_a_cine_or_a_cine_error(seeds: list[Path], tmp_path: Path, part: int) -> None:
    # Processes of their own: a crash of a native decoder must show as a failure, not end the test run.
    log, cases = tmp_path / "progress.json", CASES // PARTS
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(WORKER), str(part * cases), str(cases), str(tmp_path), str(log), *map(str, seeds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=environment)
    progress = json.loads(log.read_text(encoding="utf-8"))
    assert done.returncode == 0, f"ended with {done.returncode} at {progress}: {done.stderr[-2000:]}"
    report = json.loads(done.stdout)
    assert report["unexplained"] == []
    assert report["cases"] == cases
    assert report["cines"] > cases // 20 and report["errors"] > cases // 20, report
    assert report["peak_bytes"] < LARGEST, report
    assert PATIENT not in done.stdout + done.stderr
