"""DICOM files that are not written as their transfer syntax says are read as they are written, and it is told."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import numpy as np
import pytest
from dicom_files import (
    JPEG_XL_LOSSLESS,
    beating_frames,
    claim_syntax,
    doppler_frames,
    encode,
    pixel_items,
    write_dicom,
)
from EchoKeyframeLib.cine.cine import Cine, CineError
from EchoKeyframeLib.cine.finding import FindingKind
from EchoKeyframeLib.cine.read import read_cine, read_header
from hostile_files import scans_jpeg
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from video_streams import H264, HEVC, MPEG2

NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
CODED = [RLELossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless, JPEG_XL_LOSSLESS]


def told(cine: Cine) -> bool:
    """Whether a finding about the syntax stands among the warnings, too."""
    return any(f.kind is FindingKind.SYNTAX and f.text in cine.warnings for f in cine.findings)


@pytest.mark.parametrize("claimed", NATIVE)
@pytest.mark.parametrize("written", NATIVE)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_the_header_is_read_as_it_is_written(tmp_path: Path, written: str, claimed: str, kind: type) -> None:
    frames = beating_frames(5).astype(kind)
    path = write_dicom(tmp_path / "clip.dcm", frames, written, WindowCenter=128, WindowWidth=256)
    sound = read_cine(path)
    cine = read_cine(claim_syntax(path, claimed))
    np.testing.assert_array_equal(cine.frames, sound.frames)
    assert cine.fps == pytest.approx(25) and told(cine) == (written != claimed)
    assert read_header(path).frames == 5


@pytest.mark.parametrize("claimed", [JPEGBaseline8Bit, RLELossless, JPEG2000Lossless, JPEG_XL_LOSSLESS])
@pytest.mark.parametrize("written", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_frames_that_are_not_compressed(tmp_path: Path, written: str, claimed: str) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(5), written)
    cine = read_cine(claim_syntax(path, claimed))
    np.testing.assert_array_equal(cine.frames, beating_frames(5))
    assert told(cine)


@pytest.mark.parametrize("claimed", [*NATIVE[:2], JPEGBaseline8Bit, *CODED])
@pytest.mark.parametrize("written", CODED)
def test_frames_of_another_codec(tmp_path: Path, written: str, claimed: str) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(5), written)
    cine = read_cine(claim_syntax(path, claimed))
    np.testing.assert_array_equal(cine.frames, beating_frames(5))
    same = written == claimed or {written, claimed} == {JPEG2000Lossless, HTJ2KLossless}
    assert told(cine) == (not same)


def test_an_unknown_syntax_of_a_known_codec(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "clip.dcm", doppler_frames(4), JPEG2000Lossless)
    cine = read_cine(claim_syntax(path, "1.2.826.0.1.3680043.29"))
    np.testing.assert_array_equal(cine.frames, doppler_frames(4))
    assert told(cine)


def test_a_codestream_without_items(tmp_path: Path) -> None:
    frame = beating_frames(1)
    coded = encode(frame[0], JPEG2000Lossless, "MONOCHROME2")
    path = write_dicom(tmp_path / "still.dcm", frame, pixel_data=coded)
    np.testing.assert_array_equal(read_cine(claim_syntax(path, JPEG2000Lossless)).frames, frame)


def test_frames_without_an_offset_table_item(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(5), JPEG2000Lossless)
    (at, length), data = pixel_items(path)[0], path.read_bytes()
    path.write_bytes(data[: at - 8] + data[at + length :])
    np.testing.assert_array_equal(read_cine(path).frames, beating_frames(5))


def test_a_deflated_file_with_bytes_behind_it_ends(tmp_path: Path) -> None:
    frames = np.zeros((40, 256, 256), np.uint8)
    path = write_dicom(tmp_path / "clip.dcm", frames, DeflatedExplicitVRLittleEndian)
    path.write_bytes(path.read_bytes() + b"\0\0\0")
    assert read_cine(path).frames.shape == frames.shape


def test_a_header_that_is_filled_with_zeros_ends_where_they_begin(tmp_path: Path) -> None:
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian):
        path = write_dicom(tmp_path / "clip.dcm", beating_frames(2), syntax)
        data = path.read_bytes()
        mark = b"\x28\x00\x10\x00" if syntax != ExplicitVRBigEndian else b"\x00\x28\x00\x10"
        path.write_bytes(data[: data.index(mark)] + bytes(40 << 20))
        with pytest.raises(CineError, match="ends before its images"):
            read_cine(path)


def test_a_deflated_file_cut_and_filled_with_zeros_is_one_line(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(12), DeflatedExplicitVRLittleEndian)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(1 << 16))
    try:
        assert 0 < len(read_cine(path)) <= 12
    except CineError as error:
        assert "\n" not in str(error)
    assert zlib.crc32(data)


def test_a_jpeg_of_thousands_of_scans_is_left_out(tmp_path: Path) -> None:
    coded = [encode(frame, JPEGBaseline8Bit, "MONOCHROME2") for frame in beating_frames(3)]
    scan = coded[1][coded[1].index(b"\xff\xda") : -2]
    coded[1] = coded[1][:-2] + scan * 500 + b"\xff\xd9" + b"\0" * (len(scan * 500) % 2)
    cine = read_cine(write_dicom(tmp_path / "clip.dcm", beating_frames(3), JPEGBaseline8Bit, encoded=coded))
    assert [cine.source.frame_number(i) for i in range(len(cine))] == [1, 3]


def test_a_progressive_jpeg_of_thousands_of_scans_is_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", beating_frames(2, 64, 64), JPEGBaseline8Bit, encoded=[scans_jpeg()] * 2)
    with pytest.raises(CineError) as error:
        read_cine(path)
    assert "\n" not in str(error.value)


def test_nested_sequences_are_one_line(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(2), ImplicitVRLittleEndian)
    data = path.read_bytes()
    at = data.index(b"\x28\x00\x02\x00")
    nested = (b"\x18\x00\x11\x60\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * 5000
    path.write_bytes(data[:at] + nested)
    with pytest.raises(CineError) as error:
        read_cine(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


VIDEO_SYNTAXES = [f"1.2.840.10008.1.2.4.{last}" for last in (100, 102, 107)]


@pytest.mark.parametrize("claimed", [ExplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless, *VIDEO_SYNTAXES])
@pytest.mark.parametrize("stream", [H264, HEVC, MPEG2])
def test_a_video_stream_whatever_the_syntax_says(tmp_path: Path, stream: str, claimed: str) -> None:
    data = base64.b64decode(stream)
    short = data.replace(b"\0\0\0\1", b"\0\0\1", 1)
    for pieces in ([data], [short], [data[:200], data[200:]]):
        path = write_dicom(tmp_path / "a.dcm", doppler_frames(8), JPEGBaseline8Bit, encoded=pieces)
        cine = read_cine(claim_syntax(path, claimed))
        assert len(cine) >= 7 and np.ptp(cine.frames.reshape(len(cine), -1).mean(axis=1)) > 100
        assert told(cine) == (claimed not in VIDEO_SYNTAXES)


@pytest.mark.parametrize("claimed", [*VIDEO_SYNTAXES, JPEGBaseline8Bit, RLELossless])
@pytest.mark.parametrize("frames", [beating_frames(), doppler_frames(), beating_frames().astype(np.uint16) * 100])
def test_uncompressed_frames_whatever_the_syntax_says(tmp_path: Path, frames: np.ndarray, claimed: str) -> None:
    for written in NATIVE:
        path = write_dicom(tmp_path / "a.dcm", frames, written)
        expected = read_cine(path).frames
        cine = read_cine(claim_syntax(path, claimed))
        assert np.array_equal(cine.frames, expected) and told(cine)


def test_words_of_two_bytes_in_a_vendors_own_syntax_are_not_guessed(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", beating_frames().astype(np.uint16))
    with pytest.raises(CineError, match="convert it to an uncompressed transfer syntax"):
        read_cine(claim_syntax(path, "1.2.840.113619.5.2"))
