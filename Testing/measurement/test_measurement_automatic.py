"""``measure --auto``: a simulated heart traced along its true cavity; what is refused, and what is doubted."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from EchoKeyframeLib.batch import process
from EchoKeyframeLib.batch.job import Job, Settings
from EchoKeyframeLib.batch.measuring import measure_job
from EchoKeyframeLib.cine.cine import Cine, CineError, Source
from EchoKeyframeLib.cine.sector import find_sector, whole_frame
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.detection.beats import form_beats
from EchoKeyframeLib.detection.keyframes import Keyframe, Phase
from EchoKeyframeLib.measurement.automatic import tracer as tracers
from EchoKeyframeLib.measurement.automatic.find_contours import find_contours
from EchoKeyframeLib.measurement.automatic.found_contours import wanted_keyframes
from EchoKeyframeLib.measurement.automatic.measured_loop import MeasuredLoop
from EchoKeyframeLib.measurement.automatic.tracing import LoopTracing, TracedFrame
from EchoKeyframeLib.measurement.contour import Contour
from EchoKeyframeLib.measurement.contours_file import read_contours, write_contours
from EchoKeyframeLib.measurement.measure import NothingMeasured, measure
from EchoKeyframeLib.measurement.summary import interval_shown
from EchoKeyframeLib.measurement.unfit import Doubt, LoopDoubt
from EchoKeyframeLib.report.measurement_figure import draw_measurement
from EchoKeyframeLib.report.measurement_file import read_measured_beats
from simulated_heart import FPS, MaskTracer, SimulatedHeart, simulated_heart
from ventricle_shapes import ellipsoid

pytest.importorskip("torch", reason="needs the simulator", exc_type=ImportError)

WRITTEN = {f"four{suffix}" for suffix in (".contours.json", ".measurement.json", ".measurement.csv",
                                          ".measurement.png", ".volumes.csv")}  # fmt: skip


@pytest.fixture(scope="module")
def heart(tmp_path_factory) -> SimulatedHeart:
    return simulated_heart(tmp_path_factory.mktemp("heart") / "four.dcm", frames=48)


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> SimulatedHeart:
    return simulated_heart(tmp_path_factory.mktemp("heart") / "two.dcm", view="A2C", frames=32)


@pytest.fixture
def traced_by(monkeypatch):
    """Makes a tracer the one that commands load."""

    def use(tracer: MaskTracer) -> MaskTracer:
        monkeypatch.setattr(tracers, "load_tracer", lambda *_: tracer)
        return tracer

    return use


def command(*arguments: object) -> int:
    return main(["measure", *map(str, arguments), "--auto"])


def numbers(folder: Path, name: str = "four") -> dict:
    return json.loads((folder / f"{name}.measurement.json").read_text(encoding="utf-8"))


def true_beats(heart: SimulatedHeart):
    return form_beats([Keyframe(phase, frame, frame / FPS) for phase, frames in ((Phase.ED, heart.ed),
                       (Phase.ES, heart.es)) for frame in frames])[1]  # fmt: skip


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def marked(heart, tmp_path) -> Path:
    """An output folder in which the true keyframes lie."""
    heart.write_keyframes(tmp_path / "out" / "four.keyframes.json")
    return tmp_path / "out"


def test_from_a_loop_to_its_numbers(heart, marked, traced_by, capsys):
    tracer = traced_by(MaskTracer(heart, change=lambda frame, points: None if frame == 5 else points))
    assert command(heart.path, "--output", marked) == 0
    told = capsys.readouterr().out
    assert "Contours found by true masks 1, not verified by a person" in told and "the view is not known" in told
    assert {path.name for path in marked.iterdir()} == {*WRITTEN, "four.keyframes.json"}
    assert tracer.asked == [("four.dcm", tuple(sorted({*heart.ed, *heart.es})))]
    document = numbers(marked)
    assert document["algorithm"] == "true masks 1"
    for beat in document["beats"]:
        low, high = beat["ejection_fraction_interval"]
        assert beat["source"] == "auto" and low < beat["ejection_fraction"] < high
        assert beat["ejection_fraction"] == pytest.approx(heart.ejection_fraction, abs=12)
    assert document["beats"][0]["unfit"] == ["cut"]  # its ES comes before the first ED
    assert document["beats_taken"] == [2, 3] and document["spread"]["edv"] < 5
    first, *others = table(marked / "four.measurement.csv")
    assert (first["source"], first["unfit"], first["taken"]) == ("auto", "cut", "False")
    assert [row["beat"] for row in others[-2:]] == ["mean", "sd"]
    contours = read_contours(marked / "four.contours.json")
    assert {(c.source, c.confidence, c.doubts) for c in contours} == {("auto", 0.9, ())}
    check_volumes(heart, table(marked / "four.volumes.csv"), document["beats"])


def check_volumes(heart: SimulatedHeart, rows: list[dict[str, str]], beats: list[dict]) -> None:
    """Of every frame but number 5, where nothing was found."""
    assert list(rows[0]) == ["frame", "time", "area", "volume", "confidence"]
    assert [int(row["frame"]) for row in rows] == list(range(48))
    assert (rows[5]["area"], rows[5]["volume"], float(rows[5]["confidence"])) == ("", "", 0)
    areas = heart.masks.sum(axis=(1, 2)) * heart.cine().spacing[0] ** 2
    seen = [i for i, row in enumerate(rows) if row["area"]]
    assert len(seen) > 40
    assert np.allclose([float(rows[i]["area"]) for i in seen], areas[seen], rtol=0.1)
    for beat in beats:
        assert float(rows[beat["ED"][0]["frame"]]["volume"]) == pytest.approx(beat["edv"], abs=1e-3)


def test_nothing_is_overwritten_without_force(heart, marked, traced_by, capsys):
    tracer = traced_by(MaskTracer(heart))
    (marked / "four.contours.json").write_text("a person's", encoding="utf-8")
    assert command(heart.path, "--output", marked) == 2
    assert "four.contours.json: is already there; use --force" in capsys.readouterr().err
    assert not tracer.asked and len(list(marked.iterdir())) == 2


def test_ed_and_es_are_detected_where_they_are_not_known(heart, traced_by, tmp_path):
    traced_by(MaskTracer(heart))
    assert command(heart.path, "--output", tmp_path) == 0
    detected = {f"four{suffix}" for suffix in (".keyframes.json", ".keyframes.csv", ".curves.csv", ".png")}
    assert {path.name for path in tmp_path.iterdir()} == WRITTEN | detected
    (tmp_path / "four.keyframes.json").unlink()
    assert command(heart.path, "--output", tmp_path) == 2


def test_drawn_contours_are_kept_and_the_rest_is_found(heart, marked, traced_by, tmp_path):
    tracer = traced_by(MaskTracer(heart))
    es = heart.es[1]
    drawn = Contour(Phase.ES, es, heart.walls[es] * 0.97 + 1)
    write_contours(tmp_path / "drawn.json", [drawn])
    (marked / "four.contours.json").write_text("of an earlier run", encoding="utf-8")
    assert command(heart.path, "--contours", tmp_path / "drawn.json", "--output", marked, "--force") == 0
    assert es not in tracer.asked[-1][1]
    (kept,) = (c for c in read_contours(marked / "four.contours.json") if c.frame == es)
    assert kept.source == "manual" and np.allclose(kept.points, drawn.points, atol=0.006)
    assert [beat["source"] for beat in numbers(marked)["beats"]] == ["auto", "mixed", "auto"]


def test_which_end_the_apex_is_at_can_be_said(heart, marked, traced_by):
    seen = []

    class Watching(MaskTracer):
        def trace(self, cine, sector, *more):
            seen.append((sector.orientation, sector.orientation_given))
            return super().trace(cine, sector, *more)

    traced_by(Watching(heart))
    for said in ((), ("--orientation", "upright")):
        assert command(heart.path, "--output", marked, "--force", *said) == 0
    assert seen == [("upright", False), ("upright", True)]


def test_without_a_pixel_size(heart, traced_by, tmp_path, capsys):
    bare = tmp_path / "four.dcm"
    dataset = pydicom.dcmread(heart.path)
    del dataset.PixelSpacing
    dataset.save_as(bare)
    traced_by(MaskTracer(heart))
    heart.write_keyframes(tmp_path / "out" / "four.keyframes.json")
    assert command(bare, "--output", tmp_path / "out") == 0
    assert "pixels are taken for square" in capsys.readouterr().out
    document = numbers(tmp_path / "out")
    assert document["mean"]["edv"] is None and document["mean"]["ejection_fraction"] > 40
    assert not any(row["volume"] or row["area"] for row in table(tmp_path / "out" / "four.volumes.csv"))


def test_what_is_not_apical_has_no_number_unless_a_person_says_it_is(heart, marked, traced_by, capsys):
    tracer = traced_by(MaskTracer(heart, apical=0.2))
    assert command(heart.path, "--output", marked) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "does not look like an apical view of the LV" in told
    assert command(heart.path, "--output", marked, "--view", "PSAX") == 1
    assert "A4C and A2C, not PSAX" in capsys.readouterr().err
    assert [path.name for path in marked.iterdir()] == ["four.keyframes.json"] and len(tracer.asked) == 1
    named = MeasuredLoop.of(replace(heart.cine(), view="A4C"), find_sector(heart.cine()), true_beats(heart), tracer)
    assert all("not apical" in beat.unfit for beat in measure(named.view).beats)


def test_two_views(heart, two, traced_by, tmp_path, capsys):
    tracer = traced_by(MaskTracer(heart, two))
    for one in (heart, two):
        one.write_keyframes(tmp_path / f"{one.path.stem}.keyframes.json")
    assert command(two.path, heart.path, "--output", tmp_path) == 1
    assert "needs one A4C and one A2C; name the views" in capsys.readouterr().err and not tracer.asked
    assert command(two.path, heart.path, "--view", "A2C", "A4C", "--output", tmp_path) == 0
    document = numbers(tmp_path)
    assert (document["sources"], document["views"]) == (["four.dcm", "two.dcm"], ["A4C", "A2C"])
    assert document["beats"] and any("the other view shows only" in line for line in document["warnings"])
    for one in (heart, two):
        stem = one.path.stem
        assert len(table(tmp_path / f"{stem}.volumes.csv")) == len(one.masks)
        assert {c.view for c in read_contours(tmp_path / f"{stem}.contours.json")} == {"A4C" if one is heart else "A2C"}


def test_the_picture_shows_the_curve_with_ed_and_es(heart):
    cine = heart.cine()
    loop = MeasuredLoop.of(cine, find_sector(cine), true_beats(heart), MaskTracer(heart))
    measurement = measure(loop.view)
    figure = draw_measurement([(loop.cine, loop.sector)], measurement, [loop.curve])
    assert len([axes for axes in figure.axes if axes.images]) == 6
    cells = [cell.get_text().get_text() for axes in figure.axes for t in axes.tables for cell in t.get_celld().values()]
    assert {interval_shown(beat).removesuffix(" %") for beat in measurement.beats} <= set(cells)
    (curve,) = (axes for axes in figure.axes if axes.get_ylabel() == "volume (mL)")
    line, ed, es = curve.lines
    assert np.array_equal(line.get_ydata(), loop.curve.volume, equal_nan=True)
    for marks, beats in ((ed, [b.ed for b in measurement.beats]), (es, [b.es for b in measurement.beats])):
        assert marks.get_ydata() == pytest.approx([volume.volume for volume in beats])


def test_detect_measures_finished_cines_too_and_a_refusal_fails_none(heart, traced_by, tmp_path, capsys):
    tracer = traced_by(MaskTracer(heart))
    process.own_tracer.cache_clear()
    folder = str(heart.path.parent)

    def detect(*more: str) -> list[dict[str, str]]:
        assert main(["detect", folder, "--model", "motion", "--output", str(tmp_path), *more]) == 0
        return table(tmp_path / "beats.csv")

    columns = ["edv", "esv", "stroke_volume", "ejection_fraction", "measurement_unfit"]
    rows = detect()
    assert list(rows[0])[-5:] == columns and not any(row[name] for row in rows for name in columns)
    rows = detect("--measure")
    assert "EF" in capsys.readouterr().out and len(tracer.asked) == 1
    measured = {beat["beat"]: beat for beat in numbers(tmp_path)["beats"]}
    for row in rows:
        beat = measured.get(int(row["beat"]))
        assert row["ejection_fraction"] == ("" if beat is None else f"{beat['ejection_fraction']}")
        assert beat is None or row["measurement_unfit"] == " | ".join(beat["unfit"])
    assert detect("--measure") == rows and len(tracer.asked) == 1
    assert "already there" in capsys.readouterr().out
    keyframes = tmp_path / "four.keyframes.json"
    moved = json.loads(keyframes.read_text(encoding="utf-8"))
    (es,) = (key for key in moved["keyframes"] if key["phase"] == "ES" and key["beat"] == 2)
    es["frame"] += 1
    keyframes.write_text(json.dumps(moved), encoding="utf-8")
    rows = detect("--measure")  # a person has corrected a keyframe
    assert len(tracer.asked) == 2 and all(row["ejection_fraction"] for row in rows if row["es_frame"])

    process.own_tracer.cache_clear()
    tracer = traced_by(MaskTracer(heart, apical=0.1))
    rows = detect("--measure", "--force")
    assert "not measured: does not look like an apical view" in capsys.readouterr().out
    assert {row["measurement_unfit"] for row in rows if row["ed_frame"] and row["es_frame"]} == {"not apical"}
    assert not any(row["edv"] for row in rows) and numbers(tmp_path)["beats"] == []
    assert not (tmp_path / "four.measurement.png").exists()
    process.own_tracer.cache_clear()


def test_a_view_that_is_not_measured_is_no_failure_of_its_cine(heart, traced_by, tmp_path):
    tracer = traced_by(MaskTracer(heart))
    process.own_tracer.cache_clear()
    cine = replace(heart.cine(), view="PLAX")
    job, settings = Job(heart.path, tmp_path / "four"), Settings("motion", measure=True)
    told = measure_job(job, settings, cine, find_sector(cine), true_beats(heart), None)
    assert told == "not measured: the method of disks is for the views A4C and A2C, not PLAX" and not tracer.asked
    path = tmp_path / "four.measurement.json"
    beats, refused = read_measured_beats(path)
    assert not beats and {words for words in refused.values()} == {("view not measured",)}
    good = path.read_text(encoding="utf-8")
    for damage in ("", "{}", good[:-9], good.replace('"beats": []', '"beats": [{"beat": 1}]')):
        path.write_text(damage, encoding="utf-8")
        with pytest.raises(CineError, match=r"four\.measurement\.json: .*measurement file"):
            read_measured_beats(path)
    process.own_tracer.cache_clear()


def test_a_persons_contours_beside_a_batch_are_spared(heart, marked, traced_by, tmp_path, capsys):
    traced_by(MaskTracer(heart))
    process.own_tracer.cache_clear()
    write_contours(marked / "four.contours.json", [ellipsoid(40, 15).contour()])
    before = (marked / "four.contours.json").read_bytes()
    (marked / "four.keyframes.json").unlink()
    arguments = ["detect", str(heart.path), "--model", "motion", "--output", str(marked), "--measure"]
    assert main(arguments) == 1
    assert "four.contours.json: is already there" in capsys.readouterr().err
    assert (marked / "four.contours.json").read_bytes() == before
    process.own_tracer.cache_clear()


BEATS = form_beats([Keyframe(Phase.ED, 0, 0.0), Keyframe(Phase.ES, 3, 0.1), Keyframe(Phase.ED, 6, 0.2),
                    Keyframe(Phase.ES, 9, 0.3)])[1]  # fmt: skip


def loop(color: bool = False, view: str | None = None) -> Cine:
    frames = np.full((12, 300, 300, 3) if color else (12, 300, 300), 20, np.uint8)
    return Cine(frames, np.arange(12) / 30, Source("loop.avi"), (1.0, 1.0), view=view)


def tracing(es: TracedFrame | None, apical: float = 1.0, doubts: tuple[str, ...] = ()) -> LoopTracing:
    """A ventricle on each frame, another on frame 3."""
    body = ellipsoid(80, 26)
    frames = [TracedFrame(i, body.points(61), (150.0, 70.0), 0.9) for i in range(12)]
    frames[3] = es
    return LoopTracing(tuple(frames), apical, doubts)


def es_frame(points: np.ndarray | None = None, apex=(150.0, 82.0), confidence: float = 0.9) -> TracedFrame:
    return TracedFrame(3, ellipsoid(68, 17).points(61) if points is None else points, apex, confidence)


def find(cine: Cine, found: LoopTracing, sector=None):
    return find_contours(cine, sector or whole_frame(cine), wanted_keyframes(BEATS), found)


def test_a_sound_tracing_has_no_doubts():
    found = find(loop(), tracing(es_frame()))
    assert not found.refused and {(c.source, c.doubts) for c in found.contours} == {("auto", ())}


@pytest.mark.parametrize(("frame", "word"), [
    (None, "no contour"),
    (es_frame(np.full((61, 2), np.nan)), "no contour"),
    (es_frame(ellipsoid(68, 17).points(61)[::-1][[*range(30), *range(45, 29, -1), *range(46, 61)]]), "no contour"),
    (es_frame(confidence=0.1), "border uncertain"),
    (es_frame(ellipsoid(68, 17).points(61) - (165, 0)), "leaves the sector"),
    (es_frame(ellipsoid(68, 17).points(61) - (0, 90), confidence=0.4), "leaves the sector"),
])  # fmt: skip
def test_a_frame_without_a_ventricle_costs_its_beat_alone(frame, word):
    found = find(loop(), tracing(frame))
    (refused,) = found.refused
    assert refused.beat == 1 and word in refused.unfit and "ES on frame 3" in refused.reason
    assert [c.frame for c in found.contours] == [6, 9]


@pytest.mark.parametrize(("frame", "word"), [
    (es_frame(confidence=0.4), "border uncertain"),
    (es_frame(apex=(120.0, 100.0)), "apex or annulus uncertain"),
    (es_frame(apex=(120.0, 100.0), confidence=0.4), "border uncertain"),
    (es_frame(ellipsoid(68, 17).points(61) - (0, 90), (150.0, 0.0)), "leaves the sector"),
])  # fmt: skip
def test_what_is_doubtful_is_measured_with_its_doubt(frame, word):
    found = find(loop(), tracing(frame))
    assert not found.refused
    (doubted,) = (c for c in found.contours if c.frame == 3)
    assert word in doubted.doubts
    assert not any(c.doubts for c in found.contours if c.frame != 3)


def test_doubts_about_the_loop_are_every_beats_and_told():
    line = "two chambers could be the left ventricle: left and right are uncertain"
    found = find(loop(), tracing(es_frame(), doubts=(LoopDoubt(str(Doubt.SIDES), line),)))
    assert {c.doubts for c in found.contours} == {("left and right uncertain",)}
    assert found.notes == (f"loop.avi: {line}",)


def test_colour_over_the_cavity():
    cine = loop(color=True)
    cine.frames[3, 100:200, 120:180] = (200, 30, 20)
    (refused,) = find(cine, tracing(es_frame())).refused
    assert refused.unfit == ("colour over the cavity",)


def test_a_loop_in_which_no_beat_shows_both_phases(heart):
    cine = heart.cine()
    only = form_beats([Keyframe(Phase.ED, 0, 0.0), Keyframe(Phase.ED, 6, 0.24)])[1]
    for beats, line in ((only, "no beat shows both ED and ES"), ((), "neither ED nor ES was found")):
        loop = MeasuredLoop.of(cine, find_sector(cine), beats, MaskTracer(heart))
        with pytest.raises(NothingMeasured, match=line) as caught:
            measure(loop.view)
        assert [one.beat for one in caught.value.refused] == ([1, 2] if beats else [0])
