"""The reproduction's figures against cases worked out by hand or documented by SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from EchoKeyframeLib.datasets.clip_labels import ClipLabels
from EchoKeyframeLib.detection.keyframes import Curves, Detection, Keyframe, Phase
from EchoKeyframeLib.evaluation.clip_score import score_clip
from EchoKeyframeLib.evaluation.reproduction.clip_choice import clip_error, median_clip, ranked, worst_clips
from EchoKeyframeLib.evaluation.reproduction.frame_differences import Pairing, Unit, differences
from EchoKeyframeLib.evaluation.reproduction.frame_figures import view_strips, worst_strip
from EchoKeyframeLib.evaluation.reproduction.frame_strips import frames_around, pair_up
from EchoKeyframeLib.evaluation.reproduction.statistics import analyse, compare_paired, shown_p
from EchoKeyframeLib.evaluation.reproduction.system_runs import ClipRun, SystemRun, on_common_clips
from EchoKeyframeLib.evaluation.reproduction.systems_table import systems_table
from EchoKeyframeLib.evaluation.reproduction.views_table import views_analyses, views_table
from scipy import stats

TIMES = np.arange(60) / 25  # 40 ms a frame


def clip_run(name, ed, es, found_ed, found_es, view="A4C") -> ClipRun:
    """A clip of 60 frames with these labels and detections."""
    keys = [Keyframe(phase, f, float(TIMES[f])) for phase, found in ((Phase.ED, found_ed), (Phase.ES, found_es))
            for f in found]  # fmt: skip
    truth = {Phase.ED: np.array(ed, float), Phase.ES: np.array(es, float)}
    curves = Curves(np.zeros((60, 2), np.float32), TIMES, "test")
    detection = Detection(curves, tuple(keys), (), None, "test", "beats")
    labels = ClipLabels(name, tuple(map(float, ed)), tuple(map(float, es)), 60, 25.0, view)
    return ClipRun(labels, detection, score_clip(name, TIMES, truth, keys, view))


GOOD = clip_run("good", [10, 40], [22, 52], [10, 40], [22, 52])
ONE_OFF = clip_run("one off", [10, 40], [22, 52], [11, 39], [22, 52])
MISSED = clip_run("missed", [10, 40], [22, 52], [10], [23, 54], view="A2C")


def test_anova_by_hand():
    """Means 2, 3, 6 about 11/3: between 26 / 2, within 6 / 6, so F = 13; with 2 and 6 degrees P = (1 + 2 F / 6)^-3."""
    analysis = analyse({"a": np.array([1, 2, 3]), "b": np.array([2, 3, 4]), "c": np.array([5, 6, 7])})
    assert analysis.f == pytest.approx(13) and analysis.p == pytest.approx((16 / 3) ** -3)
    assert analysis.degrees_of_freedom == (2, 6)
    assert [(g.name, g.n, g.mean, g.sd) for g in analysis.groups] == [("a", 3, 2, 1), ("b", 3, 3, 1), ("c", 3, 6, 1)]


def test_tukey_as_scipy_documents_it():
    """The example of scipy.stats.tukey_hsd, which agrees with SAS."""
    groups = {"0": [24.5, 23.5, 26.4, 27.1, 29.9], "1": [28.4, 34.2, 29.5, 32.2, 30.1],
              "2": [26.1, 28.3, 24.3, 26.2, 27.8]}  # fmt: skip
    pairs = analyse({name: np.array(values) for name, values in groups.items()}).pairs
    shown = [(p.first, p.second, round(p.difference, 3), round(p.low, 3), round(p.high, 3), round(p.p, 3))
             for p in pairs]  # fmt: skip
    assert shown == [
        ("0", "1", -4.6, -8.249, -0.951, 0.014),
        ("0", "2", -0.26, -3.909, 3.389, 0.980),
        ("1", "2", 4.34, 0.691, 7.989, 0.020),
    ]
    assert [p.differs for p in pairs] == [True, False, True]


@pytest.mark.parametrize(
    ("groups", "reason", "left_out"),
    [
        ({}, "fewer than two groups", ()),
        ({"a": [1, 2, 3]}, "fewer than two groups", ()),
        ({"a": [1, 2], "b": [3]}, "fewer than two groups", ("b",)),
        ({"a": [1, 2], "b": [3, np.nan], "c": []}, "fewer than two groups", ("b", "c")),
        ({"a": [1, 1], "b": [2, 2]}, "no spread", ()),
    ],
)
def test_too_little_to_test_gives_a_reason_and_no_number(groups, reason, left_out, recwarn):
    analysis = analyse({name: np.array(values, float) for name, values in groups.items()})
    assert analysis.f is None and analysis.p is None and analysis.pairs == ()
    assert reason in analysis.reason and analysis.left_out == left_out
    assert not recwarn.list


def test_a_group_that_is_too_small_is_left_out_of_the_rest():
    analysis = analyse({"a": np.array([1, 2]), "b": np.array([np.inf, 9]), "c": np.array([2, 3])})
    assert analysis.left_out == ("b",) and analysis.f == pytest.approx(2)


def test_paired_values_as_scipy_documents_them():
    """Friedman's own example in SciPy: three treatments, ten patients."""
    before = [72, 96, 88, 92, 74, 76, 82, 88, 76, 70]
    after = [120, 120, 132, 120, 101, 96, 112, 120, 96, 84]
    later = [76, 95, 104, 96, 84, 72, 76, 66, 72, 76]
    groups = [{f"P{i}": float(value) for i, value in enumerate(values)} for values in (before, after, later)]
    found = compare_paired(groups)
    expected = stats.friedmanchisquare(before, after, later)
    assert (found.name, found.n) == ("Friedman", 10)
    assert found.p == pytest.approx(expected.pvalue) and found.statistic == pytest.approx(expected.statistic)
    two = compare_paired(groups[:2])
    assert two.name == "Wilcoxon" and two.p == pytest.approx(stats.wilcoxon(before, after).pvalue)
    del groups[0]["P3"]
    assert compare_paired(groups).n == 9


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ([{"a": 1.0}], "one system only"),
        ([{str(i): 1.0 for i in range(5)}] * 2, "fewer than 6 patients"),
        ([{str(i): float(i) for i in range(9)}] * 3, "no patient on which the systems differ"),
    ],
)
def test_where_paired_values_cannot_be_tested(groups, reason, recwarn):
    found = compare_paired(groups)
    assert found.p is None and reason in found.reason and reason in str(found)
    assert not recwarn.list


def test_p_as_printed():
    assert [shown_p(p) for p in (0.0004, 0.037, 1.0)] == ["<0.001", "0.037", "1.000"]


def test_differences_by_pairing_and_unit():
    """The missed ED at 40 lies 30 frames from the only detection; matched, it is left out."""
    clips = [ONE_OFF, MISSED]
    take = lambda pairing, unit: differences(clips, Phase.ED, pairing, unit).tolist()  # noqa: E731
    assert take(Pairing.NEAREST, Unit.KEYFRAME) == [1, 1, 0, 30]
    assert take(Pairing.MATCHED, Unit.KEYFRAME) == [1, 1, 0]
    assert take(Pairing.NEAREST, Unit.CLIP) == [1, 15]
    assert take(Pairing.MATCHED, Unit.CLIP) == [1, 0]


def test_ranking_of_clips_by_hand():
    """One off: 40 ms twice over four keyframes. Missed: 0.25 s, 40 ms and 80 ms over four."""
    assert clip_error(ONE_OFF.result) == pytest.approx(0.02)
    assert clip_error(MISSED.result) == pytest.approx((0.25 + 0.04 + 0.08) / 4)
    empty = clip_run("empty", [], [], [], [])
    clips = [MISSED, empty, GOOD, ONE_OFF]
    assert [clip.name for clip in ranked(clips)] == ["good", "one off", "missed"]
    assert median_clip(clips) is ONE_OFF and median_clip([empty]) is None
    assert worst_clips(clips, 2) == [MISSED, ONE_OFF]


@pytest.mark.parametrize(
    ("label", "found", "count", "frames"),
    [
        (10.4, 10, 3, (9, 10, 11)),
        (10, 11, 3, (9, 10, 11)),
        (10, 12, 3, (10, 11, 12)),
        (10, 9, 3, (9, 10, 11)),
        (10, 20, 3, (10, 15, 20)),
        (0, None, 3, (0, 1, 2)),
        (59, 58, 3, (57, 58, 59)),
        (None, 30, 4, (29, 30, 31, 32)),
        (30, 36, 8, (29, 30, 31, 32, 33, 34, 35, 36)),
    ],
)
def test_frames_shown_hold_both_keyframes(label, found, count, frames):
    assert frames_around(label, found, count, 59) == frames


def test_a_missed_keyframe_is_shown_with_a_detection_only_if_one_is_near():
    event = next(e for e in MISSED.result.events if e.error_frames is None)
    assert pair_up(event, MISSED, 3).found is None  # 1.2 s away
    near = clip_run("near", [10, 40], [22], [10, 30], [22])  # 0.4 s: too far to match, near enough to show
    event = next(e for e in near.result.events if e.error_frames is None)
    assert pair_up(event, near, 3).found == 30


def test_a_clip_in_which_nothing_was_found_is_shown_by_its_labels():
    nothing = clip_run("nothing", [10, 40], [22, 52], [], [])
    (strip,) = view_strips(SystemRun("a", "beats", "cpu", (nothing,)))
    assert [(pair.phase, pair.label, pair.found, pair.frames) for pair in strip.pairs] == [
        (Phase.ED, 10, None, (9, 10, 11)),
        (Phase.ES, 22, None, (21, 22, 23)),
    ]
    assert worst_strip(nothing).pairs[0].label == 10


def test_systems_are_compared_on_clips_that_all_got_through():
    systems = [SystemRun("a", "beats", "cpu", (GOOD, MISSED)), SystemRun("b", "beats", "cpu", (MISSED, ONE_OFF))]
    assert [[clip.name for clip in system.clips] for system in on_common_clips(systems)] == [["missed"]] * 2


def test_table_2_by_hand():
    table = views_table([SystemRun("a", "beats", "cpu", (GOOD, ONE_OFF, MISSED))], "3 simulated clips")
    rows = {row["view"]: row for row in table.records}
    assert rows["A4C"]["afd_nearest_ed"] == pytest.approx(0.5) and rows["A4C"]["detection_rate"] == 1
    assert rows["A2C"]["afd_nearest_ed"] == pytest.approx(15) and rows["A2C"]["afd_matched_ed"] == 0
    assert (rows["A2C"]["predicted_cycles"], rows["A2C"]["true_cycles"]) == (1.5, 2)
    assert (rows["all"]["clips"], rows["all"]["true_ed"], rows["all"]["found_ed"]) == (3, 6, 5)
    assert "| a | A2C | 15.00 ± 15.00 | 1.50 ± 0.50 |" in table.markdown() and "3 simulated clips" in table.title


def test_tables_say_where_they_cannot_test():
    """One clip a view, no inference time, one system: no number may be made up."""
    one = [SystemRun("a", "beats", "cpu", (GOOD, MISSED))]
    by_clip = [r for r in views_analyses(one, "").records if r["unit"] == "clip"]
    assert by_clip and all(r["f"] is None and "fewer than two groups" in r["not_analysed"] for r in by_clip)
    table = systems_table(4, one, None, "")
    assert all(row[-4:-2] == ("–", "–") and "not analysed" in row[-2] for row in table.rows)
    assert table.rows[-1][2] == "– (n = 0)" and math.isnan(table.records[-1]["A_mean"])


def test_table_3_by_hand():
    """ED errors 0, 0 of system A and 1, 1, of B: no spread. ES of B against A differ by nothing but noise."""
    a = SystemRun("a", "beats", "cpu", (GOOD, MISSED), (0.1, 0.2, 0.3))
    b = SystemRun("b", "beats", "cpu", (ONE_OFF, MISSED), (0.2, 0.3, 0.4))
    table = systems_table(3, [a, b], "A4C", "2 clips")
    lines = {(row[0], row[1]): row for row in table.rows}
    ed = lines["AFD (ED), matched", "keyframe"]
    assert ed[2:4] == ("0.00 ± 0.00 (n = 2)", "1.00 ± 0.00 (n = 2)") and "no spread" in ed[-2] and ed[-1] == "–"
    seconds = lines["Inference time (s)", "repetition"]
    assert seconds[2] == f"0.2000 ± {math.sqrt(0.02 / 3):.4f} (n = 3)" and seconds[4] == "1.500"  # 0.015 / 0.01
