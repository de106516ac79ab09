"""Target curves against values worked out by hand."""

import math

import numpy as np
import pytest
from EchoKeyframeLib.training.samples.targets import (
    TargetForm,
    beat_curve,
    complete_keyframes,
    paper_curve,
    target_curves,
)

FRAMES = np.arange(58)
ED, ES = [20, 66], [-1, 43]


def test_the_papers_example():
    """58 frames, ED at 20 and 66, ES at -1 and 43, sigma 10 (eq. 1, fig. 3)."""
    ed, es = paper_curve(FRAMES, ED), paper_curve(FRAMES, ES)
    assert ed[20] == 1.0 and ed.argmax() == 20
    assert ed[30] == pytest.approx(math.exp(-0.5))  # one sigma
    assert ed[0] == pytest.approx(math.exp(-2))  # two sigma before the first
    assert ed[43] == pytest.approx(math.exp(-0.5 * 2.3**2))  # halfway, 23 frames from both
    assert ed[57] == pytest.approx(math.exp(-0.5 * 0.9**2))  # rising towards the virtual one at 66
    assert es[0] == pytest.approx(math.exp(-0.5 * 0.1**2))  # one frame after the virtual one at -1
    assert es[21] == pytest.approx(math.exp(-0.5 * 2.2**2))
    assert es[43] == 1.0
    assert es[57] == pytest.approx(math.exp(-0.5 * 1.4**2))


def test_beat_relative_width_is_a_tenth_of_the_interval():
    curve = beat_curve(np.array([20, 24.6, 43, 61.4, 66]), [20, 66])  # interval 46, so sigma 4.6
    assert curve == pytest.approx([1, math.exp(-0.5), math.exp(-0.5 * 5**2), math.exp(-0.5), 1])


def test_beat_relative_curve_changes_width_at_each_keyframe():
    before, after = beat_curve(np.array([8.0, 14.0]), [0, 10, 30])  # sigma 1 before frame 10 and 2 after it
    assert before == pytest.approx(math.exp(-0.5 * 2**2))
    assert after == pytest.approx(math.exp(-0.5 * 2**2))


def test_beat_relative_curve_does_not_know_the_frame_rate():
    slow = beat_curve(np.arange(31), [0, 30])
    fast = beat_curve(np.arange(0, 93, 3), [0, 90])
    assert fast == pytest.approx(slow)


def test_target_curves_puts_ed_first():
    curves = target_curves(FRAMES, ED, ES, TargetForm.PAPER)
    assert curves.shape == (58, 2) and curves.dtype == np.float32
    assert curves[20, 0] == 1 and curves[43, 1] == 1


@pytest.mark.parametrize(
    ("ed", "es", "expected_ed", "expected_es"),
    [
        # Two ES 40 frames apart say how long a beat is; ED gets it on both sides.
        ([20], [5, 45], [-20, 20, 60], [-35, 5, 45, 85]),
        # The first and the last beat differ: each end continues with its own.
        ([10, 30, 55], [18, 38], [-10, 10, 30, 55, 80], [-2, 18, 38, 58]),
        # One of each, ES 10 frames after ED: systole is two fifths of a beat of 25.
        ([10], [20], [-15, 10, 35], [-5, 20, 45]),
        # One of each, ED 6 frames after ES: diastole is three fifths of a beat of 10.
        ([16], [10], [6, 16, 26], [0, 10, 20]),
        # The paper's: what lies outside is there already.
        ([20, 66], [-1, 43], [-26, 20, 66], [-1, 43, 87]),
    ],
)
def test_virtual_keyframes(ed, es, expected_ed, expected_es):
    completed = complete_keyframes(ed, es, 58)
    assert completed[0].tolist() == expected_ed
    assert completed[1].tolist() == expected_es


def test_a_phase_without_keyframe_is_refused():
    with pytest.raises(ValueError, match="at least one ED and one ES"):
        complete_keyframes([3, 20], [], 30)
    with pytest.raises(ValueError, match="two keyframes"):
        beat_curve(FRAMES, [20])
