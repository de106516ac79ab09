"""Uncompressed colour whose header is wrong on how it lies: the picture is believed where it leaves no doubt."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from dicom_files import beating_frames, doppler_frames, write_dicom
from EchoKeyframeLib.cine.finding import FindingKind
from EchoKeyframeLib.cine.read import read_cine
from test_dicom_pixels import to_ybr


def speckled(frames: np.ndarray) -> np.ndarray:
    """With speckle, and the dark beside the sector, as echoes have."""
    count, height, width = frames.shape[:3]
    speckle = np.random.default_rng(1).gamma(2, 14, (count, height, width)).clip(0, 110)
    speckle = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in speckle]).astype(np.uint8)
    gray = frames if frames.ndim == 3 else frames.min(axis=3)
    lit = gray // 2 + speckle
    lit[:, :, : width // 4] = 0
    if frames.ndim == 3:
        return np.repeat(lit[..., None], 3, axis=3)
    return np.where(np.ptp(frames, axis=3, keepdims=True) > 0, frames, lit[..., None]).astype(np.uint8)


CLIPS = {"gray": speckled(beating_frames(6, 96, 128)), "doppler": speckled(doppler_frames(6, 96, 128))}


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("lies", [0, 1])
def test_a_wrong_planar_configuration_is_told_and_the_picture_read(tmp_path: Path, clip, photometric, lies) -> None:
    frames = CLIPS[clip] if photometric == "RGB" else to_ybr(CLIPS[clip])
    sound = read_cine(write_dicom(tmp_path / "s.dcm", frames, photometric=photometric, planar=lies))
    told = [FindingKind.COLOUR] if clip == "doppler" else []
    assert [finding.kind for finding in sound.findings] == told and sound.is_color == bool(told)
    path = write_dicom(tmp_path / "a.dcm", frames, photometric=photometric, planar=lies, PlanarConfiguration=1 - lies)
    cine = read_cine(path)
    assert np.array_equal(cine.frames, sound.frames)
    finding, *rest = cine.findings
    assert [more.kind for more in rest] == told
    assert finding.kind is FindingKind.PHOTOMETRIC and f"({1 - lies}) but gray pixels show" in finding.text


def tinted(frames: np.ndarray) -> np.ndarray:
    return (frames * np.array([1.0, 0.8, 0.5])).astype(np.uint8)


@pytest.mark.parametrize("frames", [
    tinted(CLIPS["gray"]), tinted(CLIPS["doppler"]), np.full((4, 96, 129, 3), (200, 30, 30), np.uint8),
    np.zeros((4, 96, 129, 3), np.uint8), np.full((4, 96, 128, 3), 128, np.uint8),
    np.random.default_rng(0).integers(0, 255, (4, 96, 129, 3), dtype=np.uint8),
    np.repeat(np.linspace(0, 255, 129).astype(np.uint8)[None, None, :, None], 96, 1).repeat(4, 0).repeat(3, 3),
])  # fmt: skip
@pytest.mark.parametrize("planar", [0, 1])
def test_what_leaves_a_doubt_is_read_as_the_header_says(tmp_path: Path, frames, planar) -> None:
    path = write_dicom(tmp_path / "a.dcm", frames, planar=planar)
    cine = read_cine(path)
    assert not any("PlanarConfiguration" in warning for warning in cine.warnings)
    gray = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])
    assert np.array_equal(cine.frames, frames if cine.is_color else gray)
