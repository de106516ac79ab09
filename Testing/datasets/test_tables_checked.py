"""Tables and records of our own with values that none has: named by place, never quoted; older files are read."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path

import pytest
from dataset_folders import write_echonet
from EchoKeyframeLib.cine.cine import CineError
from EchoKeyframeLib.datasets.clip_labels import ClipLabels, LabelError
from EchoKeyframeLib.datasets.labels import read_labels, read_readings
from EchoKeyframeLib.datasets.manifest import COLUMNS, ManifestEntry, read_manifest, write_manifest
from EchoKeyframeLib.datasets.open_dataset import open_dataset
from EchoKeyframeLib.report.curves_file import read_curves

KEY = "DOE^JANE 4711"


def one_row(path: Path, **cells: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(cells))
        writer.writeheader()
        writer.writerow(cells)
    return path


@pytest.mark.parametrize(("column", "cell", "message"), [
    ("phase", KEY, "phase must be ED or ES"), ("frame", KEY, "frame must be a number"),
    ("frame", "1e999", "frame must be a number"), ("frames", "12.5", "frames must be a number of frames"),
    ("frames", "-3", "frames must be"), ("frames", "9" * 400, "frames must be"), ("fps", KEY, "fps must be frames per"),
    ("fps", "0", "fps must be frames per second"), ("fps", "nan", "fps must be"), ("outside", KEY, "outside must be 1"),
    ("split", KEY, "split must be train, val or test"), ("patient", KEY * 40, "patient must be at most 256 characters"),
    ("reader", KEY * 40, "reader must be"), ("view", KEY * 40, "view must be"), ("decided", KEY * 400, "decided must"),
    ("file", f"../{KEY}", "file must be that of a cine inside"), ("file", f"a/..\\{KEY}", "file must be"),
    ("file", f"C:{KEY}", "file must be"), ("file", f"\\\\host\\{KEY}", "file must be"),
])  # fmt: skip
def test_a_cell_of_labels_that_is_none_is_named_and_not_quoted(tmp_path, column, cell, message):
    one_row(tmp_path / "labels.csv", **{"file": "a.avi", "phase": "ED", "frame": "3", column: cell})
    with pytest.raises(LabelError, match=rf"^labels\.csv: line 2: {message}") as caught:
        read_labels(tmp_path)
    assert "DOE" not in str(caught.value) and "4711" not in str(caught.value) and len(str(caught.value)) < 200


def test_one_wrong_cell_leaves_its_whole_clip_out_and_no_other(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file,phase,frame\na.avi,ED,3\nb.avi,ED,3\na.avi,EX,9\nb.avi,ES,9\n", encoding="utf-8")
    problems: list[LabelError] = []
    assert [clip.consensus.labels.file for clip in read_readings(path, problems)] == ["b.avi"]
    assert [str(problem) for problem in problems] == ["labels.csv: line 4: phase must be ED or ES"]


def test_numbers_as_people_and_version_0_1_0_wrote_them(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file,phase,frame,frames,fps,view,outside,hospital\nb/a.avi,ed,+03,060,30.,A4C,True,x\n"
                    "b\\a.avi, ES ,9.5,60.0,30,A4C,0,y\nb/a.avi,ED,60,60,3e1,,1,z\n", encoding="utf-8-sig")  # fmt: skip
    assert read_labels(path) == [ClipLabels("b/a.avi", (3, 60), (9.5,), 60, 30, "A4C")]


@pytest.mark.parametrize(("column", "cell"), [
    ("frames", "many"), ("frames", "-1"), ("fps", "inf"), ("width", "9" * 30), ("row_spacing", "0"), ("file", "../a"),
    ("file", ".."), ("file", "C:a.avi"), ("status", "done"), ("heart_rate", "x"), ("warnings", "w" * 70_000),
    ("file", ""),
])  # fmt: skip
def test_a_cell_of_a_manifest_that_is_none_is_named(tmp_path, column, cell):
    sound = {**dict.fromkeys(COLUMNS, ""), "file": "a.avi", "status": "prepared"}
    one_row(tmp_path / "manifest.csv", **{**sound, column: cell})
    with pytest.raises(CineError, match=rf"^manifest\.csv: line 2: {column} must be") as caught:
        read_manifest(tmp_path)
    assert len(str(caught.value)) < 200


def test_a_manifest_of_0_1_0_is_read_and_written_alike(tmp_path):
    """Its numbers were texts, six digits at most."""
    text = (f"{','.join(COLUMNS)}\r\n"
            "cine-a.avi,prepared,A4C,patient-1,30,29.9701,112,112,0.8125,0.8,fan,61.5,,\r\n"
            "cine-b,failed,,,,,,,,,,,,cine-b: has 1 frame\r\n")  # fmt: skip
    (tmp_path / "manifest.csv").write_text(text, encoding="utf-8", newline="")
    entries = read_manifest(tmp_path)
    assert entries["cine-a.avi"] == ManifestEntry("cine-a.avi", "prepared", "A4C", "patient-1", 30, 29.9701, 112, 112,
                                                  0.8125, 0.8, "fan", 61.5)  # fmt: skip
    write_manifest(tmp_path, entries.values())
    assert (tmp_path / "manifest.csv").read_bytes() == text.encode()


@pytest.mark.parametrize(("cell", "message"), [
    ("1.5", "ed must be a probability"), ("x", "ed must be"), ("nan", "ed must be"), ("", "ed must be"),
])  # fmt: skip
def test_a_cell_of_curves_that_is_none_is_named(tmp_path, cell, message):
    path = one_row(tmp_path / "a.curves.csv", frame="0", time="0.0", ed=cell, es="0.5")
    with pytest.raises(CineError, match=rf"^a\.curves\.csv: line 2: {message}"):
        read_curves(path)


def test_a_table_of_too_many_rows_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("EchoKeyframeLib.table_file.MOST_ROWS", 3)
    (tmp_path / "labels.csv").write_text("file,phase,frame\n" + "a.avi,ED,3\n" * 4, encoding="utf-8")
    with pytest.raises(LabelError, match="more than 3 lines"):
        read_labels(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes there")
@pytest.mark.parametrize(("name", "read"), [
    ("labels.csv", read_labels), ("manifest.csv", read_manifest), ("VolumeTracings.csv", open_dataset),
])  # fmt: skip
def test_a_table_that_is_a_pipe_is_refused(tmp_path, name, read):
    folder = write_echonet(tmp_path / "set", 1)
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(CineError, match=f"^{name}: is no regular file"):
        read(folder)


@pytest.mark.parametrize("change", [
    {"size": "112"}, {"size": -1}, {"lengths": [[3]]}, {"lengths": None}, {"clips": [{}]}, {"members": ["a"]},
    {"kind": ["simulated"]}, {"first_seed": "0"}, {"format": 2}, "[" * 10_000, "\xff\xfe",
])  # fmt: skip
def test_a_record_of_a_store_that_is_none_is_named(tmp_path, change):
    from EchoKeyframeLib.training.stores.clip_store import ClipStoreError, create_store, read_description

    create_store(tmp_path / "store", [4, 4], 16, {"kind": "labelled", "clips": [{"frames": 4}, {"frames": 4}]})
    path = tmp_path / "store" / "store.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    assert read_description(path.parent) == document
    path.write_text(change if isinstance(change, str) else json.dumps({**document, **change}), encoding="utf-8")
    with pytest.raises(ClipStoreError, match=r"^store: (is no store of clips|was made by another version)") as caught:
        read_description(path.parent)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
