"""The command reproduce, from simulated clips to a folder of tables and figures, read back."""

from __future__ import annotations

import csv
import getpass
import platform
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from drawn_ventricle import beating_frames, write_video
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.sector import whole_frame
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.detection.keyframes import Curves
from EchoKeyframeLib.evaluation.reproduction.system_runs import TIMED_FRAMES, time_inference
from EchoKeyframeLib.models.config import NetworkConfig
from EchoKeyframeLib.models.presets import build_network
from EchoKeyframeLib.models.weights_file import save_weights
from EchoKeyframeLib.training.stores.clip_store import ClipStore

CLIPS = 5
FIGURES = ["figure-3", "figure-6", "figure-7", "figure-7-bland-altman", "figure-8", "figure-9", "figure-10"]
TABLES = ["table-1", "table-2", "table-2-analyses", "table-3", "table-4"]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A few small simulated clips of two views."""
    folder = tmp_path_factory.mktemp("data") / "store"
    shape = ["--frames", "40", "--size", "48", "--fps", "20", "25", "--view", "A4C", "A2C", "--seed", "21"]
    assert main(["phantom", str(folder), "--store", "--count", str(CLIPS), *shape]) == 0
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """An untrained ResNet+VST, small enough for a test: it is bad at this, which the report must bear."""
    torch.manual_seed(0)
    config = NetworkConfig("resnet-vst", frames=8, size=32, backbone="resnet18", width=16, depths=(1,), heads=(2,))
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    save_weights(path, build_network(config), version="0")
    return path


@pytest.fixture(scope="module")
def report(store, weights, tmp_path_factory) -> Path:
    """The folder of a report on the motion detector and the untrained network."""
    folder = tmp_path_factory.mktemp("report") / "Übersicht"
    command = ["reproduce", str(store), "--models", "motion", str(weights), "--repeats", "3", "--device", "cpu"]
    assert main([*command, "--output", str(folder)]) == 0
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.slow
def test_every_table_and_figure_is_there_and_nothing_else(report):
    names = {f"{name}.md" for name in TABLES} | {f"{name}.png" for name in FIGURES}
    names |= {f"{name}.csv" for name in (*TABLES, *FIGURES)} | {"report.md", "keyframes.csv"}
    assert {path.name for path in report.iterdir()} == names
    for name in FIGURES:
        image = cv2.imdecode(np.fromfile(report / f"{name}.png", np.uint8), cv2.IMREAD_COLOR)
        assert image.shape[1] == 1440 and image.std() > 10
        assert rows(report / f"{name}.csv")


def test_the_page_shows_all_and_says_what_it_is_on(report):
    page = (report / "report.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([^)]+)\)", page))
    assert linked == {path.name for path in report.iterdir()} - {"report.md"} - {f"{name}.md" for name in TABLES}
    headings = re.findall(r"^#+ .*$", page, re.MULTILINE)
    assert len(headings) == 2 + len(TABLES) + len(FIGURES), "a title, and the departures"
    assert all(f"{CLIPS} simulated clips" in heading for heading in headings)
    of_view = len({row["clip"] for row in rows(report / "keyframes.csv") if row["view"] == "A4C"})
    assert 0 < of_view < CLIPS and f", A4C view: {of_view} of {CLIPS} simulated clips" in page
    assert all(f"{CLIPS} simulated clips" in (report / f"{name}.md").read_text(encoding="utf-8") for name in TABLES)
    assert "Simulated clips come from a program" in page and "| B | untrained 0 | maxima | cpu |" in page


def test_table_1_names_the_machine_by_its_parts_alone(report):
    found = {row["configuration"]: row["value"] for row in rows(report / "table-1.csv")}
    assert found["Programming language"].startswith("Python 3.") and "torch" in found["DL framework and libraries"]
    assert "cores" in found["CPU"] and found["GPU"]
    everything = (report / "table-1.md").read_text(encoding="utf-8")
    assert platform.node() not in everything and getpass.getuser() not in everything


def test_table_2_agrees_with_the_list_of_keyframes(report):
    keyframes = rows(report / "keyframes.csv")
    table = {(row["system"], row["view"]): row for row in rows(report / "table-2.csv")}
    assert {view for _, view in table} == {"A2C", "A4C", "all"} and {s for s, _ in table} == {"motion", "untrained 0"}
    for (system, view), row in table.items():
        mine = [k for k in keyframes if k["system"] == system and view in ("all", k["view"])]
        for phase in ("ED", "ES"):
            labelled = [k for k in mine if k["phase"] == phase and k["label"]]
            near = [float(k["nearest_distance"]) for k in labelled if k["nearest_distance"]]
            found = [k for k in labelled if k["detected"]]
            extra = [k for k in mine if k["phase"] == phase and not k["label"]]
            key = phase.lower()
            assert [int(row[f"{name}_{key}"]) for name in ("true", "found", "extra")] == [
                len(labelled), len(found), len(extra)
            ]  # fmt: skip
            matched = [abs(float(k["detected"]) - float(k["label"])) for k in found]
            for pairing, values in (("nearest", near), ("matched", matched)):
                told = row[f"afd_{pairing}_{key}"]
                assert float(told) == pytest.approx(np.mean(values), rel=1e-4) if values else told == ""


def test_labels_in_the_report_are_those_of_the_store(report, store):
    clips = ClipStore(store)
    inside = [frame for i in range(len(clips)) for frame in (*clips[i].labels.ed, *clips[i].labels.es)
              if 0 <= frame <= 39]  # fmt: skip
    for system in ("motion", "untrained 0"):
        mine = [k for k in rows(report / "keyframes.csv") if k["system"] == system and k["label"]]
        assert [float(k["label"]) for k in mine] == pytest.approx(inside, rel=1e-4)


def test_table_4_has_every_line_twice_over_and_the_time_of_both_systems(report):
    table = rows(report / "table-4.csv")
    lines = [(row["measure"], row["unit"]) for row in table]
    assert len(lines) == len(set(lines)) == 9  # two phases, two pairings, two units; inference time
    time = table[-1]
    assert time["measure"] == "Inference time (s)" and time["A_n"] == time["B_n"] == "3"
    assert float(time["A_mean"]) > 0 and float(time["p"]) <= 1
    clips = next(row for row in table if row["unit"] == "clip")
    assert int(clips["A_n"]) <= CLIPS and clips["first"] == "A" and clips["second"] == "B"


def test_figure_10_shows_the_clips_with_the_largest_errors(report):
    def error(clip: str) -> float:
        mine = [k for k in rows(report / "keyframes.csv") if k["system"] == "motion" and k["clip"] == clip]
        return float(np.mean([abs(float(k["error_s"])) if k["error_s"] else 0.25 for k in mine]))

    shown = [row["clip"] for row in rows(report / "figure-10.csv")]
    others = {k["clip"] for k in rows(report / "keyframes.csv")} - set(shown)
    assert len(shown) == 3 and [error(clip) for clip in shown] == sorted(map(error, shown), reverse=True)
    assert all(error(clip) <= error(shown[-1]) for clip in others)


def test_one_clip_and_one_system_still_make_a_report(store, tmp_path):
    command = ["reproduce", str(store), "--models", "motion", "--clips", "1", "--repeats", "1"]
    assert main([*command, "--output", str(tmp_path)]) == 0
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "1 simulated clip," in page and "not analysed: fewer than two groups" in page
    assert all(row["f"] == "" for row in rows(tmp_path / "table-4.csv"))


def test_a_view_that_is_not_there_is_a_usage_error(store, tmp_path, capsys):
    command = ["reproduce", str(store), "--models", "motion", "--clips", "1", "--repeats", "1", "--view", "PLAX"]
    assert main([*command, "--output", str(tmp_path)]) == 2
    assert "--view PLAX: the clips show A" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_where_no_clip_can_be_read_there_is_no_report(tmp_path, capsys):
    folder, output = tmp_path / "cines", tmp_path / "new" / "report"
    folder.mkdir()
    (folder / "broken.avi").write_bytes(b"RIFF")
    (folder / "labels.csv").write_text("file,phase,frame\nbroken.avi,ED,3\n", encoding="utf-8")
    assert main(["reproduce", str(folder), "--models", "motion", "--output", str(output)]) == 1
    told = capsys.readouterr().err
    assert "broken.avi: " in told and "no clip could be evaluated" in told and not output.parent.exists()
    assert main(["evaluate", str(folder), "--model", "motion", "--output", str(output)]) == 1


def test_labelled_cines_of_a_person_and_one_that_cannot_be_read(tmp_path, capsys):
    """Not simulated, so nothing may be called so; without a view; with labels of ED alone in the second clip."""
    folder = tmp_path / "cines"
    folder.mkdir()
    for name in ("one.avi", "two.avi"):
        write_video(folder / name, beating_frames(size=96))
    (folder / "broken.avi").write_bytes(b"RIFF")
    labels = ["file,phase,frame"]
    labels += [f"one.avi,{p},{f}" for p, f in (("ED", 0), ("ES", 15), ("ED", 30), ("ES", 45))]
    labels += ["two.avi,ED,30", "broken.avi,ED,3"]
    (folder / "labels.csv").write_text("\n".join(labels), encoding="utf-8")
    output = tmp_path / "report"
    assert main(["reproduce", str(folder), "--models", "motion", "--output", str(output), "--repeats", "1"]) == 1
    assert "broken.avi" in capsys.readouterr().err
    page = (output / "report.md").read_text(encoding="utf-8")
    assert "3 labelled clips, of which 2 could be evaluated" in page and "imulated" not in page
    assert "## Not evaluated" in page and "- broken.avi: " in page and "view not given" in page


def test_what_is_timed():
    """16 frames, whatever the clip's own rate and length; in turn, one round more than counted, to warm up."""
    seen = []

    class Watcher:
        device = "cpu"

        def __init__(self, name):
            self.name = name

        def curves(self, cine, sector, progress=None):
            seen.append((self.name, len(cine), round(cine.fps)))
            return Curves(np.zeros((len(cine), 2), np.float32), cine.times, self.name)

    cine = Cine(np.zeros((40, 8, 8), np.uint8), np.arange(40) / 90.0, Source("clip"))
    seconds = time_inference([Watcher("a"), Watcher("b")], cine, whole_frame(cine), 4)
    assert [len(values) for values in seconds] == [4, 4] and min(map(min, seconds)) >= 0
    assert seen == [("a", TIMED_FRAMES, 25), ("b", TIMED_FRAMES, 25)] * 5


def test_several_readers_are_compared_with_each_other(tmp_path):
    """Anna and Ben differ by 1 and 2 frames, Anna from herself by 1; the systems are compared with their vote."""
    write_video(tmp_path / "one.avi", beating_frames(size=64))
    marks = {"anna": (1, 31, 15), "ben": (2, 33, 15), "anna:2": (0, 30, 15)}
    lines = [f"one.avi,{p},{f},60,30,{reader}" for reader, (first, second, es) in marks.items()
             for p, f in (("ED", first), ("ES", es), ("ED", second))]  # fmt: skip
    (tmp_path / "labels.csv").write_text("\n".join(["file,phase,frame,frames,fps,reader", *lines]), encoding="utf-8")
    output = tmp_path / "report"
    assert main(["reproduce", str(tmp_path), "--models", "motion", "--output", str(output), "--repeats", "1"]) == 0
    readers = {(row["kind"], row["phase"]): row for row in rows(output / "readers.csv")}
    assert readers["inter-reader", "ED"]["afd_frames"] == "1.5" and readers["intra-reader", "ED"]["afd_frames"] == "1"
    assert readers["inter-reader", "ES"]["afd_frames"] == "0" and len(readers) == 4
    assert "between and within readers: 1 labelled clip" in (output / "report.md").read_text(encoding="utf-8")
    labels = [float(k["label"]) for k in rows(output / "keyframes.csv") if k["phase"] == "ED" and k["label"]]
    assert labels == [1.5, 32]
