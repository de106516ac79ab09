"""The JSON and CSV files of a detection, written and read back."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from EchoKeyframeLib import __version__
from EchoKeyframeLib.atomic_file import written_atomically
from EchoKeyframeLib.cine.cine import Cine, CineError, Source
from EchoKeyframeLib.cine.finding import Finding, FindingKind
from EchoKeyframeLib.detection.beats import form_beats
from EchoKeyframeLib.detection.keyframes import Curves, Detection, Keyframe, Phase
from EchoKeyframeLib.report.curves_file import read_curves, write_curves
from EchoKeyframeLib.report.keyframes_file import KeyframesFile, read_json, write_csv, write_json


@pytest.fixture
def cine(tmp_path) -> Cine:
    frames = np.zeros((40, 8, 8), np.uint8)
    source = Source("Schlag äöü 心.dcm", tmp_path / "Schlag äöü 心.dcm", "1.2.3.4")
    return Cine(frames, np.arange(40) / 30.0, source, view="A4C", timing="FrameTime")


@pytest.fixture
def detection(cine) -> Detection:
    probability = np.random.default_rng(1).random((40, 2)).astype(np.float32)
    found = [
        Keyframe(Phase.ED, 3, 3 / 30, 0.91),
        Keyframe(Phase.ES, np.int64(14), np.float64(14 / 30), np.float32(0.72), source="manual"),
        Keyframe(Phase.ED, 33, 33 / 30, 0.5),
        Keyframe(Phase.ES, 39, 39 / 30, 0.2, at_edge=True),
    ]
    keyframes, beats = form_beats(found)
    return Detection(Curves(probability, cine.times, "motion 1"), keyframes, beats, 60.0, "motion 1", "beats",
                     ("first warning",))


def test_json_reads_back_as_it_was_written(tmp_path, cine, detection):
    path = tmp_path / "a.keyframes.json"
    written = KeyframesFile.of(cine, detection)
    write_json(path, written)
    found = read_json(path)
    assert [(k.phase, k.frame, k.source, k.at_edge, k.beat) for k in found.keyframes] == [
        (Phase.ED, 3, "auto", False, 1), (Phase.ES, 14, "manual", False, 1),
        (Phase.ED, 33, "auto", False, 2), (Phase.ES, 39, "auto", True, 2)]
    assert [k.time for k in found.keyframes] == pytest.approx([3 / 30, 14 / 30, 33 / 30, 39 / 30], abs=1e-6)
    assert [k.confidence for k in found.keyframes] == pytest.approx([0.91, 0.72, 0.5, 0.2], abs=1e-6)
    first, second = found.beats
    assert (first.ed.frame, first.es.frame, first.next_ed.frame, first.measurable) == (3, 14, 33, True)
    assert first.heart_rate == pytest.approx(60.0, abs=1e-3)
    assert (second.ed.frame, second.es.frame, second.next_ed, second.measurable) == (33, 39, None, False)
    for field in ("source", "sop_instance_uid", "view", "frames", "timing", "model", "decoder", "warnings", "version"):
        assert getattr(found, field) == getattr(written, field), field
    assert found.frame_rate == pytest.approx(30.0)
    assert found.version == __version__


def test_json_has_the_documented_shape(tmp_path, cine, detection):
    path = tmp_path / "a.keyframes.json"
    write_json(path, KeyframesFile.of(cine, detection))
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["keyframes"][0] == {"phase": "ED", "frame": 3, "time": 0.1, "confidence": 0.91, "source": "auto",
                                        "at_edge": False, "beat": 1, "degraded": False}
    assert document["beats"][0]["ed"] == 3 and document["beats"][0]["measurable"] is True
    assert [beat["unfit"] for beat in document["beats"]] == [[], ["cut", "low confidence"]]
    assert document["source"] == "Schlag äöü 心.dcm" and document["sop_instance_uid"] == "1.2.3.4"
    assert str(tmp_path) not in path.read_text(encoding="utf-8"), "no absolute path"


def test_csv_has_one_line_a_keyframe(tmp_path, cine, detection):
    path = tmp_path / "a.keyframes.csv"
    write_csv(path, KeyframesFile.of(cine, detection))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["phase"], int(row["frame"]), int(row["beat"])) for row in rows] == [
        ("ED", 3, 1), ("ES", 14, 1), ("ED", 33, 2), ("ES", 39, 2)]


def test_curves_read_back(tmp_path, detection):
    path = tmp_path / "a.curves.csv"
    write_curves(path, detection.curves)
    found = read_curves(path, "motion 1")
    np.testing.assert_allclose(found.probability, detection.curves.probability, atol=1e-6)
    np.testing.assert_allclose(found.times, detection.curves.times, atol=1e-6)


@pytest.mark.parametrize(("change", "message"), [
    (lambda d: d["keyframes"][2].update(time=0.10001), "frame 33 at 0.10001 s is not later than frame 14"),
    (lambda d: d["keyframes"][2].update(frame=3, time=0.1), "ED frame 3 twice"),
    (lambda d: d.update(frame_rate=float("nan")), "float > 0.0 - at $.frame_rate"),
    (lambda d: d.update(frame_rate=0, beats=[]), "float > 0.0 - at $.frame_rate"),
    (lambda d: (d["keyframes"][3].update(frame=40), d["beats"][1].update(es=40)), "on no frame of the cine's 40"),
    (lambda d: d["keyframes"][0].update(frame=4.5), "got float - at $.keyframes[0].frame"),
    (lambda d: d["keyframes"][3].update(time=1e400), "at $.keyframes[3].time"),
    (lambda d: d["keyframes"][3].update(time=10**400), "out of range - at $.keyframes[3].time"),
    (lambda d: d["keyframes"][3].update(frame=10**400), "at $.keyframes[3].frame"),
    (lambda d: d["keyframes"][1].update(confidence="sure"), "got str - at $.keyframes[1].confidence"),
    (lambda d: d["keyframes"][1].update(confidence=1.5), "at $.keyframes[1].confidence"),
    (lambda d: d.update(model=["motion"]), "got array - at $.model"),
    (lambda d: d.update(warnings="one"), "at $.warnings"),
    (lambda d: d.pop("source"), "missing required field source"),
])  # fmt: skip
def test_numbers_that_no_cine_has_are_refused(tmp_path, cine, detection, change, message):
    path = tmp_path / "b.keyframes.json"
    write_json(path, KeyframesFile.of(cine, detection))
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(CineError, match=r"b\.keyframes\.json: damaged") as caught:
        read_json(path)
    assert message in str(caught.value)


def edited(path, cine, detection, change) -> KeyframesFile:
    """What is read after a person changed the list of keyframes in the file, and nothing else."""
    write_json(path, KeyframesFile.of(cine, detection))
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document["keyframes"])
    path.write_text(json.dumps(document), encoding="utf-8")
    return read_json(path)


@pytest.mark.parametrize(("change", "frames", "rate"), [
    (lambda keys: keys[2].update(frame=30, source="manual"), [(3, 14, 30), (30, 39, None)], 60 * 30 / 27),
    (lambda keys: keys[0].update(frame=6), [(6, 14, 33), (33, 39, None)], 60 * 30 / 27),
    (lambda keys: keys[1].update(phase="ED"), [(3, None, 14), (14, None, 33), (33, 39, None)], 60 * 30 / 15),
    (lambda keys: keys.pop(0), [(None, 14, 33), (33, 39, None)], 60 * 30 / 25),
    (lambda keys: keys.insert(0, {"phase": "ES", "frame": 1}), [(None, 1, 3), (3, 14, 33), (33, 39, None)], None),
    (lambda keys: keys.clear(), [], None),
])  # fmt: skip
def test_beats_and_rates_follow_keyframes_that_a_person_changed(tmp_path, cine, detection, change, frames, rate):
    found = edited(tmp_path / "a.keyframes.json", cine, detection, change)
    assert [tuple(k and k.frame for k in (b.ed, b.es, b.next_ed)) for b in found.beats] == frames
    assert [k.time for k in found.keyframes] == pytest.approx([k.frame / 30 for k in found.keyframes], abs=1e-5)
    if rate:
        assert found.heart_rate == pytest.approx(rate, abs=0.01)
    assert {b.number for b in found.beats} == {k.beat for k in found.keyframes}


def test_an_unchanged_file_keeps_times_that_no_frame_rate_gives(tmp_path, cine, detection):
    times = cine.times + np.where(np.arange(40) > 20, 0.4, 0)
    moved = [replace(k, time=float(times[k.frame])) for k in detection.keyframes]
    uneven = replace(detection, keyframes=tuple(moved), beats=form_beats(moved)[1])
    path = tmp_path / "a.keyframes.json"
    found = edited(path, replace(cine, times=times), uneven, lambda keys: None)
    assert [k.time for k in found.keyframes] == pytest.approx([k.time for k in moved], abs=1e-5)
    assert found.heart_rate == pytest.approx(60 / 1.4, abs=0.01)


def test_a_cine_gives_changed_keyframes_its_own_times(tmp_path, cine, detection):
    uneven = replace(cine, times=cine.times**1.5)
    found = edited(tmp_path / "a.keyframes.json", uneven, detection, lambda keys: keys[2].update(frame=30))
    timed = found.timed_by(uneven)
    assert [k.time for k in timed.keyframes] == [uneven.times[f] for f in (3, 14, 30, 39)]
    assert timed.beats[0].heart_rate == timed.heart_rate == pytest.approx(60 / (uneven.times[30] - uneven.times[3]))
    assert timed.keyframes[1].source == "manual" and timed.warnings == found.warnings
    with pytest.raises(CineError, match=r"SOP instance 1\.2\.3\.4, not 1\.2\.3\.5"):
        found.timed_by(replace(cine, source=replace(cine.source, sop_instance_uid="1.2.3.5")))


@pytest.mark.parametrize("text", ["", "[" * 100_000, "no json", "[]", "{}", '{"schema": 99}', '{"schema": 1}',
                                  '{"schema": 1, "keyframes": [{"phase": "XX"}]}', '{"schema": 1, "keyframes": 3}'])
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "b.keyframes.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CineError, match=r"b\.keyframes\.json") as caught:
        read_json(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "frame,time\n0,0\n", "frame,time,ed,es\n0,0,x,0\n", "frame,time,ed,es\n0,0,2,0\n"]
)
def test_a_damaged_curves_file_is_refused(tmp_path, text):
    path = tmp_path / "b.curves.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CineError, match=r"b\.curves\.csv"):
        read_curves(path)


def test_an_error_while_writing_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError), written_atomically(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_that_ends_at_once_takes_along_what_it_had_begun_to_write(tmp_path):
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from EchoKeyframeLib.atomic_file import discard_unfinished, written_atomically, written_together\n"
        "folder = Path(sys.argv[1])\n"
        "with written_atomically(folder / 'a.txt') as one, written_together([folder / 'b.txt']) as several:\n"
        "    for path in (one, *several):\n"
        "        path.write_text('half')\n"
        "    print(len(list(folder.iterdir())), flush=True)\n"
        "    discard_unfinished()\n"
        "    os._exit(1)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "2" and done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_findings_are_data_and_files_without_them_are_read(tmp_path, cine, detection):
    lost = Finding(FindingKind.LOST_FRAMES, "frame 7 is damaged and left out", (7, 7))
    odd = (lost, Finding(FindingKind.SPACING, "two"))
    path = tmp_path / "a.keyframes.json"
    write_json(path, KeyframesFile.of(cine, replace(detection, findings=odd)))
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["schema"] == 1 and document["findings"] == [
        {"kind": "lost frames", "frames": [7, 7], "text": "frame 7 is damaged and left out"},
        {"kind": "spacing", "frames": None, "text": "two"},
    ]
    assert read_json(path).findings == odd
    del document["findings"]  # as version 0.1.0 wrote them
    path.write_text(json.dumps(document | {"of_a_later_version": 1}), encoding="utf-8")
    assert read_json(path).findings == ()


@pytest.mark.parametrize("spoilt", [
    lambda text: "\ufeff" + text,
    lambda text: text.replace('"frame": 14', '"frame": 14.0').replace('"frame": 33', '"frame": 3.3e1'),
])  # fmt: skip
def test_what_editors_and_other_programs_make_of_a_file_is_read(tmp_path, cine, detection, spoilt):
    path = tmp_path / "a.keyframes.json"
    write_json(path, KeyframesFile.of(cine, detection))
    text = path.read_text(encoding="utf-8")
    assert spoilt(text) != text
    path.write_text(spoilt(text), encoding="utf-8")
    frames = [k.frame for k in read_json(path).keyframes]
    assert frames == [3, 14, 33, 39] and all(type(frame) is int for frame in frames)


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be"])
def test_a_file_in_utf_16_is_named_as_such(tmp_path, cine, detection, coding):
    path = tmp_path / "a.keyframes.json"
    write_json(path, KeyframesFile.of(cine, detection))
    mark = "" if coding == "utf-16" else "\ufeff"
    path.write_bytes((mark + path.read_text(encoding="utf-8")).encode(coding))
    with pytest.raises(CineError, match=r"^a\.keyframes\.json: is written in UTF-16; save it as UTF-8$"):
        read_json(path)
