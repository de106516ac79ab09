"""Frames of a DICOM cine that are empty or damaged: the others keep their numbers and times, and it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_files import beating_frames, encode, pixel_items, write_dicom
from EchoKeyframeLib.cine.cine import Cine
from EchoKeyframeLib.cine.finding import FindingKind
from EchoKeyframeLib.cine.read import read_cine
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, RLELossless

CODECS = [JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, RLELossless]
COUNT, LOST = 12, 5  # frames, and the index of the lost one
OTHERS = [index for index in range(COUNT) if index != LOST]


def without_table(path: Path) -> None:
    (at, length), data = pixel_items(path)[0], path.read_bytes()
    path.write_bytes(data[: at - 4] + bytes(4) + data[at + length :])


def emptied(path: Path, index: int, keep_table: bool) -> None:
    """Make an item empty; the offset table stays as it was or is written anew."""
    items, data = pixel_items(path), bytearray(path.read_bytes())
    at, length = items[1 + index]
    if keep_table:
        table, count = items[0][0], items[0][1] // 4
        offsets = np.frombuffer(bytes(data[table : table + 4 * count]), "<u4").copy()
        offsets[index + 1 :] -= length
        data[table : table + 4 * count] = offsets.tobytes()
    data[at - 4 : at + length] = bytes(4)
    path.write_bytes(bytes(data))


def overwritten(path: Path, index: int, value: int, share: float = 1.0) -> None:
    at, length = pixel_items(path)[1 + index]
    data, size = bytearray(path.read_bytes()), int(length * share)
    data[at + length - size : at + length] = bytes([value]) * size
    path.write_bytes(bytes(data))


def check(cine: Cine, whole: Cine, lost: tuple[int, ...] = (LOST,)) -> None:
    kept = [index for index in range(len(whole)) if index not in lost]
    assert len(cine) == len(kept)
    np.testing.assert_array_equal(cine.frames, whole.frames[kept])
    np.testing.assert_allclose(cine.times, whole.times[kept])
    assert [cine.source.frame_number(i) for i in range(len(cine))] == [index + 1 for index in kept]
    findings = [finding for finding in cine.findings if finding.kind is FindingKind.LOST_FRAMES]
    assert len(findings) == 1 and f"{len(lost)} of {len(whole)} frames" in findings[0].text
    assert str(lost[0] + 1) in findings[0].text and findings[0].text in cine.warnings
    assert not any("cut short" in warning for warning in cine.warnings)


@pytest.fixture
def clip(tmp_path: Path):
    """Writes twelve frames and gives path and the cine as it was whole."""

    def make(syntax: str, pieces: int = 1) -> tuple[Path, Cine]:
        frames = beating_frames(COUNT)
        coded = [encode(frame, syntax, "MONOCHROME2") for frame in frames]
        size = [(len(data) // pieces + 1) & ~1 for data in coded]
        parts = [data[k * s : (k + 1) * s if k < pieces - 1 else None]
                 for data, s in zip(coded, size, strict=True) for k in range(pieces)]  # fmt: skip
        path = write_dicom(tmp_path / "clip.dcm", frames, syntax, encoded=parts)
        return path, read_cine(path)

    return make


@pytest.mark.parametrize("table", ["right", "stale", "none"])
@pytest.mark.parametrize("syntax", CODECS)
def test_an_empty_item(clip, syntax: str, table: str) -> None:
    path, whole = clip(syntax)
    emptied(path, LOST, keep_table=table == "right")
    if table == "none":
        without_table(path)
    check(read_cine(path), whole)


@pytest.mark.parametrize("has_table", [True, False])
@pytest.mark.parametrize("syntax", CODECS)
@pytest.mark.parametrize("value", [0, 0x55])
def test_an_item_that_is_overwritten(clip, syntax: str, value: int, has_table: bool) -> None:
    path, whole = clip(syntax)
    overwritten(path, LOST, value)
    if not has_table:
        without_table(path)
    check(read_cine(path), whole)


@pytest.mark.parametrize("syntax", CODECS)
def test_an_item_whose_end_is_zeroed(clip, syntax: str) -> None:
    path, whole = clip(syntax)
    overwritten(path, LOST, 0, 0.6)
    check(read_cine(path), whole)


def test_the_first_and_the_last_frame_and_neighbours(clip) -> None:
    path, whole = clip(JPEGBaseline8Bit)
    for index in (0, 6, 7, COUNT - 1):
        overwritten(path, index, 0)
    without_table(path)
    lost = (0, 6, 7, COUNT - 1)
    cine = read_cine(path)
    assert [cine.source.frame_number(i) for i in range(len(cine))] == [2, 3, 4, 5, 6, 9, 10, 11]
    np.testing.assert_array_equal(cine.frames, np.delete(whole.frames, lost, axis=0))
    assert "1, 7 to 8, 12" in cine.findings[0].text


@pytest.mark.parametrize("has_table", [True, False])
def test_a_frame_of_several_fragments(clip, has_table: bool) -> None:
    path, _ = clip(JPEGBaseline8Bit, 3)
    data = path.read_bytes().replace(b"IS\x02\x0036", b"IS\x02\x0012")
    path.write_bytes(data)
    without_table(path)
    whole = read_cine(path)
    assert len(whole) == COUNT and whole.warnings == ()
    for piece in range(3):
        overwritten(path, 3 * LOST + piece, 0)
    check(read_cine(path), whole)


def test_an_empty_item_at_the_end_is_no_frame(clip) -> None:
    path, whole = clip(JPEGBaseline8Bit)
    data = path.read_bytes()
    path.write_bytes(data[:-8] + b"\xfe\xff\x00\xe0\0\0\0\0" + data[-8:])
    cine = read_cine(path)
    np.testing.assert_array_equal(cine.frames, whole.frames)
    assert cine.warnings == () and cine.source.frame_numbers is None


def test_frames_that_are_missing_without_a_trace(clip) -> None:
    path, _ = clip(JPEGBaseline8Bit)
    without_table(path)
    at, length = pixel_items(path)[1 + LOST]
    data = path.read_bytes()
    path.write_bytes(data[: at - 8] + data[at + length :])
    cine = read_cine(path)
    assert len(cine) == COUNT - 1
    assert [finding.kind for finding in cine.findings] == [FindingKind.LOST_FRAMES]
    assert "which ones are missing cannot be told" in cine.findings[0].text


def test_a_key_object_names_frames_of_the_file(clip, tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    from EchoKeyframeLib.detection.keyframes import Keyframe, Phase
    from EchoKeyframeLib.export.key_object import keyframes_in, read_key_object, write_key_object

    path, _ = clip(JPEGBaseline8Bit)
    header = dcmread(path)
    header.StudyInstanceUID, header.SeriesInstanceUID = "1.2.3.4", "1.2.3.5"
    header.save_as(path)
    overwritten(path, LOST, 0)
    cine = read_cine(path)
    keyframes = [Keyframe(Phase.ED, 3, cine.times[3], 0.9), Keyframe(Phase.ES, 8, cine.times[8], 0.9)]
    write_key_object(tmp_path / "k.dcm", cine.source, keyframes)
    key_object = read_key_object(tmp_path / "k.dcm")
    assert [k.frame for k in keyframes_in(key_object, cine)] == [3, 8]
    document = dcmread(tmp_path / "k.dcm")
    numbers = str(document)
    assert "'4'" in numbers and "'10'" in numbers


def _zeroed_inside(data: bytes) -> bytes:
    third = len(data) // 3
    return data[:third] + bytes(third) + data[2 * third :]


def _noisy_inside(data: bytes) -> bytes:
    third = len(data) // 3
    return data[:third] + np.random.default_rng(3).bytes(third) + data[2 * third :]


@pytest.mark.parametrize("spoilt", [_zeroed_inside, _noisy_inside])
@pytest.mark.parametrize("syntax", CODECS)
def test_a_frame_that_is_spoilt_inside_is_lost(tmp_path: Path, syntax: str, spoilt: Callable[[bytes], bytes]) -> None:
    speckle = np.random.default_rng(0).integers(0, 127, (8, 96, 128), dtype=np.uint8)
    frames = speckle + beating_frames(8, 96, 128) // 2
    encoded = [encode(frame, syntax, "MONOCHROME2") for frame in frames]
    sound = read_cine(write_dicom(tmp_path / "sound.dcm", frames, syntax, encoded=encoded))
    encoded[3] = spoilt(encoded[3])
    cine = read_cine(write_dicom(tmp_path / "a.dcm", frames, syntax, encoded=encoded))
    assert cine.source.frame_numbers == (1, 2, 3, 5, 6, 7, 8) and cine.findings[0].kind is FindingKind.LOST_FRAMES
    assert np.array_equal(cine.frames, np.delete(sound.frames, 3, axis=0))
    assert cine.fps == pytest.approx(sound.fps) and len(sound) == 8  # the gap is no interval


@pytest.mark.parametrize("kind", ["gray", "colour", "16 bits"])
@pytest.mark.parametrize("size", [300, 2000])
def test_noise_in_any_segment_of_an_rle_frame_is_told(tmp_path: Path, kind: str, size: int) -> None:
    """What noise decodes to is longer or shorter than the picture, in its own segment alone."""
    random = np.random.default_rng(size)
    frames = random.integers(0, 127, (6, 96, 128), dtype=np.uint8) + beating_frames(6, 96, 128) // 2
    frames = {"gray": frames, "colour": np.repeat(frames[..., None], 3, axis=3),
              "16 bits": frames.astype(np.uint16) * 255}[kind]  # fmt: skip
    photometric = "RGB" if kind == "colour" else "MONOCHROME2"
    encoded = [encode(frame, RLELossless, photometric) for frame in frames]
    sound = read_cine(write_dicom(tmp_path / "sound.dcm", frames, RLELossless, encoded=encoded))
    assert len(sound) == 6 and not sound.findings
    first = int.from_bytes(encoded[2][8:12], "little") or len(encoded[2])  # where the second segment begins
    for at in {200, first - size - 8, len(encoded[2]) - size - 8}:
        spoilt = encoded[2][:at] + random.bytes(size) + encoded[2][at + size :]
        path = write_dicom(tmp_path / "a.dcm", frames, RLELossless, encoded=[*encoded[:2], spoilt, *encoded[3:]])
        cine = read_cine(path)
        assert cine.source.frame_numbers == (1, 2, 4, 5, 6), at
        assert [finding.kind for finding in cine.findings] == [FindingKind.LOST_FRAMES]


def test_rle_segments_that_are_too_long_in_every_frame_are_read(tmp_path: Path) -> None:
    frames = beating_frames(6)
    longer = [encode(frame, RLELossless, "MONOCHROME2") + b"\x09" + bytes(11) for frame in frames]
    cine = read_cine(write_dicom(tmp_path / "a.dcm", frames, RLELossless, encoded=longer))
    assert np.array_equal(cine.frames, frames) and not cine.findings


def test_an_encoder_that_is_odd_in_every_frame_is_read(tmp_path: Path) -> None:
    black = np.zeros((6, 512, 512), np.uint8)  # which a lossless JPEG codes as zeros
    black[:, 200:240, 200:240] = np.arange(6)[:, None, None] * 20
    encoded = [encode(frame, JPEGLosslessSV1, "MONOCHROME2") for frame in black]
    assert all(bytes(64) in data for data in encoded)
    assert len(read_cine(write_dicom(tmp_path / "black.dcm", black, JPEGLosslessSV1, encoded=encoded))) == 6
    frames = beating_frames(6)
    stray = [encode(frame, JPEGBaseline8Bit, "MONOCHROME2") for frame in frames]
    stray = [data[:-2] + b"\xff\x01" + data[-2:] for data in stray]
    assert len(read_cine(write_dicom(tmp_path / "stray.dcm", frames, JPEGBaseline8Bit, encoded=stray))) == 6


def test_an_uncompressed_frame_of_zeros_amid_others_is_lost(tmp_path: Path) -> None:
    frames = beating_frames(6)
    frames[2:4] = 0
    assert read_cine(write_dicom(tmp_path / "a.dcm", frames)).source.frame_numbers == (1, 2, 5, 6)
    frames = beating_frames(6)
    frames[:2] = 0
    assert len(read_cine(write_dicom(tmp_path / "begins-black.dcm", frames))) == 6


def test_an_empty_frame_amid_frames_of_several_items_without_a_table(tmp_path: Path) -> None:
    frames = beating_frames(6)
    parts = []
    for frame in frames:
        data = encode(frame, JPEGBaseline8Bit, "MONOCHROME2")
        parts += [data[:100], data[100:200], data[200:]]
    path = write_dicom(tmp_path / "a.dcm", frames, JPEGBaseline8Bit, encoded=parts)
    data, items = path.read_bytes(), pixel_items(path)
    (first, _), (last, length), (table, entries) = items[7], items[12], items[0]
    data = data[: first - 4] + bytes(4) + b"\xfe\xff\0\xe0" + bytes(4) + data[last + length :]
    path.write_bytes(data[: table - 4] + bytes(4) + data[table + entries :])
    cine = read_cine(path)
    assert cine.source.frame_numbers == (1, 2, 5, 6)
    assert cine.times == pytest.approx([0, 0.04, 0.16, 0.2])


@pytest.mark.parametrize("value", [None, 0])
def test_a_lost_frame_under_an_extended_offset_table(tmp_path: Path, value: int | None) -> None:
    frames = beating_frames(COUNT)
    coded = [encode(frame, JPEG2000Lossless, "MONOCHROME2") for frame in frames]
    path = write_dicom(tmp_path / "clip.dcm", frames, JPEG2000Lossless, encoded=coded)
    header = dcmread(path)
    lengths = np.array([len(data) + len(data) % 2 for data in coded], "<u8")
    header.ExtendedOffsetTable = (np.cumsum(lengths + 8) - lengths - 8).tobytes()
    header.ExtendedOffsetTableLengths = lengths.tobytes()
    header.save_as(path)
    without_table(path)
    whole = read_cine(path)
    assert np.array_equal(whole.frames, frames) and not whole.findings
    if value is None:
        emptied(path, LOST, keep_table=False)
    else:
        overwritten(path, LOST, value)
    check(read_cine(path), whole)
