"""DICOM pixel data of every kind come out as the gray or RGB frames that went in."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import video_streams
from dicom_files import JPEG_XL, JPEG_XL_LOSSLESS, beating_frames, doppler_frames, encode, write_dicom
from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.cine.read import read_cine
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
LOSSLESS = [
    RLELossless, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless, JPEG_XL_LOSSLESS,
]  # fmt: skip
LOSSY = [JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, HTJ2K, JPEG_XL]


def difference(a: np.ndarray, b: np.ndarray) -> int:
    """Largest difference; fails on differing shapes."""
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def to_ybr(rgb: np.ndarray) -> np.ndarray:
    """YBR_FULL (Y Cb Cr, full range) of RGB frames."""
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]] for frame in rgb])


def tinted(gray: np.ndarray, color: tuple[float, float, float]) -> np.ndarray:
    """RGB frames whose colour depends on nothing but the gray level."""
    return np.rint(gray[..., None] * np.array(color)).astype(np.uint8)


@pytest.mark.parametrize("syntax", NATIVE + LOSSLESS, ids=lambda s: UID(s).keyword or s)
@pytest.mark.parametrize("columns", [64, 45])
def test_lossless_gray_and_color_are_exact(tmp_path: Path, syntax: str, columns: int) -> None:
    gray, color = beating_frames(columns=columns, rows=36), doppler_frames(columns=columns, rows=36)
    assert difference(read_cine(write_dicom(tmp_path / "gray.dcm", gray, syntax)).frames, gray) == 0
    assert difference(read_cine(write_dicom(tmp_path / "color.dcm", color, syntax)).frames, color) == 0


@pytest.mark.parametrize("syntax", LOSSY, ids=lambda s: UID(s).keyword or s)
def test_lossy_gray_is_close(tmp_path: Path, syntax: str) -> None:
    frames = beating_frames(columns=45)
    cine = read_cine(write_dicom(tmp_path / "clip.dcm", frames, syntax))
    assert difference(cine.frames, frames) <= 10
    assert cine.source.encoding == {JPEG_XL: "JPEG XL"}.get(syntax, UID(syntax).name)


@pytest.mark.parametrize("syntax", [*NATIVE, *LOSSLESS], ids=lambda s: UID(s).keyword or s)
def test_16_bits_are_scaled_once_for_the_whole_clip(tmp_path: Path, syntax: str) -> None:
    frames = beating_frames().astype(np.uint16) * 200 + 1000
    low, high = int(frames.min()), int(frames.max())
    cine = read_cine(write_dicom(tmp_path / "clip.dcm", frames, syntax))
    assert difference(cine.frames, np.rint((frames - low) * (255 / (high - low)))) <= 1


def test_16_bits_follow_the_window_and_the_rescale(tmp_path: Path) -> None:
    frames = np.tile(np.array([0, 100, 200, 300, 1000], np.uint16), (1, 16, 4))
    tags = {"WindowCenter": 400.5, "WindowWidth": 401, "RescaleSlope": 2, "RescaleIntercept": 0}
    cine = read_cine(write_dicom(tmp_path / "clip.dcm", frames, **tags))
    assert cine.frames[0, 0, :5].tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", NATIVE, ids=lambda s: UID(s).keyword or s)
def test_both_planar_configurations(tmp_path: Path, syntax: str, planar: int) -> None:
    frames = doppler_frames()
    assert difference(read_cine(write_dicom(tmp_path / "c.dcm", frames, syntax, planar=planar)).frames, frames) == 0


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    gray = beating_frames()
    cine = read_cine(write_dicom(tmp_path / "8.dcm", 255 - gray, photometric="MONOCHROME1"))
    assert difference(cine.frames, gray) == 0
    deep = (255 - gray).astype(np.uint16) * 257
    window = {"WindowCenter": 32768, "WindowWidth": 65536}
    cine = read_cine(write_dicom(tmp_path / "16.dcm", deep, photometric="MONOCHROME1", **window))
    assert difference(cine.frames, gray) <= 1


def test_palette_color_is_applied(tmp_path: Path) -> None:
    index = (doppler_frames()[..., 0] // 2).astype(np.uint8)
    palette = np.random.default_rng(3).integers(0, 256, (256, 3), dtype=np.uint8)
    names = ("Red", "Green", "Blue")
    tags = {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in names}
    for name, column in zip(names, palette.T, strict=True):
        tags[f"{name}PaletteColorLookupTableData"] = (column.astype("<u2") << 8).tobytes()
    cine = read_cine(write_dicom(tmp_path / "clip.dcm", index, photometric="PALETTE COLOR", **tags))
    assert difference(cine.frames, palette[index]) == 0


@pytest.mark.parametrize("planar", [0, 1])
def test_ybr_full_becomes_rgb(tmp_path: Path, planar: int) -> None:
    frames = doppler_frames()
    path = write_dicom(tmp_path / "clip.dcm", to_ybr(frames), photometric="YBR_FULL", planar=planar)
    assert difference(read_cine(path).frames, frames) <= 3


def test_uncompressed_ybr_full_422_becomes_rgb(tmp_path: Path) -> None:
    frames = doppler_frames()
    ybr = to_ybr(np.repeat(frames[:, :, ::2], 2, axis=2))  # neighbours alike, so that subsampling loses nothing
    luma, chroma = ybr[..., 0].reshape(-1, 2), ybr[:, :, ::2, 1:].reshape(-1, 2)
    data = np.concatenate([luma, chroma], axis=1).tobytes()
    path = write_dicom(tmp_path / "clip.dcm", ybr, photometric="YBR_FULL_422", pixel_data=data)
    assert difference(read_cine(path).frames, np.repeat(frames[:, :, ::2], 2, axis=2)) <= 3


@pytest.mark.parametrize("adobe", [None, 0, 1])
def test_jpeg_baseline_color(tmp_path: Path, adobe: int | None) -> None:
    frames = doppler_frames(rows=48, columns=64)
    stored = frames if adobe == 0 else to_ybr(frames)
    coded = [encode(frame, JPEGBaseline8Bit, "RGB" if adobe == 0 else "YBR_FULL") for frame in stored]
    if adobe == 1:
        marker = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01"
        coded = [data[:2] + marker + data[4 + int.from_bytes(data[4:6], "big") :] for data in coded]
    photometric = "RGB" if adobe == 0 else "YBR_FULL_422"
    cine = read_cine(write_dicom(tmp_path / "c.dcm", stored, JPEGBaseline8Bit, photometric, encoded=coded))
    assert np.abs(cine.frames.astype(int) - frames).mean() < 4
    assert cine.frames[0, 16, 20, 0] > 150 > cine.frames[0, 16, 20, 2]  # red stays red


def test_gray_stored_as_color_becomes_gray(tmp_path: Path, sample_clip: Path) -> None:
    gray = read_cine(sample_clip).frames[:12]
    rgb = np.repeat(gray[..., None], 3, axis=3)
    assert difference(read_cine(write_dicom(tmp_path / "rgb.dcm", rgb)).frames, gray) == 0
    for i, frame in enumerate(rgb):
        frame[212:214, 20 : 21 + 12 * i] = (0, 255, 255)  # an ECG trace that grows
        frame[4:14, 200:230] = (250, 160, 20)  # a logo
    assert not read_cine(write_dicom(tmp_path / "trace.dcm", rgb)).is_color


@pytest.mark.parametrize("color", [(1.0, 0.85, 0.6), (0.7, 0.85, 1.0)])
def test_tinted_echo_is_gray(tmp_path: Path, sample_clip: Path, color: tuple[float, float, float]) -> None:
    echo = read_cine(sample_clip).frames
    cine = read_cine(write_dicom(tmp_path / "tint.dcm", tinted(echo, color)))
    assert not cine.is_color
    assert np.corrcoef(cine.frames.ravel(), echo.ravel())[0, 1] > 0.999


def test_color_that_appears_late_is_kept_in_every_frame(tmp_path: Path) -> None:
    frames = np.concatenate([np.repeat(beating_frames(5)[..., None], 3, axis=3), doppler_frames(6)])
    frames[2, 8:12, 8:12] = (220, 30, 30)
    assert difference(read_cine(write_dicom(tmp_path / "clip.dcm", frames)).frames, frames) == 0


def test_the_real_samples_have_their_colors_right(sample_clip: Path) -> None:
    cine = read_cine(sample_clip)
    assert not cine.is_color and cine.frames.shape == (30, 240, 320)
    assert cine.frames[:, 150:190, 100:240].std() > 20
    assert cine.frames[:, :30, 220:280].mean() < 25  # an empty corner is dark


@pytest.mark.parametrize(
    ("uid", "stream"),
    [
        ("1.2.840.10008.1.2.4.100", video_streams.MPEG2),
        ("1.2.840.10008.1.2.4.102", video_streams.H264),
        ("1.2.840.10008.1.2.4.107", video_streams.HEVC),
    ],
)
def test_embedded_video(tmp_path: Path, uid: str, stream: str) -> None:
    data = base64.b64decode(stream)
    half = len(data) // 4 * 2
    shape = np.zeros((8, 48, 64, 3), np.uint8)
    path = write_dicom(tmp_path / "clip.dcm", shape, uid, "YBR_PARTIAL_420", encoded=[data[:half], data[half:]])
    cine = read_cine(path)
    assert cine.frames.shape == (8, 48, 64)
    assert cine.fps == pytest.approx(25) and cine.timing == "FrameTime"
    np.testing.assert_allclose(np.diff(cine.frames.mean(axis=(1, 2))), 20 * 255 / 219, atol=3)


@pytest.mark.parametrize(
    ("uid", "words"),
    [
        ("1.2.826.0.1.3680043.29", ("1.2.826.0.1.3680043.29", "uncompressed")),
        ("1.2.840.10008.1.2.4.94", ("JPIP",)),
        ("1.2.840.10008.1.2.4.92", ("JPEG 2000 Part 2",)),
    ],
)
def test_syntaxes_without_a_decoder_are_named(tmp_path: Path, uid: str, words: tuple[str, ...]) -> None:
    # pydicom does not write syntaxes that it does not know, so one of the same length is exchanged.
    known = "1.2.840.10008.1.2.4.100" if len(uid) == 23 else "1.2.840.10008.1.2.4.90"
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(2), known, encoded=[b"1234", b"5678"])
    path.write_bytes(path.read_bytes().replace(known.encode(), uid.encode()))
    with pytest.raises(CineError) as error:
        read_cine(path)
    assert all(word in str(error.value) for word in words)


def test_12_bit_jpeg_is_scaled_once_for_the_whole_clip(tmp_path: Path) -> None:
    frames = beating_frames().astype(np.uint16) * 16
    low, high = int(frames.min()), int(frames.max())
    tags = {"BitsStored": 12, "HighBit": 11}
    cine = read_cine(write_dicom(tmp_path / "clip.dcm", frames, JPEGExtended12Bit, **tags))
    assert np.abs(cine.frames - (frames - float(low)) * (255 / (high - low))).mean() < 2


def test_planar_configuration_says_nothing_of_compressed_color(tmp_path: Path) -> None:
    frames = doppler_frames()
    for syntax in (JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless):
        cine = read_cine(write_dicom(tmp_path / "clip.dcm", frames, syntax, PlanarConfiguration=1))
        assert difference(cine.frames, frames) == 0, UID(syntax).name


def test_signed_samples_are_read_alike_in_every_codec(tmp_path: Path) -> None:
    frames = (beating_frames().astype(np.int16) * 16 - 2000).view(np.uint16) & 0x0FFF
    tags = {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1}
    native = read_cine(write_dicom(tmp_path / "native.dcm", frames, **tags)).frames
    assert native.min() == 0 and native.max() == 255
    for syntax in (RLELossless, JPEGLosslessSV1):
        assert difference(read_cine(write_dicom(tmp_path / "clip.dcm", frames, syntax, **tags)).frames, native) == 0


@pytest.mark.parametrize("module", ["gdcm", "torch", "SimpleITK"])
def test_no_other_library_is_asked_for(tmp_path: Path, module: str) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(2), JPEG2000Lossless)
    code = (
        f"import sys; sys.modules['{module}'] = None; from EchoKeyframeLib.cine.read import read_cine;"
        "print(len(read_cine(sys.argv[1])))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, env=environment)
    assert run.stdout.strip() == "2", run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gray", "color"])
def test_2000_frames_need_their_own_memory_and_a_constant(tmp_path: Path, kind: str) -> None:
    frames = beating_frames(8, 80, 100)
    if kind == "color":
        frames = np.stack([np.full_like(frames, 128)] * 3, axis=3)
        frames[..., 0] = beating_frames(8, 80, 100)
    photometric = "YBR_FULL" if kind == "color" else "MONOCHROME2"
    coded = [encode(frame, JPEGBaseline8Bit, photometric) for frame in frames]
    code = (
        "import sys; from EchoKeyframeLib.cine.read import read_cine; from fuzz_worker import peak_memory;"
        "c = read_cine(sys.argv[1]); print(c.frames.nbytes, peak_memory())"
    )
    beyond = {}
    for count in (8, 2000):
        path = tmp_path / f"{count}.dcm"
        many = (coded * 250)[:count]
        write_dicom(path, frames, JPEGBaseline8Bit, photometric, encoded=many, NumberOfFrames=count)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", code, str(path)]
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        size, peak = map(int, run.stdout.split())
        assert size == count * 80 * 100  # gray stored as colour takes no more
        beyond[count] = peak - size
    # Kept as RGB or twice they would take 15 to 46 MiB more.
    assert beyond[2000] - beyond[8] < 14 << 20
