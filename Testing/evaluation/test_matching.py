"""Matching of detected to labelled keyframes."""

import numpy as np
import pytest
from EchoKeyframeLib.evaluation.matching import match, tolerances
from hypothesis import given
from hypothesis import strategies as st


def test_tolerance_is_a_quarter_second_or_half_the_shorter_beat():
    assert tolerances(np.array([0.0, 0.4, 2.0])) == pytest.approx([0.2, 0.2, 0.25])
    assert tolerances(np.array([1.0])).tolist() == [0.25]
    assert len(tolerances(np.array([]))) == 0


def test_as_many_as_possible_rather_than_the_nearest_first():
    """1.2 and 1.15 are nearest, but taking them leaves 1.0 and 1.4 alone; crossing over answers both."""
    assert match([1.0, 1.2], [1.15, 1.4], 0.25).pairs == ((0, 0), (1, 1))


def test_least_total_distance_among_full_matchings():
    assert match([1.0, 1.1], [1.09, 1.02], 0.25).pairs == ((0, 1), (1, 0))


def test_missed_and_extra():
    matching = match([0.0, 1.0, 2.0], [0.1, 1.3, 2.0, 2.1], 0.25)
    assert matching.pairs == ((0, 0), (2, 2))
    assert matching.missed == (1,)
    assert matching.extra == (1, 3)


def test_the_tolerance_itself_is_within_it():
    assert match([1.0], [1.25], 0.25).pairs == ((0, 0),)
    assert match([1.0], [1.26], 0.25).pairs == ()


def test_each_event_has_its_own_tolerance():
    assert match([0.0, 1.0], [0.2, 1.2], np.array([0.1, 0.25])).pairs == ((1, 1),)


@pytest.mark.parametrize(("true", "detected"), [([], [1.0]), ([1.0], []), ([], [])])
def test_nothing_on_one_side(true, detected):
    matching = match(true, detected, 0.25)
    assert (len(matching.pairs), len(matching.missed), len(matching.extra)) == (0, len(true), len(detected))


times = st.lists(st.floats(0, 5), max_size=8)


@given(times, times)
def test_every_event_is_used_once(true, detected):
    matching = match(true, detected, 0.25)
    assert sorted([i for i, _ in matching.pairs] + list(matching.missed)) == list(range(len(true)))
    assert sorted([j for _, j in matching.pairs] + list(matching.extra)) == list(range(len(detected)))
    assert all(abs(true[i] - detected[j]) < 0.2501 for i, j in matching.pairs)
