"""A tracer beside the tracings of EchoNet-Dynamic and CAMUS: figures that can be worked out by hand."""

from __future__ import annotations

import csv
import json
import re
import shutil

import numpy as np
import pytest
from dataset_folders import write_itk
from EchoKeyframeLib.cine.frames_digest import frames_digest, short_digest
from EchoKeyframeLib.cli import main
from EchoKeyframeLib.datasets.clip_labels import LabelError
from EchoKeyframeLib.datasets.dataset import StatedVolumes
from EchoKeyframeLib.datasets.open_dataset import open_dataset
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.evaluation.agreement import Agreement
from EchoKeyframeLib.evaluation.agreement_figure import FractionPairs, draw_agreement
from EchoKeyframeLib.evaluation.traced_cine import compare, fraction, volume
from EchoKeyframeLib.evaluation.traced_set import TracedSet, markdown, write_traced_set
from EchoKeyframeLib.measurement.automatic.tracing import LoopTracing, TracedFrame
from EchoKeyframeLib.measurement.unfit import LoopDoubt
from EchoKeyframeLib.models.registry import CONTOUR_WEIGHTS
from PIL import Image
from traced_sets import EJECTION_FRACTION, SMALLER, write_traced_camus, write_traced_echonet

FACTOR = 0.9
"""Size of the traced ES over the set's own, from the middle of the annulus, in each direction."""


@pytest.fixture(scope="module")
def echonet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets") / "EchoNet-Dynamic"
    return write_traced_echonet(folder, 3, splits=("TEST", "TEST", "TRAIN"))


@pytest.fixture(scope="module")
def camus(tmp_path_factory):
    return write_traced_camus(tmp_path_factory.mktemp("sets") / "CAMUS", 1)


def traced(labelled, factors=(1.0, FACTOR), wider: float = 1.0, doubts=()):
    """The set's own contours at ED and ES, made larger by ``factors``, as a tracer would give them."""
    cine = labelled.read()
    frames: list[TracedFrame | None] = [None] * len(cine)
    for phase, factor in zip(Phase, factors, strict=True):
        frame = round(labelled.labels.of(phase)[0])
        contour = labelled.masks.contour(frame, phase)
        base = contour.annulus.mean(axis=0)
        points = base + factor * (contour.points - base) * (wider, 1)
        frames[frame] = TracedFrame(frame, points, tuple(points[np.hypot(*(points - base).T).argmax()]), 0.8)
    return cine, LoopTracing(tuple(frames), 0.99, doubts)


def test_what_was_traced_smaller_has_the_dice_and_the_fraction_that_follow(echonet):
    labelled = open_dataset(echonet).cines[0]
    found = compare(labelled, *traced(labelled))
    assert found.stated == StatedVolumes(pytest.approx(EJECTION_FRACTION), 100, 51.2)
    assert found.overlaps[Phase.ED].dice > 0.98
    # The smaller one lies within the larger: 2 s^2 / (1 + s^2).
    assert found.overlaps[Phase.ES].dice == pytest.approx(2 * FACTOR**2 / (1 + FACTOR**2), abs=0.012)
    assert fraction((found,), "true") == pytest.approx(EJECTION_FRACTION, abs=0.2)
    assert fraction((found,), "found") == pytest.approx(100 * (1 - SMALLER**3 * FACTOR**3), abs=0.2)
    assert not found.calibrated  # the set does not say how large its pixels are


def test_biplane_is_of_both_views_of_a_patient(camus):
    four, two = sorted(open_dataset(camus).cines, key=lambda cine: cine.labels.view, reverse=True)
    assert (four.labels.view, two.labels.view) == ("A4C", "A2C")
    cines = [compare(four, *traced(four)), compare(two, *traced(two, (1, 1), wider=0.5))]
    whole = TracedSet("tracer", "made up", tuple(cines))
    ((first, second),) = whole.biplane()
    assert (first.view, second.view) == ("A4C", "A2C") and first.calibrated
    # Half as wide in one view: half the volume in two. At ES the A4C's are 0.9 as wide, the A2C is the longer one.
    edv, esv = (volume((first, second), "true", phase) for phase in Phase)
    assert volume((first, second), "found", Phase.ED) == pytest.approx(0.5 * edv, rel=0.01)
    assert volume((first, second), "found", Phase.ES) == pytest.approx(0.5 * FACTOR * esv, rel=0.02)
    drawn = 2 / 3 * np.pi * (18 * 1.5 * 0.5) ** 2 * (52 * 1.5 * 0.5) / 1000  # half an ellipsoid, 0.5 mm a pixel
    assert edv == pytest.approx(drawn, rel=0.05) and esv == pytest.approx(SMALLER**3 * drawn, rel=0.05)
    names = [pairs.name for pairs in whole.pairs()]
    assert names == ["A2C, tracings", "A2C, stated", "A4C, tracings", "A4C, stated", "biplane, tracings",
                     "biplane, stated"]  # fmt: skip


def test_agreement_by_hand():
    shown = Agreement.of([52, 58, 41, np.nan], [50, 60, 40, 50])
    error = np.array([2, -2, 1])
    sd = np.sqrt(((error - 1 / 3) ** 2).sum() / 2)
    assert shown.n == 3 and shown.mae == pytest.approx(5 / 3) and shown.rmse == pytest.approx(np.sqrt(3))
    assert shown.bias == pytest.approx(1 / 3) and shown.sd == pytest.approx(sd)
    assert (shown.low, shown.high) == pytest.approx((1 / 3 - 1.96 * sd, 1 / 3 + 1.96 * sd))
    assert Agreement.of([50], [40]).bias == 10 and np.isnan(Agreement.of([50], [40]).sd) and Agreement.of([], []).n == 0


def test_tables_tell_what_is_missing_and_what_is_doubted(echonet, tmp_path):
    labelled = open_dataset(echonet).cines
    doubt = (LoopDoubt("not apical", "the loop does not look like one"),)
    sound, doubted = (compare(one, *traced(one, doubts=d)) for one, d in zip(labelled, ((), doubt), strict=False))
    cine = labelled[2].read()
    nothing = compare(labelled[2], cine, LoopTracing((None,) * len(cine), 0.1, doubt))
    whole = TracedSet("tracer 1", "made up", (sound, doubted, nothing), (("lost.avi", "cannot be read"),))
    text = markdown(whole)
    assert "3 cines, 2 of them doubted, 1 that could not be evaluated" in text
    dice = [cine.overlaps[Phase.ES].dice for cine in whole.cines]
    assert dice[2] == 0 and f"| A4C | 3 | 1 | {np.mean([c.overlaps[Phase.ED].dice for c in whole.cines]):.3f}" in text
    error = 100 * SMALLER**3 * (1 - FACTOR**3)
    row = re.search(r"\| A4C, stated \| 2 \| ([\d.]+) \| [\d.]+ \| \+([\d.]+) \|", text)
    assert float(row[1]) == float(row[2]) == pytest.approx(error, abs=0.3)
    assert "| A4C, stated, without doubts | 1 |" in text and "| volume |" not in text
    write_traced_set(whole, tmp_path / "report")
    with (tmp_path / "report" / "tracing.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["doubts"] for row in rows] == ["", "not apical", "not apical"] and rows[2]["ejection_fraction"] == ""
    assert float(rows[0]["true_ejection_fraction"]) == pytest.approx(EJECTION_FRACTION, abs=0.2)


def test_the_figure_shows_each_pair_and_the_limits():
    true = [20.0, 40, 60, 70]
    pairs = FractionPairs.of("A4C", [22, 38, 61, 73, np.nan], [*true, 50], [False, True, False, False, False])
    scatter, differences = draw_agreement([pairs], "tracer", "made up").axes
    drawn = np.concatenate([points.get_offsets() for points in scatter.collections])
    assert {tuple(point) for point in drawn} == {(20, 22), (40, 38), (60, 61), (70, 73)}
    levels = sorted(line.get_ydata()[0] for line in differences.lines)
    shown = pairs.agreement
    assert levels == pytest.approx(sorted([0, shown.bias, shown.low, shown.high]))


def test_one_command_scores_the_part_that_was_asked_for(echonet, tmp_path, capsys):
    folder = shutil.copytree(echonet, tmp_path / "EchoNet-Dynamic")
    command = ["evaluate", str(folder), "--split", "test", "--model", "lv-contour-large"]
    assert main([*command, "--output", str(tmp_path / "report")]) == 0
    said = capsys.readouterr().out
    assert "EchoNet-Dynamic, part 'test'" in said and "| A4C | 2 |" in said
    (report,) = (tmp_path / "report").iterdir()
    assert {path.name for path in report.iterdir()} >= {"tracing.md", "tracing.csv"}
    with Image.open(report / "tracing.png") as picture:
        assert picture.width > 1000
    assert main([*command, "motion", "--output", str(tmp_path / "no")]) == 2
    assert "evaluated apart" in capsys.readouterr().err
    assert main([*command, "--decoder", "maxima", "--output", str(tmp_path / "no")]) == 2
    assert "for detectors of keyframes" in capsys.readouterr().err
    (folder / "Videos" / "0X0001.avi").write_bytes(b"no video")
    assert main([*command, "--output", str(tmp_path / "part")]) == 1
    told = capsys.readouterr()
    assert "0X0001.avi" in told.err and "| A4C | 1 |" in told.out


def test_a_set_without_tracings_has_nothing_to_compare_with(tmp_path, capsys):
    (tmp_path / "labels.csv").write_text("file,phase,frame\na.avi,ED,3\na.avi,ES,9\n", "utf-8")
    (tmp_path / "a.avi").write_bytes(b"")
    command = ["evaluate", str(tmp_path), "--model", "lv-contour", "--output", str(tmp_path / "report")]
    assert main(command) == 2
    assert "has no tracings of the left ventricle" in capsys.readouterr().err


def test_a_tracing_of_another_size_is_told(camus, tmp_path):
    labelled = open_dataset(shutil.copytree(camus, tmp_path / "CAMUS")).cines[0]
    path, _ = labelled.masks.maps[0]
    write_itk(path, np.ones((12, 90, 70), np.uint8))
    cine = labelled.read()
    with pytest.raises(LabelError, match=r"its tracing is of 70x90 pixels, a frame of 168x168"):
        compare(labelled, cine, LoopTracing((None,) * len(cine), 0.9))


def test_a_network_is_told_apart_from_clips_that_it_learned_from(echonet, tmp_path, capsys):
    """Weights whose card says that they learned from one of the videos."""
    weights = tmp_path / "own.safetensors"
    shutil.copy(CONTOUR_WEIGHTS, weights)
    card = json.loads(CONTOUR_WEIGHTS.with_suffix(".json").read_text("utf-8"))
    source = short_digest(frames_digest(open_dataset(echonet).cines[0].read().frames))
    card["training"] |= {"learned": {"seeds": [], "sources": [source]}}
    weights.with_suffix(".json").write_text(json.dumps(card), "utf-8")
    main(["evaluate", str(echonet), "--model", str(weights), "--clips", "1", "--output", str(tmp_path / "report")])
    assert "learned from 1 of 1 cines here" in capsys.readouterr().err
