"""Whatever is given as a cine file, reading gives a cine or a one-line error, and takes no memory to speak of."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from dicom_files import PATIENT, beating_frames, doppler_frames, write_dicom
from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.cine.read import read_cine
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    KeyObjectSelectionDocumentStorage,
    MediaStorageDirectoryStorage,
    RLELossless,
    generate_uid,
)

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEGBaseline8Bit]


def error_of(path: Path | str) -> str:
    """The one-line message that reading it ends with."""
    with pytest.raises(CineError) as error:
        read_cine(path)
    message = str(error.value)
    assert "\n" not in message and len(message) < 300 and PATIENT not in message
    return message


def test_text_named_dcm(tmp_path: Path) -> None:
    path = tmp_path / "notes.dcm"
    path.write_text("The quick brown fox jumps over the lazy dog.\n" * 200, encoding="utf-8")
    message = error_of(path)
    assert "notes.dcm" in message and "neither DICOM nor" in message


def test_random_bytes(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    for prefix in (b"", b"\x08\x00\x05\x00", b"\0" * 128 + b"DICM", b"RIFF\0\0\0\0AVI "):
        path = tmp_path / "bytes.dcm"
        path.write_bytes(prefix + random.bytes(5000))
        assert "bytes.dcm" in error_of(path)


def test_empty_file_folder_and_missing_file(tmp_path: Path) -> None:
    (tmp_path / "empty.dcm").touch()
    assert "is empty" in error_of(tmp_path / "empty.dcm")
    assert "folder" in error_of(tmp_path)
    assert "cannot be opened" in error_of(tmp_path / "missing.dcm")


@pytest.mark.parametrize("path", ["", "  ", "a\0b"])
def test_unusable_paths(path: str) -> None:
    assert "path" in error_of(path)


def test_file_without_permission(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(2))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert "cannot be opened" in error_of(path)


@pytest.mark.parametrize("name", ["Écho über 心臓.dcm", "no suffix", "video.avi", "clip.mp4"])
def test_content_decides_not_the_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "Ordner für Ärzte 心"
    folder.mkdir()
    cine = read_cine(write_dicom(folder / name, beating_frames()))
    assert len(cine) == 6 and cine.source.name == name


def test_video_named_dcm(tmp_path: Path, beating_video: Path) -> None:
    path = tmp_path / "clip.dcm"
    path.write_bytes(beating_video.read_bytes())
    assert len(read_cine(path)) == 60


def test_data_set_without_preamble(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(), ImplicitVRLittleEndian)
    data = path.read_bytes()
    length_of_meta = int.from_bytes(data[140:144], "little")
    path.write_bytes(data[144 + length_of_meta :])
    np.testing.assert_array_equal(read_cine(path).frames, beating_frames())


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_truncated_file_gives_the_frames_that_are_there(tmp_path: Path, syntax: str) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(12), syntax)
    whole = read_cine(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - (len(data) // 3)])
    cine = read_cine(path)
    assert 3 < len(cine) < 12
    np.testing.assert_array_equal(cine.frames, whole.frames[: len(cine)])
    np.testing.assert_array_equal(cine.times, whole.times[: len(cine)])
    assert any("says 12" in w and f"holds {len(cine)}" in w and "cut short" in w for w in cine.warnings)


@pytest.mark.parametrize("syntax", [*SYNTAXES, DeflatedExplicitVRLittleEndian])
def test_cut_anywhere_gives_a_cine_or_an_error(tmp_path: Path, syntax: str) -> None:
    data = write_dicom(tmp_path / "clip.dcm", beating_frames(3, 16, 16), syntax).read_bytes()
    path = tmp_path / "cut.dcm"
    for end in range(1, len(data), 29):
        path.write_bytes(data[:end])
        try:
            assert len(read_cine(path)) <= 3
        except CineError as error:
            assert "cut.dcm" in str(error)


def test_an_image_without_its_pixels_is_said_to_be_cut(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames())
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\xe0\x7f\x10\x00")])
    assert "ends before its images" in error_of(path)


def test_zero_frames(tmp_path: Path) -> None:
    frames = beating_frames(1)
    assert "no whole one" in error_of(write_dicom(tmp_path / "0.dcm", frames, pixel_data=b"", NumberOfFrames=0))
    path = write_dicom(tmp_path / "0j.dcm", frames, JPEGBaseline8Bit, NumberOfFrames=0)
    data = path.read_bytes()
    start = data.index(b"\xfe\xff\x00\xe0", data.index(b"\xe0\x7f\x10\x00"))
    path.write_bytes(data[:start] + b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0")
    assert "no whole one" in error_of(path)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEGLSLossless])
@pytest.mark.parametrize("number_of_frames", [1, None])
def test_one_frame_is_a_cine_of_one(tmp_path: Path, syntax: str, number_of_frames: int | None) -> None:
    cine = read_cine(write_dicom(tmp_path / "still.dcm", beating_frames(1), syntax, NumberOfFrames=number_of_frames))
    assert len(cine) == 1 and cine.times.tolist() == [0.0] and cine.fps is None


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("declared", [1, 4, 60, 2_000_000_000, -3])
def test_wrong_number_of_frames(tmp_path: Path, syntax: str, declared: int) -> None:
    cine = read_cine(write_dicom(tmp_path / "clip.dcm", beating_frames(12), syntax, NumberOfFrames=declared))
    assert len(cine) == 12
    assert any("holds 12 frames" in warning for warning in cine.warnings)


def test_a_damaged_frame_is_left_out_and_the_others_keep_their_times(tmp_path: Path) -> None:
    from dicom_files import encode

    coded = [encode(frame, JPEGLSLossless, "MONOCHROME2") for frame in beating_frames()]
    coded[2] = coded[2][:20] + b"\xff\xd9" * 4
    cine = read_cine(write_dicom(tmp_path / "clip.dcm", beating_frames(), JPEGLSLossless, encoded=coded))
    np.testing.assert_array_equal(cine.frames, np.delete(beating_frames(), 2, axis=0))
    np.testing.assert_allclose(cine.times, [0, 0.04, 0.12, 0.16, 0.2])
    assert any("1 of 6 frames are damaged" in warning for warning in cine.warnings)


def test_a_frame_in_several_fragments(tmp_path: Path) -> None:
    from dicom_files import encode

    coded = [encode(frame, JPEGBaseline8Bit, "MONOCHROME2") for frame in beating_frames()]
    pieces = [piece for data in coded for piece in (data[:100], data[100:300], data[300:])]
    whole = read_cine(write_dicom(tmp_path / "whole.dcm", beating_frames(), JPEGBaseline8Bit, encoded=coded))
    path = write_dicom(tmp_path / "p.dcm", beating_frames(), JPEGBaseline8Bit, encoded=pieces, NumberOfFrames=6)
    np.testing.assert_array_equal(read_cine(path).frames, whole.frames)


@pytest.mark.parametrize("syntax", [*SYNTAXES, JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("side", [8000, 20_000, 65_535])
def test_huge_header_without_data_allocates_nothing(tmp_path: Path, syntax: str, side: int) -> None:
    path = write_dicom(tmp_path / "huge.dcm", beating_frames(2), syntax, Rows=side, Columns=side, NumberOfFrames=900)
    tracemalloc.start()
    try:
        try:
            # A compressed frame that has a size of its own is read by that.
            assert read_cine(path).frames.shape == (2, 48, 64)
            assert syntax in (JPEGBaseline8Bit, JPEG2000Lossless, JPEGLSLossless)
        except CineError as error:
            assert "\n" not in str(error)
        assert tracemalloc.get_traced_memory()[1] < 30 << 20
    finally:
        tracemalloc.stop()


def test_deflated_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOKEYFRAME_MEMORY", "0.002")
    frames = np.zeros((40, 256, 256), np.uint8)
    assert "of memory decoded" in error_of(write_dicom(tmp_path / "bomb.dcm", frames, DeflatedExplicitVRLittleEndian))


def test_a_clip_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOKEYFRAME_MEMORY", "0.00001")
    assert "--memory" in error_of(write_dicom(tmp_path / "long.dcm", beating_frames()))


def test_volumes_over_time(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "4d.dcm", beating_frames(), SOPClassUID="1.2.840.10008.5.1.4.1.1.6.2")
    assert "3D+t" in error_of(path)


@pytest.mark.parametrize(
    ("sop_class", "words"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.33", "Comprehensive SR"),
        (EncapsulatedPDFStorage, "Encapsulated PDF"),
        (KeyObjectSelectionDocumentStorage, "Key Object"),
    ],
)
def test_dicom_without_images(tmp_path: Path, sop_class: str, words: str) -> None:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID, header.SOPInstanceUID, header.PatientName = sop_class, generate_uid(), PATIENT
    header.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    message = error_of(tmp_path / "report.dcm")
    assert words in message and "without images" in message


def test_dicomdir(tmp_path: Path) -> None:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    header.FileSetID, header.DirectoryRecordSequence = "DISC", []
    header.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    assert "Media Storage Directory" in error_of(tmp_path / "DICOMDIR")


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated", "PhotometricInterpretation"])
def test_missing_header_elements(tmp_path: Path, keyword: str) -> None:
    error_of(write_dicom(tmp_path / "clip.dcm", beating_frames(2), **{keyword: None}))


@pytest.mark.parametrize(
    "tags",
    [
        {"SamplesPerPixel": 4},
        {"BitsAllocated": 32, "BitsStored": 32},
        {"BitsAllocated": 1, "BitsStored": 1},
        {"PhotometricInterpretation": "CMYK"},
        {"PhotometricInterpretation": PATIENT},
        {"PhotometricInterpretation": "PALETTE COLOR"},
    ],
)
def test_impossible_pixel_formats(tmp_path: Path, tags: dict) -> None:
    error_of(write_dicom(tmp_path / "clip.dcm", beating_frames(2), **tags))


def test_black_clip_and_still_clip_are_cines(tmp_path: Path) -> None:
    black = np.zeros((5, 20, 30), np.uint8)
    np.testing.assert_array_equal(read_cine(write_dicom(tmp_path / "black.dcm", black)).frames, black)
    deep = read_cine(write_dicom(tmp_path / "deep.dcm", black.astype(np.uint16)))
    np.testing.assert_array_equal(deep.frames, black)
    still = np.repeat(doppler_frames(1), 5, axis=0)
    np.testing.assert_array_equal(read_cine(write_dicom(tmp_path / "still.dcm", still)).frames, still)


def test_nothing_is_printed_logged_or_warned(
    tmp_path: Path, capfd: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(), JPEGBaseline8Bit, FrameTime="0")
    data = path.read_bytes().replace(b"SECRET-ID", b"SECRET\x01\xffD")
    path.write_bytes(data.replace(b"YBR", b"RGB"))
    cine = read_cine(path)
    path.write_bytes(data[: len(data) // 2])
    read_cine(path)
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == "" and caplog.text == "" and len(recwarn) == 0
    assert "SECRET" not in repr(cine.source) + "".join(cine.warnings)
