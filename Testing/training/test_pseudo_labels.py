"""What two detectors agree on, from curves made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from EchoKeyframeLib.detection.keyframes import Curves, Keyframe, Phase
from EchoKeyframeLib.training.adaptation.pseudo_labels import agree, pair

FPS, FRAMES = 25.0, 100
ED, ES = (10, 30, 50, 70, 90), (18, 38, 58, 78)


def curves(ed=ED, es=ES, heights=None) -> Curves:
    """A bump of two frames' sigma at each keyframe; heights: of some of them, by frame."""
    at = np.arange(FRAMES)
    columns = []
    for frames in (ed, es):
        bumps = [(heights or {}).get(f, 1.0) * np.exp(-0.5 * ((at - f) / 2) ** 2) for f in frames]
        columns.append(np.max(bumps, axis=0))
    return Curves(np.stack(columns, 1).astype(np.float32), at / FPS, "hand-made")


def agreed(first: Curves, second: Curves):
    return agree(first, second, "cine-00001", FPS)


def test_detectors_that_agree_decide_all_between_their_first_and_last_keyframe():
    found = agreed(curves(), curves())
    assert found.labels.ed == ED and found.labels.es == ES
    assert (found.beats, found.found, found.common) == (4, 9, 9)
    decided = found.labels.decided_frames(FRAMES)
    assert decided[10:91].all() and not decided[:5].any() and not decided[96:].any()


def test_a_keyframe_lies_midway_between_the_two_that_name_it():
    shifted = curves([f + 1 for f in ED], [f + 1 for f in ES])
    assert agreed(curves(), shifted).labels.ed == tuple(f + 0.5 for f in ED)


def test_a_beat_that_one_detector_sees_elsewhere_is_undecided():
    found = agreed(curves(), curves(es=(18, 45, 58, 78)))
    assert found.labels.ed == ED and found.labels.es == (18, 58, 78)
    decided = found.labels.decided_frames(FRAMES)
    assert decided[10:31].all() and not decided[34:47].any() and decided[50:91].all()
    assert found.beats == 3 and found.common == 8 and found.found == 10


def test_a_beat_that_one_detector_misses_parts_what_lies_around_it():
    found = agreed(curves(), curves(ed=(10, 30, 70, 90), es=(18, 38, 58, 78)))
    decided = found.labels.decided_frames(FRAMES)
    assert 50 not in found.labels.ed
    assert decided[12:37].all() and not decided[42:55].any() and decided[60:90].all()


def test_unsure_keyframes_do_not_count():
    faint = {38: 0.2, 50: 0.2}
    found = agreed(curves(), curves(heights=faint))
    assert not set(faint) & {*found.labels.ed, *found.labels.es}


def test_less_than_a_beat_is_chance():
    found = agreed(curves(ed=(10, 30), es=(18,)), curves(ed=(10, 60), es=(18,)))
    assert found.beats == 0 and found.labels.decided == () and found.labels.ed == ()


@pytest.mark.parametrize("second", [curves(), Curves(np.zeros((FRAMES, 2), np.float32), np.arange(FRAMES) / FPS, "-")])
def test_a_silent_detector_agrees_on_nothing(second):
    silent = Curves(np.zeros((FRAMES, 2), np.float32), np.arange(FRAMES) / FPS, "silent")
    found = agreed(silent, second)
    assert found.beats == found.common == 0 and found.labels.decided == ()


def test_pairs_are_of_one_phase_and_nearest_to_each_other():
    first = [Keyframe(Phase.ED, 10, 1.0), Keyframe(Phase.ED, 11, 1.1), Keyframe(Phase.ES, 20, 2.0)]
    second = [Keyframe(Phase.ED, 11, 1.12), Keyframe(Phase.ES, 10, 1.0), Keyframe(Phase.ES, 25, 2.5)]
    assert [(a.frame, b.frame) for a, b in pair(first, second, 0.2)] == [(11, 11)]
    assert pair(first, [], 0.2) == []
