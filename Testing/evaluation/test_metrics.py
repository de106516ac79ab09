"""Metrics against cases worked out by hand."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
from EchoKeyframeLib.detection.keyframes import Keyframe, Phase
from EchoKeyframeLib.evaluation.clip_score import score_clip, time_of
from EchoKeyframeLib.evaluation.evaluate import Evaluation
from EchoKeyframeLib.evaluation.metrics import (
    Selection,
    afd_terms,
    bias_terms,
    bootstrap_interval,
    by_patient,
    f1_terms,
    summarise,
    summarise_as_paper,
)
from EchoKeyframeLib.evaluation.report import markdown, write_report

TIMES = np.arange(50) / 25  # 40 ms a frame


def score(ed, es, found_ed, found_es, name="clip", times=TIMES, view=None):
    detected = [Keyframe(Phase.ED, f, times[f]) for f in found_ed] + [Keyframe(Phase.ES, f, times[f]) for f in found_es]
    return score_clip(name, times, {Phase.ED: np.array(ed), Phase.ES: np.array(es)}, detected, view)


def test_a_clip_by_hand():
    """ED 10 and 35 found at 11 and 34; ES 20.5 found at 20; one ES too many at 45."""
    result = score([10, 35], [20.5], [11, 34], [20, 45])
    assert result.heart_rate == pytest.approx(60) and result.fps == pytest.approx(25)
    ed = summarise([result], Selection(Phase.ED))
    assert (ed.true, ed.found, ed.missed, ed.extra) == (2, 2, 0, 0)
    assert ed.afd_frames == pytest.approx(1) and ed.afd_frames_sd == pytest.approx(0)
    assert ed.afd_ms == pytest.approx(40) and ed.bias_frames == pytest.approx(0)
    es = summarise([result], Selection(Phase.ES))
    assert (es.found, es.extra) == (1, 1)
    assert es.bias_frames == pytest.approx(-0.5) and es.bias_ms == pytest.approx(-20)
    both = summarise([result])
    assert both.afd_frames == pytest.approx((1 + 1 + 0.5) / 3)
    assert both.afd_frames_sd == pytest.approx(math.sqrt((2 * (1 - 5 / 6) ** 2 + (0.5 - 5 / 6) ** 2) / 3))
    assert both.precision == pytest.approx(3 / 4) and both.recall == 1 and both.f1 == pytest.approx(6 / 7)


def test_too_far_is_missed_and_extra_at_once():
    """Beats of 10 frames: half of one is 0.2 s, so 6 frames (0.24 s) off is no match."""
    result = score([10, 20, 30], [15, 25], [10, 20, 36], [15, 25])
    metrics = summarise([result], Selection(Phase.ED))
    assert (metrics.found, metrics.missed, metrics.extra) == (2, 1, 1)


def test_the_papers_figures_take_the_nearest_detection_however_far():
    """ED 36 against 30 counts 6 frames though unmatched; 10 against 10 and 20 against 20 count 0: AFD 2, SD sqrt(8)."""
    result = score([10, 20, 30], [15, 25], [10, 20, 36], [15])
    paper = summarise_as_paper([result])
    assert paper.afd_ed == pytest.approx(2) and paper.afd_ed_sd == pytest.approx(math.sqrt(8))
    assert paper.afd_es == pytest.approx(5)  # 15 against 15, and 25 against 15
    assert (paper.detected_cycles, paper.true_cycles) == (1.5, 2.5)
    assert paper.cycle_detection_rate == pytest.approx(0.6)


def test_a_phase_that_was_never_detected_is_counted_apart():
    paper = summarise_as_paper([score([10, 35], [20], [10, 35], [])])
    assert math.isnan(paper.afd_es) and paper.unanswered == 1


def test_clip_ends_apart():
    """Frames 1 and 48 lie 40 ms from an end, frame 25 does not; frame 4 (160 ms) does not either."""
    result = score([1, 25, 48], [], [1, 25], [])
    ends, middle = summarise([result], Selection(at_end=True)), summarise([result], Selection(at_end=False))
    assert (ends.true, ends.missed) == (2, 1)
    assert (middle.true, middle.missed) == (1, 0)


def test_a_virtual_keyframe_need_not_be_found_and_may_be():
    found = summarise([score([-0.5, 25], [12], [0, 25], [12])])
    silent = summarise([score([-0.5, 25], [12], [25], [12])])
    assert (found.true, found.extra, found.missed) == (2, 0, 0)
    assert (silent.true, silent.extra, silent.missed) == (2, 0, 0)


def test_nothing_detected_and_nothing_labelled():
    empty = summarise([score([], [], [], [])])
    assert empty.true == 0 and math.isnan(empty.f1) and math.isnan(empty.afd_ms)
    silent = summarise([score([10], [20], [], [])])
    assert silent.recall == 0 and math.isnan(silent.precision) and silent.f1 == 0


def test_times_of_fractions_and_of_frames_outside_an_uneven_clip():
    times = np.array([0.0, 0.1, 0.2, 0.4])
    assert time_of(np.array([-2, 0.5, 2.5, 3, 4]), times) == pytest.approx([-0.2, 0.05, 0.3, 0.4, 0.5])


def test_errors_in_ms_follow_the_frame_times():
    """The same frame counts twice as long at half the rate; AFD in ms is the mean of 40 and 80."""
    slow = score([10], [], [11], [], times=np.arange(50) / 12.5)
    metrics = summarise([score([10], [], [11], []), slow])
    assert metrics.afd_frames == pytest.approx(1) and metrics.afd_ms == pytest.approx(60)


def test_bootstrap_draws_whole_patients():
    """Two loops of one patient with AFD 1 and 3 always come together; taken apart their mean spreads from 1 to 3."""
    clips = [score([10], [], [11], []), score([10], [], [13], [])]
    one = [replace(clip, patient="key 7") for clip in clips]
    assert bootstrap_interval(one, afd_terms) == pytest.approx((2, 2))
    assert [len(group) for group in by_patient([*clips, *one])] == [1, 1, 2]
    assert "key 7" not in repr(one)


def test_bootstrap_draws_whole_clips():
    """Clips with AFD 1 and 3: a quarter of the draws is all the one, a quarter all the other."""
    clips = [score([10], [], [11], []), score([10], [], [13], [])]
    assert bootstrap_interval(clips, afd_terms) == pytest.approx((1, 3))
    assert bootstrap_interval(clips[:1] * 5, afd_terms) == pytest.approx((1, 1))
    assert all(math.isnan(end) for end in bootstrap_interval([], f1_terms))


@pytest.fixture
def evaluation():
    clips = (
        score([10, 35], [20], [10, 35], [20], "a.dcm", view="A4C"),
        score([5, 20, 35], [12, 27, 42], [5, 20], [12, 27, 42], "b.dcm", np.arange(50) / 50, "A2C"),
    )
    return Evaluation("motion", "beats", "two clips", clips, (("c.dcm", "c.dcm: holds no image"),))


def test_groups_by_view_heart_rate_and_frame_rate(evaluation):
    groups = {(row.group, row.phase): row for row in evaluation.rows()}
    assert groups["A2C", Phase.ED].metrics.missed == 1 and groups["A4C", Phase.ED].metrics.missed == 0
    # 25 frames at 25/s are 60 beats a minute; 15 frames at 50/s are 200.
    assert groups["60 to 100/min", Phase.ED].metrics.true == 2
    assert groups["from 100/min", Phase.ED].metrics.true == 3
    assert groups["20 to 30 frames/s", Phase.ES].clips == 1 and groups["30 to 60 frames/s", Phase.ES].clips == 1
    assert groups["all", None].metrics.true == 9


def test_report_files(evaluation, tmp_path):
    write_report(evaluation, tmp_path / "rapport été")
    folder = tmp_path / "rapport été"
    text = (folder / "evaluation.md").read_text(encoding="utf-8")
    assert text == markdown(evaluation)
    assert "c.dcm: holds no image" in text and "| 4 / 4.5 | 0.889 |" in text
    with (folder / "evaluation.csv").open(encoding="utf-8") as stream:
        rows = {(row["group"], row["phase"]): row for row in csv.DictReader(stream)}
    assert rows["all", "both"]["true"] == "9" and float(rows["A2C", "ED"]["recall"]) == pytest.approx(2 / 3)
    with (folder / "events.csv").open(encoding="utf-8") as stream:
        events = list(csv.DictReader(stream))
    assert [(e["clip"], e["frame"]) for e in events if e["outcome"] == "missed"] == [("b.dcm", "35.0")]
    assert sorted(path.name for path in folder.iterdir()) == ["evaluation.csv", "evaluation.md", "events.csv"]


@pytest.mark.parametrize(
    ("terms", "figure"), [(afd_terms, "afd_frames"), (bias_terms, "bias_ms"), (f1_terms, "f1")]
)
def test_an_interval_is_of_the_figure_in_the_table(terms, figure):
    """Drawn from clips that are all alike, a figure's interval is the figure itself, early detections below 0."""
    clips = [score([10, 30], [20], [8, 41], [19, 45])] * 4
    expected = getattr(summarise(clips), figure)
    assert bootstrap_interval(clips, terms) == pytest.approx((expected, expected))
    assert expected < 0 if figure == "bias_ms" else expected > 0
