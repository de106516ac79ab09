"""Published data sets in small made-up folders: what is read from them, parts, masks; what broken ones say."""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
from dataset_folders import (
    ECHONET_ED,
    ECHONET_ES,
    ellipse_chords,
    label_maps,
    write_camus_meta,
    write_camus_nifti,
    write_camus_patient,
    write_echonet,
    write_itk,
    write_table,
)
from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.datasets import echonet
from EchoKeyframeLib.datasets.clip_labels import LabelError
from EchoKeyframeLib.datasets.dataset import DatasetError, Severity
from EchoKeyframeLib.datasets.masks import in_order, outline, polygon_area
from EchoKeyframeLib.datasets.open_dataset import is_dataset, open_dataset
from EchoKeyframeLib.datasets.split import Split, split_by_patient


@pytest.fixture(scope="module")
def echonet_folder(tmp_path_factory):
    return write_echonet(tmp_path_factory.mktemp("sets") / "EchoNet Übung")


@pytest.fixture(scope="module")
def camus_folder(tmp_path_factory):
    pytest.importorskip("SimpleITK")
    return write_camus_nifti(tmp_path_factory.mktemp("sets") / "CAMUS_public")


def test_the_larger_tracing_is_ed_in_either_order(echonet_folder, tmp_path):
    other = write_echonet(tmp_path / "larger first", 1, smaller_first=False)
    for folder, number in ((echonet_folder, 6), (other, 1)):
        dataset = open_dataset(folder).sound()
        assert dataset.form == "EchoNet-Dynamic" and len(dataset) == number
        for cine in dataset.cines:
            assert (cine.labels.ed, cine.labels.es) == ((ECHONET_ED,), (ECHONET_ES,))
            assert (cine.labels.view, cine.labels.fps, cine.labels.frames) == ("A4C", 30, 70)
    decoded = dataset.cines[0].read()
    assert len(decoded) == 70 and decoded.fps == pytest.approx(30) and decoded.size == (112, 112)


def test_one_labelled_beat_decides_it_and_a_little_more(echonet_folder):
    """ED 30 and ES 45: a beat of 15 / 0.4 = 37.5 frames, and 0.15 of it are 5.6 frames on either side."""
    labels = open_dataset(echonet_folder).cines[0].labels
    assert labels.decided == ((25, 50),)
    assert np.flatnonzero(labels.decided_frames(70)).tolist() == list(range(25, 51))


def test_echonets_parts_are_its_own_and_tiny_is_divided_anew(echonet_folder, monkeypatch):
    dataset = open_dataset(echonet_folder)
    assert [cine.labels.file for cine in dataset.part(Split.VAL).cines] == ["0X0001.avi", "0X0004.avi"]
    monkeypatch.setattr(echonet, "TINY", 5)
    tiny = open_dataset(echonet_folder, subset="tiny")
    assert tiny.form == "EchoNet-Dynamic-Tiny"
    assert [cine.labels.file for cine in tiny.cines] == [f"0X000{n}.avi" for n in range(5)]
    train, test = tiny.part(Split.TRAIN), tiny.part(Split.TEST)
    assert (len(train), len(test)) == (4, 1) and not {c.path for c in train.cines} & {c.path for c in test.cines}
    with pytest.raises(DatasetError, match="no cines in its part 'val'; it has test, train"):
        tiny.part(Split.VAL)


def test_echonets_masks_are_its_polygons(echonet_folder):
    masks = open_dataset(echonet_folder).cines[0].masks
    assert masks.frames == (ECHONET_ED, ECHONET_ES)
    for frame, half in ((ECHONET_ED, (20, 30)), (ECHONET_ES, (14, 24))):
        ellipse = np.pi * half[0] * half[1]
        assert masks.area(frame) == pytest.approx(ellipse, rel=0.02)
        mask = masks.mask(frame)
        assert mask.shape == (112, 112) and mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 1}
        assert mask.sum() == pytest.approx(ellipse, rel=0.07) and mask[60, 56] == 1
    assert polygon_area(np.array([[0, 0], [4, 0], [4, 3]])) == 6


def change(rows, name, **values):
    return [row | values if row["FileName"].startswith(name) else row for row in rows]


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


BROKEN_ECHONET = {
    "an unknown part": (lambda f, t: (change(f, "0X0000", Split="OTHER"), t), "Split must be TRAIN, VAL or TEST"),
    "no frame rate": (lambda f, t: (change(f, "0X0000", FPS=0), t), "FPS must be frames per second"),
    "words for numbers": (lambda f, t: (change(f, "0X0000", NumberOfFrames="many"), t), "NumberOfFrames must be"),
    "a path out of the folder": (lambda f, t: (change(f, "0X0000", FileName="../x"), t), "FileName must be"),
    "a frame beyond": (lambda f, t: (change(f, "0X0000", NumberOfFrames=40), t), "frame 45 is traced"),
    "equal tracings": (
        lambda f, t: (f, [row | {"Frame": 30 + (i % 2)} for i, row in enumerate(r for r in t for _ in "ab")]),
        "do not tell ED from ES by area",
    ),
    "a tracing of words": (lambda f, t: (f, [t[0] | {"X1": "left"}, *t]), "csv: line 2: X1 must be a number; left out"),
}


@pytest.mark.parametrize("case", BROKEN_ECHONET)
def test_a_broken_echonet_says_what_is_wrong(case, tmp_path):
    folder = write_echonet(tmp_path / "set", 1)
    change_rows, message = BROKEN_ECHONET[case]
    tables = [rows_of(folder / name) for name in ("FileList.csv", "VolumeTracings.csv")]
    for name, rows in zip(("FileList.csv", "VolumeTracings.csv"), change_rows(*tables), strict=True):
        write_table(folder / name, rows)
    dataset = open_dataset(folder)
    assert [f.severity for f in dataset.findings] == [Severity.ERROR]
    assert message in dataset.findings[0].message and "\n" not in dataset.findings[0].message
    with pytest.raises(CineError, match=r"FileList|VolumeTracings|0X0000"):
        dataset.sound()


def test_frames_of_different_beats_decide_nothing(tmp_path):
    folder = write_echonet(tmp_path / "set", 1, frames=130)
    rows = [row | {"Frame": 120} if row["Frame"] == "45" else row
            for row in rows_of(folder / "VolumeTracings.csv")]  # fmt: skip
    write_table(folder / "VolumeTracings.csv", rows)
    dataset = open_dataset(folder)
    assert dataset.cines[0].labels.decided == () and (dataset.cines[0].labels.es,) == ((120,),)
    assert dataset.findings[0].severity is Severity.WARNING and "3.0 s apart" in dataset.findings[0].message


def test_tables_that_are_not_echonets(tmp_path):
    folder = write_echonet(tmp_path / "set", 1)
    (folder / "VolumeTracings.csv").unlink()
    with pytest.raises(LabelError, match=r"VolumeTracings.csv: is missing in set"):
        open_dataset(folder)
    (folder / "VolumeTracings.csv").write_text("FileName,X,Y,Frame\na.avi,1,2,3\n", encoding="utf-8")
    with pytest.raises(LabelError, match="lacks the column 'X1'"):
        open_dataset(folder)
    with pytest.raises(DatasetError, match="holds no labelled set"):
        open_dataset(tmp_path)
    assert is_dataset(folder) and not is_dataset(tmp_path) and not is_dataset(tmp_path / "gone")


def test_camus_in_nifti(camus_folder):
    dataset = open_dataset(camus_folder).sound()
    assert dataset.form == "CAMUS" and len(dataset) == 10 and dataset.has_published_split
    first = dataset.cines[0]
    assert first.labels.file == "database_nifti/patient0001/patient0001_2CH_half_sequence.nii.gz"
    assert (first.labels.view, first.labels.fps, first.quality) == ("A2C", 48.5, "Good")
    assert (first.labels.ed, first.labels.es, first.labels.decided) == ((0,), (11,), None)
    backwards = dataset.cines[2].labels
    assert (backwards.ed, backwards.es) == ((11,), (0,))
    cine = first.read()
    assert len(cine) == 12 and cine.size == (90, 70) and cine.spacing == pytest.approx((0.3, 0.15))
    assert cine.view == "A2C" and cine.fps == pytest.approx(48.5) and "NIfTI" in cine.source.encoding
    assert {len(dataset.part(split)) for split in (Split.VAL, Split.TEST)} == {2}


def test_camuss_masks_are_the_cavity_of_every_frame(camus_folder):
    masks = open_dataset(camus_folder).cines[0].masks
    assert masks.frames == tuple(range(12))
    assert np.array_equal(masks.mask(5), label_maps(12)[5] == 1)
    assert masks.area(0) > masks.area(11) > 0


def test_camuss_first_release(tmp_path):
    pytest.importorskip("SimpleITK")
    folder = write_camus_meta(tmp_path / "CAMUS")
    dataset = open_dataset(folder, fps=50)
    patients = [cine.labels.file.rpartition("/")[0] for cine in dataset.cines]
    assert patients == 2 * ["training/patient0001"] + 2 * ["training/patient0002"]
    assert [(f.severity, f.kind) for f in dataset.findings] == 2 * [(Severity.NOTE, "no ED and ES")]
    assert {cine.labels.fps for cine in dataset.cines} == {50} and dataset.cines[2].labels.ed == (11,)
    assert dataset.cines[0].masks.frames == (0, 11) and dataset.cines[0].masks.mask(11).shape == (90, 70)
    with pytest.raises(CineError, match="states no frame rate; give it"):
        open_dataset(folder).cines[0].read()
    (folder / "training/patient0001/patient0001_2CH_sequence.raw").unlink()
    with pytest.raises(CineError, match=r"the file with its pixels, patient0001_2CH_sequence.raw, is missing"):
        dataset.cines[0].read()


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({"ES": 13}, "ED 1 and ES 13 must lie between 1 and NbFrame, 12"),
        ({"ED": "first"}, "ED must be a whole number from 1"),
        ({"ES": 1}, "frame 0 is labelled both ED and ES"),
        ({"FrameRate": "fast"}, "FrameRate must be frames per second"),
    ],
)
def test_a_broken_camus_says_what_is_wrong(tmp_path, info, message):
    pytest.importorskip("SimpleITK")
    write_camus_patient(tmp_path / "patient0007", "4CH", ".nii.gz", info=info)
    dataset = open_dataset(tmp_path)
    assert [f.severity for f in dataset.findings] == [Severity.ERROR] and message in dataset.findings[0].message
    assert not dataset.cines


def test_a_camus_patient_in_two_parts_and_a_sequence_gone(camus_folder, tmp_path):
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(camus_folder, folder)
    with (folder / "database_split" / "subgroup_testing.txt").open("a", encoding="utf-8") as stream:
        stream.write("patient0001\n")
    (folder / "database_nifti/patient0003/patient0003_4CH_half_sequence.nii.gz").unlink()
    kinds = {f.kind: f.message for f in open_dataset(folder).findings}
    assert "patient0001 is in two parts" in kinds["patient in two parts"]
    assert "is missing" in kinds["wrong labels"] and "patient0003" in kinds["wrong labels"]


def test_image_files_that_cannot_be_read(tmp_path, monkeypatch):
    pytest.importorskip("SimpleITK")
    good = tmp_path / "ä good.nii.gz"
    write_itk(good, label_maps(5))
    assert len(read_cine(good, fps=40)) == 5
    for suffix in (".nii", ".nii.gz", ".mha"):
        cut = tmp_path / f"cut{suffix}"
        write_itk(cut, label_maps(5))
        cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
        with pytest.raises(CineError, match=f"cut{suffix}: .*cut short"):
            read_cine(cut, fps=40)
    import SimpleITK as sitk

    sitk.WriteImage(sitk.JoinSeries([sitk.GetImageFromArray(np.zeros((4, 16, 16), np.uint8))] * 3), tmp_path / "4d.nii")
    with pytest.raises(CineError, match="holds volumes over time"):
        read_cine(tmp_path / "4d.nii", fps=40)
    (tmp_path / "away.mhd").write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 8 8 2\nElementType = MET_UCHAR\nElementDataFile = ../secret.raw\n",
        encoding="utf-8",
    )
    with pytest.raises(CineError, match="its pixels are not in one file beside it"):
        read_cine(tmp_path / "away.mhd", fps=40)
    monkeypatch.setitem(sys.modules, "SimpleITK", None)  # reading needs none
    assert len(read_cine(good, fps=40)) == 5


def test_patients_stay_on_one_side_and_views_are_divided_4_to_1():
    rng = np.random.default_rng(3)
    patients, views = [], []
    for number in range(190):
        shown = ["A2C", "A3C", "A4C"][: rng.integers(1, 4)]
        for view in shown + shown[:1] * int(rng.integers(2)):
            patients.append(f"p{number}")
            views.append(view)
    splits = split_by_patient(patients, views, seed=1)
    for patient in set(patients):
        assert len({s for s, p in zip(splits, patients, strict=True) if p == patient}) == 1
    for view in set(views):
        of_view = [s for s, v in zip(splits, views, strict=True) if v == view]
        assert of_view.count(Split.TEST) / len(of_view) == pytest.approx(0.2, abs=0.02)
    order = rng.permutation(len(patients))
    again = split_by_patient([patients[i] for i in order], [views[i] for i in order], seed=1)
    assert [splits[i] for i in order] == again
    assert split_by_patient(patients, views, seed=2) != splits


def test_a_set_that_grows_keeps_most_of_its_parts():
    names = [f"p{n}" for n in range(100)]
    before = split_by_patient(names, ["A4C"] * 100)
    after = split_by_patient([*names, "new"], ["A4C"] * 101)
    assert sum(a is not b for a, b in zip(before, after, strict=False)) <= 2


def test_280_videos_are_divided_224_to_56():
    splits = split_by_patient([f"0X{n}.avi" for n in range(280)], ["A4C"] * 280)
    assert splits.count(Split.TEST) == 56


def test_a_set_with_errors_is_not_trained_on(echonet_folder):
    dataset = open_dataset(echonet_folder)
    assert dataset.sound() is dataset
    with pytest.raises(DatasetError, match="holds no labelled cine"):
        replace(dataset, cines=()).sound()


def rewritten(folder, change, names=("FileList.csv", "VolumeTracings.csv")):
    for name in names:
        path = folder / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


@pytest.mark.parametrize("change", [
    lambda text: text.replace(",", ";"),
    lambda text: text.replace(",", ";").replace(".", ",").replace(",avi", ".avi"),
    lambda text: text.replace(",", "\t"),
    lambda text: re.sub(f",({ECHONET_ED}|{ECHONET_ES})(?=\\s)", r",\1.0", text),
])  # fmt: skip
def test_echonets_tables_as_other_programs_save_them(tmp_path, change):
    folder = write_echonet(tmp_path / "set", count=2)
    before = [cine.labels for cine in open_dataset(folder).cines]
    rewritten(folder, change)
    dataset = open_dataset(folder)
    assert not dataset.findings and [cine.labels for cine in dataset.cines] == before


def test_echonets_videos_may_have_uids_for_names(tmp_path):
    folder = write_echonet(tmp_path / "set", count=1)
    uid = "1.2.840.99.5"
    (folder / "Videos" / "0X0000.avi").rename(folder / "Videos" / f"{uid}.avi")
    rewritten(folder, lambda text: text.replace("0X0000.avi", uid).replace("0X0000", uid))
    (cine,) = open_dataset(folder).cines
    assert cine.path.is_file() and cine.labels.ed == (ECHONET_ED,)


def exchanged(chords):
    chords[2::2] = chords[2::2, [2, 3, 0, 1]]
    return chords


@pytest.mark.parametrize("spoilt", [
    exchanged,
    lambda chords: np.vstack([chords[:1], np.random.default_rng(2).permutation(chords[1:])]),
    lambda chords: np.repeat(chords, 2, axis=0),
    lambda chords: np.roll(chords, -1, axis=0),  # the long axis last
    lambda chords: np.roll(exchanged(np.repeat(chords, 2, axis=0)), 7, axis=0),
    lambda chords: chords[:, [2, 3, 0, 1]][[0, *range(20, 0, -1)]],
])  # fmt: skip
def test_an_outline_does_not_cross_itself_however_its_chords_are_listed(spoilt):
    sound = ellipse_chords((56, 60), (20, 30))
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    for chords in (sound, (sound.reshape(-1, 2) @ turn).reshape(-1, 4)):
        assert polygon_area(outline(spoilt(chords.copy()))) == pytest.approx(polygon_area(outline(chords)), rel=1e-6)
        assert np.array_equal(outline(chords), np.concatenate([chords[1:, :2], chords[:0:-1, 2:]])) and in_order(chords)


def test_a_tracing_that_was_put_in_order_is_told(tmp_path):
    folder = write_echonet(tmp_path / "set", count=1)
    before = open_dataset(folder).cines[0].labels
    lines = (folder / "VolumeTracings.csv").read_text(encoding="utf-8").splitlines()
    lines[3:20:2] = [",".join([name, x2, y2, x1, y1, frame]) for name, x1, y1, x2, y2, frame in
                     (line.split(",") for line in lines[3:20:2])]  # fmt: skip
    (folder / "VolumeTracings.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    dataset = open_dataset(folder)
    assert dataset.cines[0].labels == before
    assert [(f.severity, f.kind) for f in dataset.findings] == [(Severity.NOTE, "tracing put in order")]
