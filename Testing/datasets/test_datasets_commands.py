"""``train`` and ``evaluate`` on made-up data sets, whole and in parts."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from dataset_folders import write_camus_nifti, write_echonet
from drawn_ventricle import beating_frames
from EchoKeyframeLib.cine.video_writer import write_video
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.datasets.clip_labels import ClipLabels
from EchoKeyframeLib.datasets.labels import write_readings
from EchoKeyframeLib.datasets.readers import ClipReadings
from EchoKeyframeLib.datasets.split import Split
from EchoKeyframeLib.training.stores.clip_store import ClipStore

TINY = ["--preset", "motion-only", "--size", "32", "--window", "8", "--batch", "2", "--threads", "1", "--device", "cpu"]


def table(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def echonet_folder(tmp_path_factory):
    return write_echonet(tmp_path_factory.mktemp("sets") / "EchoNet-Dynamic")


@pytest.fixture(scope="module")
def own_set(tmp_path_factory):
    """Ten cines of five patients."""
    folder = tmp_path_factory.mktemp("sets")
    video = beating_frames(46, size=48)
    for number in range(10):
        write_video(folder / f"loop {number}.avi", np.roll(video, number, axis=2), 30.0, "mjpeg")
    write_readings(folder / "labels.csv", [
        ClipReadings({"": ClipLabels(f"loop {n}.avi", (0, 30), (15, 45), 46, view=("A4C", "A2C")[n % 2])}, f"P{n // 2}")
        for n in range(10)
    ])  # fmt: skip
    return folder


def test_evaluating_a_published_part_counts_extras_where_labels_decide(echonet_folder, tmp_path, capsys):
    command = ["evaluate", str(echonet_folder), "--split", "test", "--model", "motion", "--output", str(tmp_path)]
    assert main(command) == 0
    assert "2 labelled clips (EchoNet-Dynamic, part 'test')" in capsys.readouterr().out
    events = table(tmp_path / "motion-beats" / "events.csv")
    labelled = [event for event in events if event["outcome"] != "extra"]
    assert {event["clip"] for event in events} == {"0X0002.avi", "0X0005.avi"}
    assert sorted((event["phase"], float(event["frame"])) for event in labelled) == 2 * [("ED", 30)] + 2 * [("ES", 45)]
    # The loop has keyframes at 0, 15 and 60 as well, which nobody labelled.
    assert all(25 <= float(event["frame"]) <= 50 for event in events)
    assert {event["outcome"] for event in labelled} == {"found"}


def test_half_cycles_are_evaluated(tmp_path, capsys):
    pytest.importorskip("SimpleITK")
    folder = write_camus_nifti(tmp_path / "CAMUS")
    command = ["evaluate", str(folder), "--split", "val", "--model", "motion", "--output", str(tmp_path / "report")]
    assert main(command) == 0
    assert "2 labelled clips (CAMUS, part 'val')" in capsys.readouterr().out
    assert {row["group"] for row in table(tmp_path / "report" / "comparison.csv")} >= {"all", "A2C", "A4C"}


def test_no_patient_is_trained_and_tested_on(own_set, tmp_path, capsys):
    run = tmp_path / "run"
    command = ["train", str(own_set), "--output", str(run), "--steps", "1", *TINY]
    assert main([*command, "--split", "train"]) == 0
    store = ClipStore(run / "clips")
    trained = {store[index].labels.file for index in range(len(store))}
    report = ["--model", "motion", "--output", str(tmp_path / "o")]
    assert main(["evaluate", str(own_set), "--split", "test", *report]) == 0
    tested = {event["clip"] for event in table(tmp_path / "o" / "motion-beats" / "events.csv")}
    assert len(trained) == 8 and len(tested) == 2
    patients = [{int(name.split()[1].split(".")[0]) // 2 for name in part} for part in (trained, tested)]
    assert not patients[0] & patients[1]
    before = (run / "clips" / "store.json").stat().st_mtime_ns
    assert main([*command, "--split", "train"]) == 0
    assert (run / "clips" / "store.json").stat().st_mtime_ns == before
    assert main(command) == 2  # other cines than the store of this training holds
    assert "holds other clips" in capsys.readouterr().err


def test_training_on_labels_of_one_beat(echonet_folder, tmp_path):
    run = tmp_path / "run"
    command = ["train", str(echonet_folder), "--output", str(run), "--steps", "2", "--split", "train", *TINY]
    assert main(command) == 0
    store = ClipStore(run / "clips")
    assert [store[index].labels.decided for index in range(len(store))] == 2 * [((25, 50),)]
    assert (run / "weights.safetensors").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("evaluate OWN --split val", "no cines in its part 'val'"),
        ("evaluate OWN --subset tiny", "has no subset 'tiny'"),
        ("train OWN --subset tiny", "has no subset 'tiny'"),
        ("evaluate OWN --split half", "invalid choice"),
    ],
)
def test_parts_that_a_set_does_not_have(arguments, message, own_set, tmp_path, capsys):
    words = [str(own_set) if word == "OWN" else word for word in arguments.split()]
    try:
        code = main([*words, "--output", str(tmp_path / "out")])
    except SystemExit as error:
        code = error.code
    assert code == 2 and message in capsys.readouterr().err


def test_what_is_wrong_is_left_out_on_demand(tmp_path, capsys):
    folder = write_echonet(tmp_path / "set", 3)
    (folder / "Videos" / "0X0000.avi").unlink()
    with (folder / "VolumeTracings.csv").open("a", encoding="utf-8") as stream:
        stream.write("0X0001.avi,a,b,c,d,3\n")
    command = ["evaluate", str(folder), "--model", "motion", "--output", str(tmp_path / "out")]
    assert main(command) == 2
    assert "X1 must be a number" in capsys.readouterr().err
    assert main([*command, "--leave-out"]) == 0
    told = capsys.readouterr()
    assert "2 cines or labels left out" in told.err and "2 labelled clips (EchoNet-Dynamic)" in told.out


def test_a_part_is_refused_where_the_parts_share_a_patient(own_set, tmp_path, capsys):
    labels = ClipLabels("loop 0.avi", (0, 30), (15, 45), 46)
    parts = [ClipReadings({"": labels}, "P1", Split.TRAIN),
             ClipReadings({"": replace(labels, file="loop 1.avi")}, "P1", Split.TEST)]  # fmt: skip
    write_readings(own_set / "torn.csv", parts)
    command = ["evaluate", str(own_set / "torn.csv"), "--split", "test", "--model", "motion"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 2
    assert "a patient may be in one only" in capsys.readouterr().err


def test_a_store_is_not_divided(tmp_path, capsys):
    shape = ["--frames", "24", "--size", "32", "--fps", "20", "20"]
    assert main(["phantom", str(tmp_path / "store"), "--store", "--count", "1", *shape]) == 0
    assert main(["train", str(tmp_path / "store"), "--split", "train", "--output", str(tmp_path / "run")]) == 2
    assert "a store holds what it was made of" in capsys.readouterr().err
