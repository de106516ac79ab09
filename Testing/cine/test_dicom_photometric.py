"""Colour space, samples and size of compressed frames where the DICOM header says something else."""

from __future__ import annotations

from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from dicom_files import beating_frames, doppler_frames, encode, write_dicom
from EchoKeyframeLib.cine.cine import Cine
from EchoKeyframeLib.cine.finding import FindingKind
from EchoKeyframeLib.cine.read import read_cine
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

SILENT = [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless]
TAGS = {True: ("RGB", "YBR_ICT", "YBR_RCT"), False: ("YBR_FULL", "YBR_FULL_422")}


def gray_echo(count: int = 4) -> np.ndarray:
    """RGB frames of a gray echo on black, as most are, with a small coloured patch."""
    frames = np.repeat(beating_frames(count, 60, 80)[..., None], 3, axis=3)
    frames[:, :, :20] = frames[:, :, 60:] = 0
    frames[:, 5:10, 64:76] = (240, 160, 20)
    return frames


def to_ybr(rgb: np.ndarray) -> np.ndarray:
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]] for frame in rgb])


def luma(rgb: np.ndarray) -> np.ndarray:
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in rgb])


def told(cine: Cine, kind: FindingKind = FindingKind.PHOTOMETRIC) -> bool:
    return any(finding.kind is kind and finding.text in cine.warnings for finding in cine.findings)


def without_markers(jpeg: bytes) -> bytes:
    """The JPEG without its JFIF and Adobe segments, which name a colour space."""
    at, kept = 2, jpeg[:2]
    while jpeg[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        kept += b"" if jpeg[at + 1] in (0xE0, 0xEE) else jpeg[at:end]
        at = end
    coded = kept + jpeg[at:]
    return coded + b"\0" * (len(coded) % 2)


def named(jpeg: bytes, names: bytes) -> bytes:
    """The JPEG with these component names in place of 1, 2, 3."""
    data = bytearray(without_markers(jpeg))
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    for i, name in enumerate(names):
        data[frame + 10 + 3 * i] = data[scan + 5 + 2 * i] = name
    return bytes(data)


def rgb_jpeg(frame: np.ndarray) -> bytes:
    return imagecodecs.jpeg8_encode(frame, 95, colorspace="RGB", outcolorspace="RGB", subsampling="444")


def ycbcr_jpeg(frame: np.ndarray) -> bytes:
    return imagecodecs.jpeg8_encode(frame, 95, colorspace="RGB", outcolorspace="YCBCR", subsampling="444")


@pytest.mark.parametrize("is_rgb", [True, False], ids=["RGB", "YCbCr"])
@pytest.mark.parametrize("syntax", SILENT)
def test_the_picture_decides_where_the_codestream_says_nothing(tmp_path: Path, syntax: str, is_rgb: bool) -> None:
    frames = gray_echo()
    stored = frames if is_rgb else to_ybr(frames)
    coded = None
    if syntax != ExplicitVRLittleEndian:
        coded = [encode(frame, syntax, "RGB") for frame in stored]
    for tagged_rgb, tags in TAGS.items():
        for tag in tags:
            cine = read_cine(write_dicom(tmp_path / "clip.dcm", stored, syntax, tag, encoded=coded))
            assert np.abs(cine.frames.astype(int) - luma(frames)).max() <= 2, tag
            assert told(cine) == (tagged_rgb != is_rgb), tag


def test_color_doppler_tagged_wrongly_keeps_its_colors(tmp_path: Path) -> None:
    frames = doppler_frames(6, 96, 128)
    cine = read_cine(write_dicom(tmp_path / "rgb.dcm", frames, photometric="YBR_FULL"))
    np.testing.assert_array_equal(cine.frames, frames)
    cine = read_cine(write_dicom(tmp_path / "ybr.dcm", to_ybr(frames), photometric="RGB"))
    assert np.abs(cine.frames.astype(int) - frames).max() <= 3 and told(cine)


@pytest.mark.parametrize("tag", ["RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT"])
@pytest.mark.parametrize("made", ["JFIF", "silent YCbCr", "Adobe RGB", "silent RGB", "RGB by name", "rgb by name"])
def test_jpeg_of_either_space_under_any_tag(tmp_path: Path, made: str, tag: str) -> None:
    frames = gray_echo()
    make = {
        "JFIF": ycbcr_jpeg, "silent YCbCr": lambda f: without_markers(ycbcr_jpeg(f)),
        "Adobe RGB": rgb_jpeg, "silent RGB": lambda f: named(rgb_jpeg(f), b"\1\2\3"),
        "RGB by name": lambda f: named(rgb_jpeg(f), b"RGB"), "rgb by name": lambda f: named(rgb_jpeg(f), b"rgb"),
    }[made]  # fmt: skip
    coded = [data + b"\0" * (len(data) % 2) for data in map(make, frames)]
    cine = read_cine(write_dicom(tmp_path / "clip.dcm", frames, JPEGBaseline8Bit, tag, encoded=coded))
    assert np.abs(cine.frames.astype(int) - luma(frames)).mean() < 3
    assert cine.frames[:, 30:, :8].max() < 12, "black is black"
    assert told(cine) == (("RGB" in made.upper()) != (tag in TAGS[True]))


@pytest.mark.parametrize("tag", ["RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT"])
def test_jpeg_2000_with_its_color_transform_is_rgb(tmp_path: Path, tag: str) -> None:
    frames = doppler_frames(4, 60, 80)
    coded = [encode(frame, JPEG2000Lossless, "YBR_RCT") for frame in frames]
    cine = read_cine(write_dicom(tmp_path / "clip.dcm", frames, JPEG2000Lossless, tag, encoded=coded))
    np.testing.assert_array_equal(cine.frames, frames)
    assert told(cine) == tag.startswith("YBR_FULL")


def test_chroma_that_is_subsampled_without_a_word(tmp_path: Path) -> None:
    frames = gray_echo()
    frames[:, :, 1::2] = frames[:, :, ::2]
    ybr = to_ybr(frames)
    pairs = np.concatenate([ybr[..., 0].reshape(-1, 2), ybr[:, :, ::2, 1:].reshape(-1, 2)], axis=1)
    for tag in ("RGB", "YBR_FULL"):
        path = write_dicom(tmp_path / "clip.dcm", frames, photometric=tag, pixel_data=pairs.tobytes())
        cine = read_cine(path)
        assert len(cine) == len(frames) and told(cine)
        assert np.abs(cine.frames.astype(int) - luma(frames)).max() <= 2


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_gray_frames_that_the_header_calls_color_and_the_reverse(tmp_path: Path, syntax: str) -> None:
    gray, color = beating_frames(4), doppler_frames(4)
    coded = [encode(frame, syntax, "MONOCHROME2") for frame in gray]
    whole = read_cine(write_dicom(tmp_path / "sound.dcm", gray, syntax, encoded=coded))
    cine = read_cine(write_dicom(tmp_path / "gray.dcm", color, syntax, "RGB", encoded=coded))
    np.testing.assert_array_equal(cine.frames, whole.frames)
    assert told(cine)
    coded = [encode(frame, syntax, "RGB") for frame in color]
    whole = read_cine(write_dicom(tmp_path / "sound.dcm", color, syntax, encoded=coded))
    cine = read_cine(write_dicom(tmp_path / "color.dcm", gray, syntax, "MONOCHROME2", encoded=coded))
    np.testing.assert_array_equal(cine.frames, whole.frames)
    assert told(cine)


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("size", [{"Rows": 64, "Columns": 48}, {"Rows": 24, "Columns": 32}, {"Rows": 50}])
def test_frames_of_another_size_than_the_header_says(tmp_path: Path, syntax: str, size: dict) -> None:
    frames = beating_frames(4)
    whole = read_cine(write_dicom(tmp_path / "sound.dcm", frames, syntax))
    cine = read_cine(write_dicom(tmp_path / "clip.dcm", frames, syntax, **size))
    np.testing.assert_array_equal(cine.frames, whole.frames)
    assert told(cine, FindingKind.SYNTAX)


def test_frames_of_more_bits_than_the_header_says(tmp_path: Path) -> None:
    frames = beating_frames(4).astype(np.uint16) * 16
    coded = [encode(frame, JPEGLosslessSV1, "MONOCHROME2") for frame in frames]
    cine = read_cine(write_dicom(tmp_path / "c.dcm", beating_frames(4), JPEGLosslessSV1, encoded=coded))
    low, high = int(frames.min()), int(frames.max())
    assert np.abs(cine.frames - (frames - float(low)) * 255 / (high - low)).max() <= 1 and told(cine)


def test_a_picture_that_leaves_no_doubt_is_believed_against_header_and_codestream(tmp_path: Path) -> None:
    rgb = np.repeat(beating_frames(4, 60, 80)[..., None], 3, axis=3)
    rgb[:, :, :30] = rgb[:, :, 60:] = 0
    adobe = b"\xff\xee\0\x0eAdobe\0d\0\0\0\0"
    for samples, transform, tag in ((to_ybr(rgb), 0, "RGB"), (rgb, 1, "YBR_FULL")):
        jpegs = [without_markers(encode(frame, JPEGBaseline8Bit, "YBR_FULL")) for frame in samples]
        said = [data[:2] + adobe + bytes([transform]) + data[2:] for data in jpegs]
        cine = read_cine(write_dicom(tmp_path / "a.dcm", samples, JPEGBaseline8Bit, tag, encoded=said))
        assert np.abs(cine.frames - luma(rgb).astype(int)).max() < 12 and told(cine)
