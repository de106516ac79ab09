"""One table of all beats in a folder of cines: what it holds, that a resumed run gives all of it, what it spares."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from EchoKeyframeLib.batch.beat_rows import beat_rows
from EchoKeyframeLib.batch.inputs import Unreadable
from EchoKeyframeLib.batch.job import Job, Outcome, Status
from EchoKeyframeLib.cine.cine import GIVEN_RATE
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.detection.beats import form_beats, heart_rate
from EchoKeyframeLib.detection.keyframes import Keyframe, Phase
from EchoKeyframeLib.report import beat_table
from EchoKeyframeLib.report.beat_table import COLUMNS, done_rows, failed_row, write_table
from EchoKeyframeLib.report.keyframes_file import KeyframesFile, read_json, write_json


def contents(name: str = "one.avi", frames: tuple[int, ...] = (0, 12, 30, 42, 61), view: str | None = "A4C"):
    """What a detection left: ED and ES in turn, at 30 frames a second."""
    keyframes = [Keyframe(list(Phase)[i % 2], frame, frame / 30, 0.9, at_edge=frame == 0)
                 for i, frame in enumerate(frames)]  # fmt: skip
    keyframes, beats = form_beats(keyframes)
    return KeyframesFile(name, None, view, 90, 30.0, GIVEN_RATE, "motion", "beats", heart_rate(keyframes), keyframes,
                         beats, ("first warning", "second, with a comma"))  # fmt: skip


def read_csv(folder: Path) -> list[dict[str, str]]:
    with (folder / beat_table.CSV_NAME).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_beat_is_a_row_with_what_is_true_of_the_cine(tmp_path):
    paths, number = write_table(tmp_path, done_rows("sub/one", contents()))
    rows = read_csv(tmp_path)
    assert number == len(rows) == 3 and tmp_path / "beats.csv" in paths
    assert [row["beat"] for row in rows] == ["1", "2", "3"]
    assert {(row["result"], row["file"], row["view"], row["status"]) for row in rows} == {
        ("sub/one", "one.avi", "A4C", "done")}  # fmt: skip
    first, second, third = rows
    assert (first["ed_frame"], first["es_frame"], first["next_ed_frame"]) == ("0", "12", "30")
    assert (first["ed_at_edge"], first["measurable"], second["measurable"]) == ("True", "False", "True")
    assert [row["unfit"] for row in rows] == ["cut", "", "cut"]
    assert float(second["es_time"]) == pytest.approx(1.4)
    assert float(second["beat_heart_rate"]) == pytest.approx(1800 / 31)
    assert third["es_frame"] == "" and third["beat_heart_rate"] == ""
    assert first["warnings"] == "first warning | second, with a comma"


def test_cines_without_a_beat_and_failed_ones_have_a_row(tmp_path):
    rows = [*done_rows("still", contents("still.avi", ())), failed_row("bad", "bad.dcm", "bad.dcm: is empty")]
    write_table(tmp_path, rows)
    still, bad = read_csv(tmp_path)
    assert (still["status"], still["beat"], still["frames"]) == ("done", "", "90")
    assert (bad["status"], bad["message"], bad["frames"]) == ("failed", "bad.dcm: is empty", "")


def test_parquet_holds_the_same_with_types(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(tmp_path, [*done_rows("Ä/心", contents()), failed_row("bad", "bad.dcm", "why")])
    table = parquet.read_table(tmp_path / beat_table.PARQUET_NAME).to_pylist()
    for typed, text in zip(table, read_csv(tmp_path), strict=True):
        for name, kind in COLUMNS.items():
            assert typed[name] is None or type(typed[name]) is kind
            shown = typed[name] if not isinstance(typed[name], float) else round(typed[name], 6)
            assert ("" if shown is None else str(shown)) == text[name]


def test_without_pyarrow_there_is_the_csv_and_no_outdated_parquet(tmp_path, monkeypatch):
    (tmp_path / beat_table.PARQUET_NAME).write_bytes(b"of an earlier run")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr(beat_table, "find_spec", lambda name: None)
    paths, _ = write_table(tmp_path, done_rows("one", contents()))
    assert [path.name for path in paths] == ["beats.csv"] == [path.name for path in tmp_path.iterdir()]


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(beat_table, "_AT_ONCE", 100)
    peaks, two_beats = [], contents(frames=(1, 9, 30))
    for number in (400, 400, 4000):  # the first one imports
        tracemalloc.start()
        write_table(tmp_path, (row for i in range(number // 2) for row in done_rows(f"{i}", two_beats)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert len(read_csv(tmp_path)) == 4000
    assert peaks[2] < 2 * peaks[1] + 200_000


def test_rows_are_read_back_from_results_of_this_run_and_earlier_ones(tmp_path):
    for name in ("b/two", "one", "earlier", "damaged"):
        path = tmp_path / f"{name}.keyframes.json"
        path.parent.mkdir(exist_ok=True)
        write_json(path, contents(f"{path.name.split('.')[0]}.avi", frames=(3, 12)))
    (tmp_path / "damaged.keyframes.json").write_text("{", encoding="utf-8")
    jobs = {name: Job(Path(f"{name}.avi"), tmp_path / name) for name in ("b/two", "one", "broken")}
    outcomes = [Outcome(jobs["one"], Status.SKIPPED), Outcome(jobs["b/two"], Status.DONE),
                Outcome(jobs["broken"], Status.FAILED, "cannot be decoded")]  # fmt: skip
    damaged = []
    unreadable = [Unreadable("locked", "Permission denied")]
    rows = list(beat_rows(outcomes, unreadable, tmp_path, lambda *told: damaged.append(told)))
    assert [result for result, _ in damaged] == ["damaged"]
    assert [(row["result"], row["status"]) for row in rows] == [
        ("b/two", "done"), ("broken", "failed"), ("damaged", "failed"), ("earlier", "done"), ("one", "done"),
        ("", "failed")]  # fmt: skip
    assert (rows[-1]["file"], rows[-1]["message"]) == ("locked", "Permission denied")
    assert rows[1]["file"] == "broken.avi" and rows[1]["message"] == "cannot be decoded"


@pytest.fixture(scope="module")
def study(tmp_path_factory, beating_video) -> Path:
    folder = tmp_path_factory.mktemp("study")
    (folder / "b").mkdir()
    for name in ("one.avi", "b/zwei ü.avi"):
        shutil.copy(beating_video, folder / name)
    (folder / "broken.dcm").write_text("no DICOM", encoding="utf-8")
    return folder


def test_detect_writes_the_table_of_a_folder_and_a_resumed_run_writes_all_of_it_again(study, tmp_path, capsys):
    output = tmp_path / "out"
    arguments = ["detect", str(study), "--model", "motion", "--view", "A2C", "--jobs", "1", "--output", str(output)]
    assert main(arguments) == 1 and "beats.csv" in capsys.readouterr().out
    whole = (output / "beats.csv").read_bytes()
    rows = read_csv(output)
    assert {row["result"] for row in rows} == {"one", "b/zwei ü", "broken"}
    assert {row["view"] for row in rows if row["status"] == "done"} == {"A2C"}
    found = read_json(output / "b" / "zwei ü.keyframes.json")
    mine = [row for row in rows if row["result"] == "b/zwei ü"]
    assert [int(row["beat"]) for row in mine] == [beat.number for beat in found.beats]
    ed = [float(row["ed_time"]) for row in mine if row["ed_time"]]
    np.testing.assert_allclose(ed, [beat.ed.time for beat in found.beats if beat.ed], atol=1e-6)

    for path in output.glob("beats.*"):
        path.unlink()
    (output / "one.png").unlink()  # as if stopped here
    assert main(arguments) == 1
    assert (output / "beats.csv").read_bytes() == whole
    assert main(["detect", str(study / "one.avi"), "--model", "motion", "--view", "A2C", "--output", str(output)]) == 0
    assert {row["result"] for row in read_csv(output)} == {"one", "b/zwei ü"}, "the failure was not of this run"


def test_a_single_cine_makes_no_table_and_a_foreign_one_stays(study, tmp_path, capsys):
    one = ["detect", str(study / "one.avi"), "--model", "motion", "--output", str(tmp_path)]
    assert main(one) == 0 and not list(tmp_path.glob("beats.*"))
    for name in ("beats.csv", "beats.parquet"):
        (tmp_path / name).write_text("result,mine\n", encoding="utf-8")
        assert main(one) == 0
        assert main(["detect", str(study), "--model", "motion", "--output", str(tmp_path)]) == 2
        assert name in capsys.readouterr().err
        assert (tmp_path / name).read_text(encoding="utf-8") == "result,mine\n"
        (tmp_path / name).unlink()


def test_damaged_results_of_an_earlier_run_are_named_and_the_others_count(study, tmp_path, capsys):
    output = tmp_path / "out"
    one = ["detect", str(study / "one.avi"), "--model", "motion", "--output", str(output)]
    assert main(one) == 0
    document = json.loads((output / "one.keyframes.json").read_text(encoding="utf-8"))
    (output / "old").mkdir()
    changes = {"frames": "many"}, {"keyframes": [7]}, {"frame_rate": 10**400}, {"beats": None}
    for number, change in enumerate(changes):
        path = output / "old" / f"bad{number}.keyframes.json"
        path.write_text(json.dumps(document | change), encoding="utf-8")
    write_table(output, [])  # a table is renewed where there is one
    capsys.readouterr()
    assert main(one) == 1
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed: ")]
    assert len(failed) == len(changes) and "failed: old/bad0.keyframes.json: damaged keyframes file (" in failed[0]
    status = {row["result"]: row["status"] for row in read_csv(output)}
    assert status == {"one": "done", **{f"old/bad{number}": "failed" for number in range(4)}}
