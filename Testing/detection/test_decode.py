"""Curves to keyframes to beats."""

import numpy as np
import pytest
from EchoKeyframeLib.detection.beats import certain_heart_rate, form_beats, heart_rate
from EchoKeyframeLib.detection.decode import beat_length, decode_beats, decode_maxima
from EchoKeyframeLib.detection.keyframes import Curves, Keyframe, Phase


def bumps(times, events, widths):
    """Peak-1 Gaussians at the event times, each with its own width in s."""
    distance = (times[:, None] - np.asarray(events)[None]) / np.asarray(widths)[None]
    return np.exp(-0.5 * distance**2).max(axis=1)


def curves_of_beats(ed_times, systole, times, noise=0.0, seed=0):
    """Curves for beats that start at ``ed_times`` (the last one closes the last beat)."""
    ed_times = np.asarray(ed_times)
    lengths = np.diff(ed_times)
    es_times = ed_times[:-1] + systole
    probability = np.stack(
        [bumps(times, ed_times, 0.1 * np.append(lengths, lengths[-1])), bumps(times, es_times, 0.1 * lengths)], axis=1
    )
    rough = probability + noise * np.random.default_rng(seed).standard_normal(probability.shape)
    return Curves(np.clip(rough, 0, 1).astype(np.float32), times, "test"), es_times


def found(keyframes, phase):
    return [k.frame for k in keyframes if k.phase is phase]


@pytest.mark.parametrize("decode", [decode_maxima, decode_beats])
def test_clean_curves_give_every_keyframe_exactly(decode):
    times = np.arange(100) / 50.0
    curves, es_times = curves_of_beats([-0.3, 0.5, 1.3, 2.1], 0.34, times)
    keyframes = decode(curves)
    assert found(keyframes, Phase.ED) == [25, 65]
    assert found(keyframes, Phase.ES) == [round(t * 50) for t in es_times if 0 <= t < 2]
    assert all(k.confidence > 0.8 and not k.at_edge for k in keyframes[1:-1])


def test_false_maxima_are_left_out_where_plain_maxima_take_them():
    times = np.arange(150) / 50.0
    curves, _ = curves_of_beats([-0.2, 0.8, 1.8, 2.8], 0.36, times)
    probability = curves.probability.copy()
    # An E/A double peak: the LV is nearly as large at early filling's end as at ED.
    probability[:, 0] = np.maximum(probability[:, 0], 0.6 * bumps(times, [0.45, 1.45], [0.05, 0.05]))
    curves = Curves(probability, times, "test")
    assert found(decode_maxima(curves), Phase.ED) == [22, 40, 72, 90, 140]
    assert found(decode_beats(curves), Phase.ED) == [40, 90, 140]


@pytest.mark.parametrize("stretch", [0.5, 1.0, 2.0])
def test_a_frame_rate_wrong_by_two_changes_nothing(stretch):
    frames = np.arange(160)
    curves, _ = curves_of_beats([-0.1, 0.8, 1.6, 2.55, 3.4], 0.33, frames / 50.0, noise=0.03)
    wrong = Curves(curves.probability, frames / 50.0 * stretch, "test")
    assert [(k.phase, k.frame) for k in decode_beats(wrong)] == [(k.phase, k.frame) for k in decode_beats(curves)]


def test_atrial_fibrillation_and_an_ectopic_beat_with_its_pause_lose_nothing():
    rng = np.random.default_rng(5)
    for trial in range(30):
        lengths = rng.uniform(0.5, 1.1, 8)
        lengths[3:5] = 0.45, 1.35  # the ectopic beat comes early, a pause follows
        ed_times = np.concatenate([[0.1], 0.1 + np.cumsum(lengths)])
        times = np.arange(0, ed_times[-1] - 0.2, 0.02)
        systole = 0.3 * np.sqrt(lengths)
        curves, es_times = curves_of_beats(ed_times, systole, times, noise=0.03, seed=trial)
        keyframes = decode_beats(curves)
        inside = [t for t in ed_times if times[0] + 0.06 < t < times[-1] - 0.1]
        detected = [k.time for k in keyframes if k.phase is Phase.ED and 0.06 < k.time < times[-1] - 0.1]
        assert len(detected) == len(inside), f"trial {trial}: {detected} for {inside}"
        assert np.abs(np.array(detected) - inside).max() <= 0.04
        assert len(found(keyframes, Phase.ES)) == len(es_times)


def test_a_systole_that_the_image_hides_costs_only_itself():
    times = np.arange(200) / 50.0
    curves, es_times = curves_of_beats([0.2, 1.0, 1.8, 2.6, 3.4], 0.34, times)
    probability = curves.probability.copy()
    hidden = np.abs(times - es_times[1]) < 0.35
    probability[hidden, 1] = 0.0
    keyframes = decode_beats(Curves(probability, times, "test"))
    assert found(keyframes, Phase.ED) == [10, 50, 90, 130, 170]
    assert found(keyframes, Phase.ES) == [round((t) * 50) for t in np.delete(es_times, 1)]


@pytest.mark.parametrize(("offset", "expected"), [(0.0, True), (0.25, False)])
def test_a_keyframe_on_the_last_frame_is_found_and_flagged_one_beyond_is_not(offset, expected):
    times = np.arange(101) / 50.0
    curves, _ = curves_of_beats([-0.6, 0.2, 1.1, 2.0 + offset, 2.9 + offset], 0.34, times)
    last = [k for k in decode_beats(curves) if k.phase is Phase.ED][-1]
    assert (last.frame == 100 and last.at_edge) is expected
    if expected:
        assert last.confidence <= 0.5


def test_a_flat_top_that_reaches_the_clips_end_lies_at_the_edge():
    curve = np.r_[np.zeros(10), np.linspace(0, 1, 6), np.ones(4)].astype(np.float32)
    flat = Curves(np.stack([curve, curve[::-1]], axis=1), np.arange(20) / 20.0, "test")
    assert [(k.phase, k.at_edge) for k in decode_maxima(flat)] == [(Phase.ES, True), (Phase.ED, True)]


@pytest.mark.parametrize("decode", [decode_maxima, decode_beats])
@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_flat_and_tiny_curves_give_nothing(decode, count):
    flat = Curves(np.full((count, 2), 0.4, np.float32), np.arange(count) / 30.0, "test")
    assert decode(flat) == []


def test_a_recording_of_many_minutes_loses_no_beat():
    rng = np.random.default_rng(0)
    lengths = rng.uniform(0.7, 1.0, 400)
    ed_times = np.concatenate([[0.1], 0.1 + np.cumsum(lengths)])
    times = np.arange(0, ed_times[-1] + 0.3, 1 / 30)
    curves, _ = curves_of_beats_windowed(ed_times, lengths, times)
    assert len(found(decode_beats(curves), Phase.ED)) == 401


def curves_of_beats_windowed(ed_times, lengths, times):
    """The same as curves_of_beats for many beats: only the nearest event matters."""
    es_times = ed_times[:-1] + 0.36 * lengths

    def nearest(events):
        i = np.clip(np.searchsorted(events, times), 1, len(events) - 1)
        distance = np.minimum(np.abs(times - events[i - 1]), np.abs(times - events[i]))
        return np.exp(-0.5 * (distance / 0.08) ** 2)

    probability = np.stack([nearest(ed_times), nearest(es_times)], axis=1).astype(np.float32)
    return Curves(probability, times, "test"), es_times


def test_beat_length_is_that_of_the_signal_not_its_double():
    times = np.arange(250) / 50.0
    curves, _ = curves_of_beats(np.arange(-1, 7) * 0.72, 0.28, times, noise=0.05)
    assert beat_length(curves) == pytest.approx(0.72, abs=0.02)


def key(phase, frame, **more):
    return Keyframe(Phase(phase), frame, frame / 50.0, **more)


def test_beats_start_at_ed_and_what_is_cut_off_is_missing():
    keyframes, beats = form_beats([key("ES", 5), key("ED", 21), key("ES", 37), key("ED", 61)])
    assert [(b.number, b.ed and b.ed.frame, b.es and b.es.frame, b.next_ed and b.next_ed.frame) for b in beats] == [
        (1, None, 5, 21),
        (2, 21, 37, 61),
        (3, 61, None, None),
    ]
    assert [k.beat for k in keyframes] == [1, 2, 2, 3]
    assert beats[1].heart_rate == pytest.approx(75.0)
    assert [b.measurable for b in beats] == [False, True, False]


def test_half_a_cycle_from_es_to_ed_is_one_beat():
    keyframes, beats = form_beats([key("ED", 21), key("ES", 5)])
    assert len(beats) == 1
    assert (beats[0].ed.frame, beats[0].es.frame, beats[0].heart_rate) == (21, 5, None)
    assert {k.beat for k in keyframes} == {1}


def test_heart_rate_prefers_intervals_that_do_not_touch_the_edge():
    keyframes = [key("ED", 0, at_edge=True), key("ES", 15), key("ED", 30), key("ES", 65), key("ED", 80)]
    # ED 30 to 80 and ES 15 to 65: 50 frames of 20 ms each. ED 0 to 30 is left out.
    assert heart_rate(keyframes) == pytest.approx(60.0)
    assert heart_rate(keyframes[:3]) == pytest.approx(100.0)
    assert heart_rate(keyframes[1:3]) is None


def test_a_beat_that_an_edge_keyframe_bounds_has_no_heart_rate_of_its_own():
    # ED 0, 50, 100 are a second apart; the clip ends before the next, so that its last frame is taken for it.
    keyframes = [key("ED", 0, at_edge=True), key("ED", 50), key("ED", 100), key("ED", 133, at_edge=True)]
    _, beats = form_beats(keyframes)
    assert [beat.heart_rate for beat in beats] == [None, pytest.approx(60.0), None, None]
    assert heart_rate(keyframes) == certain_heart_rate(keyframes) == pytest.approx(60.0)
    assert heart_rate(keyframes[2:]) == pytest.approx(90.9, abs=0.1) and certain_heart_rate(keyframes[2:]) is None


@pytest.mark.parametrize("decode", [decode_beats, decode_maxima])
@pytest.mark.parametrize(("frame", "seen"), [(0, False), (1, False), (2, False), (4, True), (97, False), (95, True)])
def test_a_turn_beside_the_clips_end_is_not_seen(decode, frame, seen):
    """Beats of 30 frames in a clip of 100: a bump falls to 0.8 of its peak 2 frames off."""
    times = np.arange(100) / 30.0
    curves, _ = curves_of_beats((frame % 30) / 30.0 + np.arange(-1.0, 5.0), 0.4, times)
    keyframes = decode(curves)
    [keyframe] = [k for k in keyframes if k.phase is Phase.ED and k.frame == frame]
    assert keyframe.at_edge is not seen
    assert not any(k.at_edge for k in keyframes if 4 <= k.frame <= 95)
