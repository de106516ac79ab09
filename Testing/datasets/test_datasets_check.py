"""``echokeyframe check``: sound sets pass, every kind of damage is told, nothing that names a patient is."""

from __future__ import annotations

import csv
import shutil
import unicodedata

import cv2
import numpy as np
import pytest
from dataset_folders import write_camus_nifti, write_camus_patient, write_echonet, write_itk
from drawn_ventricle import beating_frames
from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.cine.read import read_cine, read_header
from EchoKeyframeLib.cine.video_writer import write_video
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.datasets.clip_labels import ClipLabels
from EchoKeyframeLib.datasets.labels import write_readings
from EchoKeyframeLib.datasets.readers import ClipReadings
from EchoKeyframeLib.datasets.split import Split


@pytest.fixture(scope="module")
def own_set(tmp_path_factory):
    """Five cines with labels.csv; ED at 0, 30, 60 and ES at 15, 45 of 70 frames."""
    folder = tmp_path_factory.mktemp("sets") / "own set"
    folder.mkdir()
    video = beating_frames(70, size=64)
    for number in range(5):
        write_video(folder / f"loop {number}.avi", np.roll(video, number, axis=2), 30.0, "mjpeg")
    write_readings(folder / "labels.csv", [clip(f"loop {number}.avi", f"P{number // 2}") for number in range(5)])
    return folder


def clip(file, patient=None, split=None, **changes):
    return ClipReadings(
        {"": ClipLabels(file, **{"ed": (0, 30, 60), "es": (15, 45), "frames": 70, "view": "A4C", **changes})},
        patient,
        split,
    )


@pytest.fixture
def folder(own_set, tmp_path):
    """A copy to spoil."""
    shutil.copytree(own_set, tmp_path / "set")
    return tmp_path / "set"


def checked(capsys, *arguments):
    """Exit code, what was printed, and kind -> messages of the report."""
    report = arguments[0] / ".report.csv"
    code = main(["check", *map(str, arguments), "--report", str(report)])
    kinds: dict[str, list[str]] = {}
    with report.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            kinds.setdefault(f"{row['severity']}: {row['kind']}", []).append(row["message"])
    printed = capsys.readouterr()
    return code, printed.out + printed.err, kinds


def test_a_sound_set_passes_and_says_what_it_holds(own_set, capsys):
    code, told, kinds = checked(capsys, own_set)
    assert code == 0 and not kinds and "nothing must be mended" in told
    for line in ("views        A4C 5", "parts        test 1, train 4 (4:1 per view)", "patients     3",
                 "keyframes    15 ED, 10 ES", "frames       70", "frames/s     30", "AVI (MJPG) 5"):  # fmt: skip
        assert line in told


@pytest.mark.parametrize("writer", [write_echonet, write_camus_nifti], ids=["EchoNet-Dynamic", "CAMUS"])
def test_sound_published_sets_pass(writer, tmp_path, capsys):
    pytest.importorskip("SimpleITK")
    code, told, kinds = checked(capsys, writer(tmp_path / "set"))
    assert code == 0 and not kinds
    assert "(the set's own)" in told and "masks" in told


def test_what_is_wrong_with_files_and_labels(folder, capsys):
    (folder / "loop 0.avi").unlink()
    (folder / "loop 1.avi").write_bytes(b"no video at all, though long enough to be looked at")
    shutil.copyfile(folder / "loop 3.avi", folder / "copy.avi")
    clips = [
        clip("loop 0.avi"), clip("loop 1.avi"), clip("loop 2.avi", frames=None, ed=(0, 30, 75)),
        clip("loop 3.avi", frames=60, ed=(0, 30)), clip("loop 4.avi", fps=150.0), clip("copy.avi", es=()),
    ]  # fmt: skip
    clips[5] = clip("copy.avi", ed=(30,), es=())
    write_readings(folder / "labels.csv", clips)
    code, told, kinds = checked(capsys, folder)
    assert code == 1
    assert kinds["error: missing file"] == ["loop 0.avi: is missing"]
    assert "is neither DICOM nor" in kinds["error: cannot be read"][0]
    assert "ED frame 75 lies beyond the clip's 70 frames" in kinds["error: label outside"][0]
    assert kinds["error: labels and file differ"] == ["loop 3.avi: has 70 frames, its labels say 60"]
    assert "copy.avi: has ED but no ES" in kinds["error: one phase alone"][0]
    assert "150 frames/s in its labels, 30 in the file" in kinds["warning: frame rates differ"][0]
    assert "copy.avi: is the same file as loop 3.avi" in str(kinds)
    for messages in kinds.values():
        for message in messages:
            assert "\n" not in message and message in told


def test_labels_that_no_heart_keeps(folder, capsys):
    """At 4 frames a second, 15 frames of systole take 3.75 s."""
    write_readings(folder / "labels.csv", [clip("loop 0.avi", fps=4.0)])
    code, _, kinds = checked(capsys, folder)
    assert code == 0
    assert "ED 0 to ES 15 takes 3.75 s at 4 frames/s" in kinds["warning: implausible interval"][0]
    assert "4 files beside the labelled cines have no labels" in kinds["note: no labels"][0]


def test_a_patient_and_a_cine_in_two_parts_of_the_sets_own(folder, capsys):
    shutil.copyfile(folder / "loop 0.avi", folder / "same.avi")
    parts = [("loop 0.avi", "Doe^John", Split.TRAIN), ("same.avi", "Roe^Jane", Split.TEST),
             ("loop 2.avi", "Doe^John", Split.VAL)]  # fmt: skip
    write_readings(folder / "labels.csv", [clip(*part) for part in parts])
    code, told, kinds = checked(capsys, folder)
    assert code == 1
    assert kinds["error: patient in two parts"] == [
        "loop 2.avi: is in part val, loop 0.avi of the same patient in train; a patient may be in one only"
    ]
    assert "and they are in different parts" in kinds["error: duplicate"][0]
    assert "Doe" not in told + str(kinds) and "Roe" not in told + str(kinds)


def test_parts_for_some_cines_only(folder, capsys):
    write_readings(folder / "labels.csv", [clip("loop 0.avi", None, Split.TRAIN), clip("loop 1.avi")])
    code, _, kinds = checked(capsys, folder)
    assert code == 1 and "1 of 2 cines have no split" in kinds["error: split missing"][0]


def test_names_that_differ_in_accents_or_capitals(folder, capsys):
    composed, decomposed = (unicodedata.normalize(form, "schlä.avi") for form in ("NFC", "NFD"))
    (folder / "loop 0.avi").rename(folder / decomposed)
    (folder / "loop 1.avi").rename(folder / "LOOP 1.AVI")
    write_readings(folder / "labels.csv", [clip(composed), clip("loop 1.avi"), clip("loop 2.avi")])
    if (folder / composed).exists() or (folder / "loop 1.avi").exists():
        pytest.skip("this file system takes both names for the same")
    code, _, kinds = checked(capsys, folder)
    assert code == 1 and len(kinds["error: file name differs"]) == 2
    assert "the encoding of its accents" in str(kinds) and "differs in capitals" in str(kinds)


def test_a_table_in_another_encoding(folder, capsys):
    (folder / "labels.csv").write_bytes("file,phase,frame\nschlä.avi,ED,3\n".encode("latin-1"))
    assert main(["check", str(folder)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("failed: labels.csv: ") and told.endswith("save it as UTF-8)\n")


def test_wrong_rows_are_all_told(folder, capsys):
    with (folder / "labels.csv").open("a", encoding="utf-8") as stream:
        stream.write("x.avi,ED,three,,,,0,,\ny.avi,EE,3,,,,0,,\n")
    code, _, kinds = checked(capsys, folder)
    assert code == 1 and len(kinds["error: wrong labels"]) == 2


def test_camus_swapped_and_without_a_rate(tmp_path, capsys):
    pytest.importorskip("SimpleITK")
    write_camus_patient(tmp_path / "patient0001", "4CH", ".nii.gz", info={"ED": 12, "ES": 1})
    for phase in ("ED", "ES"):  # the label map of every frame is then what counts
        (tmp_path / f"patient0001/patient0001_4CH_{phase}_gt.nii.gz").unlink()
    write_camus_patient(tmp_path / "patient0002", "2CH", ".nii.gz", info={"FrameRate": None})
    code, told, kinds = checked(capsys, tmp_path)
    assert code == 1 and "are the two swapped?" in kinds["error: ED and ES swapped"][0]
    assert "no frame rate is known" in kinds["error: no frame rate"][0] and "quality      Good 2" in told
    assert "error: no frame rate" not in checked(capsys, tmp_path, "--set-fps", "50")[2]


def test_decoding_finds_what_headers_hide(folder, capsys):
    """Half of a video's frames overwritten: its index still counts them."""
    path = folder / "loop 1.avi"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    assert "loop 1" not in str(checked(capsys, folder)[2].get("error: labels and file differ", ""))
    code, told, kinds = checked(capsys, folder, "--decode", "--jobs", "1")
    assert code == 1 and "loop 1.avi" in str(kinds) and "loop 2.avi" not in str(kinds)
    assert "encodings" in told


def test_readers_are_told_with_their_agreement(folder, capsys):
    both = {"anna": ClipLabels("loop 0.avi", (0, 30, 60), (15, 45), 70, 30.0),
            "ben": ClipLabels("loop 0.avi", (0, 32), (15, 45), 70, 30.0)}  # fmt: skip
    write_readings(folder / "labels.csv", [ClipReadings(both)])
    _, told, _ = checked(capsys, folder)
    assert "readers      2 on 1 cines; 4 keyframes by majority, 1 disputed by exactly half, 0 outvoted" in told
    assert "inter ED     1.00 ± 1.00 frames apart in 2 pairs, 1 marked by one of two" in told


def test_loops_whose_readers_disagree_are_named_to_be_read_again(folder, capsys):
    def labelled(file, ed, es):
        return ClipLabels(file, ed, es, 70, 30.0)

    loops = [
        {"anna": labelled("loop 0.avi", (0, 30, 60), (15, 45)), "ben": labelled("loop 0.avi", (0, 32), (15, 45))},
        {"anna": labelled("loop 1.avi", (0, 30, 60), (15, 45)), "ben": labelled("loop 1.avi", (1, 34, 60), (15, 45))},
        {"anna": labelled("loop 2.avi", (0, 30, 60), (15, 45)), "ben": labelled("loop 2.avi", (1, 31, 60), (16, 45))},
    ]
    write_readings(folder / "labels.csv", map(ClipReadings, loops))
    code, _, kinds = checked(capsys, folder)
    assert code == 0
    [disputed, apart] = kinds["note: readers disagree"]
    assert "loop 0.avi: ED near 60 marked by anna alone; read it again" in disputed
    assert "loop 1.avi: ED near 32: 4 frames apart; read it again" in apart


def test_folders_that_hold_no_set(tmp_path, capsys):
    assert main(["check", str(tmp_path)]) == 2
    assert "holds no labelled set" in capsys.readouterr().err
    assert main(["check", str(write_echonet(tmp_path / "set", 1)), "--report", str(tmp_path / "no" / "r.csv")]) == 2


def test_headers_say_what_decoding_finds(own_set, sample_clip, tmp_path):
    for path in (own_set / "loop 0.avi", sample_clip):
        header, cine = read_header(path), read_cine(path)
        assert (header.frames, header.size, header.encoding) == (len(cine), cine.size, cine.source.encoding)
        assert header.fps == pytest.approx(cine.fps, rel=1e-3)
    pytest.importorskip("SimpleITK")
    write_itk(tmp_path / "a.nii.gz", np.zeros((7, 30, 20), np.uint8))
    header = read_header(tmp_path / "a.nii.gz")
    assert (header.frames, header.size, header.fps) == (7, (30, 20), None)
    (tmp_path / "empty.avi").write_bytes(b"")
    with pytest.raises(CineError, match="is empty"):
        read_header(tmp_path / "empty.avi")


def test_a_video_whose_container_counts_no_frames(tmp_path):
    path = tmp_path / "clip.mkv"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"FFV1"), 25, (32, 32))
    for _ in range(6):
        writer.write(np.zeros((32, 32, 3), np.uint8))
    writer.release()
    header = read_header(path)
    assert header.frames is None and header.fps == pytest.approx(25) and header.size == (32, 32)
