"""What is in view: apical or not, with a confidence, and detection goes on where nobody can tell."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.detection import find_view
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.detect import detect
from EchoKeyframeLib.detection.film import Film
from EchoKeyframeLib.detection.find_view import MOST_CONFIDENCE, seen_view
from EchoKeyframeLib.detection.keyframes import Detection
from EchoKeyframeLib.detection.motion import MotionDetector
from EchoKeyframeLib.detection.seen_view import ViewFound
from EchoKeyframeLib.report.keyframes_file import KeyframesFile, read_json, write_json
from EchoKeyframeLib.report.outputs import Request, is_done, write_outputs

VIEWS = ("A4C", "A2C", "A3C", "PLAX", "PSAX")


@pytest.fixture(scope="module")
def sample(sample_clip) -> tuple[Cine, Detection]:
    cine = read_cine(sample_clip)
    return cine, detect(cine, MotionDetector())


@pytest.fixture(scope="module")
def simulated() -> list[Cine]:
    pytest.importorskip("torch", reason="the simulator needs it")
    from EchoKeyframeLib.simulator.config import RARE, PhantomConfig
    from EchoKeyframeLib.simulator.phantom import simulate

    config = PhantomConfig(
        frames=16, fps=(20, 20), upended=False, views=VIEWS, view_weights=(1, 1, 1, 1, 1), **dict.fromkeys(RARE, 0.0)
    )
    batch = simulate(range(82_000_000, 82_000_006), config)
    clips = zip(batch.frames.numpy(), batch.view, strict=True)
    return [Cine(frames, np.arange(16) / 20.0, Source("simulated"), view=view) for frames, view in clips]


def seen(cine: Cine):
    return find_view.find_view(Film.of(cine, find_sector(cine)), cine.times)


def test_simulated_loops_of_all_views_are_told_upright_and_upside_down(simulated):
    assert {ViewFound.of_view(cine.view) for cine in simulated} == set(ViewFound)
    for cine in simulated:
        turned = replace(cine, frames=np.ascontiguousarray(cine.frames[:, ::-1]))
        for shown in (cine, turned):
            view = seen(shown)
            assert view.found is ViewFound.of_view(cine.view) and 0.5 <= view.confidence <= MOST_CONFIDENCE


def test_the_real_sample_is_apical_whatever_its_file_says(sample):
    cine, detection = sample
    assert detection.view_found is ViewFound.APICAL and detection.view_confidence > 0.8
    named = KeyframesFile.of(replace(cine, view="PLAX"), detection)
    assert (named.view, named.view_found) == ("PLAX", ViewFound.APICAL)


def test_real_loops_whose_views_are_known(development_data, development_labels):
    for label in development_labels:
        path = development_data / label["file"]
        if path.is_file():
            view = seen(read_cine(path))
            assert view.found is ViewFound.of_view(label["view"]), label["file"]


def test_confidence_grows_away_from_the_border():
    border = -find_view.OFFSET / find_view.SLOPE
    one, two, far = (seen_view(border + step) for step in (0.1, 1.0, 100.0))
    assert 0.5 < one.confidence < two.confidence < far.confidence == MOST_CONFIDENCE
    assert seen_view(border - 1.0).found is ViewFound.NOT_APICAL
    assert seen_view(border - 1.0).confidence == pytest.approx(two.confidence)


def test_nothing_is_said_of_a_blank_picture():
    blank = Cine(np.zeros((10, 64, 64), np.uint8), np.arange(10) / 25.0, Source("blank"))
    assert detect(blank, MotionDetector()).view_found is None


@pytest.mark.parametrize("trouble", ["no weights", "damaged weights", "no runtime"])
def test_detection_goes_on_where_nobody_can_tell(trouble, sample, tmp_path, monkeypatch):
    cine, detection = sample
    monkeypatch.setattr(find_view, "VIEW_WEIGHTS", tmp_path / "lv-contour.safetensors")
    if trouble == "damaged weights":
        (tmp_path / "lv-contour.safetensors").write_bytes(b"nothing of the kind")
    if trouble == "no runtime":
        monkeypatch.undo()
        monkeypatch.setattr("EchoKeyframeLib.detection.runtime.find_spec", lambda name: None)
    find_view._shipped.cache_clear()
    try:
        found = detect(cine, MotionDetector())
    finally:
        find_view._shipped.cache_clear()
    assert found.keyframes == detection.keyframes != ()
    assert found.view_found is found.view_confidence is None


def test_files_say_it_and_those_without_it_are_read_and_not_made_anew(sample, tmp_path):
    cine, detection = sample
    target = tmp_path / "loop"
    write_outputs(target, cine, find_sector(cine), detection)
    path = tmp_path / "loop.keyframes.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["view_found"] == "apical" and 0.5 <= document["view_confidence"] <= 1
    assert document["view"] == cine.view
    contents = read_json(path)
    assert contents.view_found is ViewFound.APICAL
    assert contents.view_confidence == pytest.approx(detection.view_confidence, abs=1e-6)
    for change in (lambda d: (d.pop("view_found"), d.pop("view_confidence")), lambda d: d.update(view_found="renal")):
        changed = json.loads(path.read_text(encoding="utf-8"))
        change(changed)
        path.write_text(json.dumps(changed), encoding="utf-8")
        older = read_json(path)
        assert older.view_found is older.view_confidence is None and older.keyframes == contents.keyframes
        assert is_done(target, Request(cine.source.name, detection.model, detection.decoder))
        write_json(path, contents)


def test_an_evaluation_says_how_often_it_is_right(simulated):
    from EchoKeyframeLib.datasets.clip_labels import ClipLabels
    from EchoKeyframeLib.evaluation.evaluate import Case, evaluate
    from EchoKeyframeLib.evaluation.report import markdown

    named = [*simulated[:2], replace(simulated[0], view="PLAX" if simulated[0].view.startswith("A") else "A4C")]
    cases = [Case(cine, None, ClipLabels(f"{i}.avi", (3.0,), (9.0,), view=cine.view)) for i, cine in enumerate(named)]
    [evaluation] = evaluate(cases, load_detector("motion"))
    lines = [line for line in markdown(evaluation).splitlines() if line.startswith(("| apical", "| not apical"))]
    cells = [[cell.strip() for cell in line.split("|")[2:5]] for line in lines]
    assert sum(int(clips) for clips, _, _ in cells) == 3 and sum(int(right) for _, _, right in cells) == 2
