"""What labels of some beats decide, by hand: spans, target curves, windows, the store, and extra keyframes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from EchoKeyframeLib.datasets.clip_labels import OPEN_END, ClipLabels, LabelError
from EchoKeyframeLib.datasets.decided import labelled_spans, spans_between, spans_of
from EchoKeyframeLib.detection.keyframes import Keyframe, Phase
from EchoKeyframeLib.evaluation.clip_score import score_clip
from EchoKeyframeLib.models.presets import preset
from EchoKeyframeLib.training.fit.keyframe_training import mean_squared_errors
from EchoKeyframeLib.training.samples.targets import TargetForm, beat_curve, decided_stretches
from EchoKeyframeLib.training.samples.windows import WindowSamples, cut_window
from EchoKeyframeLib.training.stores.clip_store import DECIDED_NAME, ClipStore, create_store

ED, ES = Phase.ED, Phase.ES
NETWORK = replace(preset("two-stream"), size=32, frames=16)


def test_one_systole():
    """20 frames of systole: a beat of 50, 0.15 of it 7.5 frames, rounded to what lies within."""
    assert labelled_spans([(30, ED), (50, ES)], 200) == ((23, 57),)


def test_one_diastole():
    """ES before ED, 30 frames: a beat of 50 again."""
    assert labelled_spans([(30, ES), (60, ED)], 200) == ((23, 67),)


def test_a_whole_beat_counts_before_a_typical_one():
    """ED 100, ES 115, ED 140: a beat of 40, 6 frames beyond; clipped to the clip."""
    assert labelled_spans([(100, ED), (115, ES), (140, ED)], 143) == ((94, 142),)


def test_a_half_cycle_is_decided_whole():
    assert labelled_spans([(0, ED), (17, ES)], 18) is None


def test_an_unknown_length_leaves_no_end_at_the_back():
    assert labelled_spans([(3, ED), (23, ES)]) == ((0, 30),)
    assert spans_between([(3, ED), (23, ES)], {0}) == ((0, OPEN_END),)


@pytest.mark.parametrize(("events", "spans"), [([(10, ED), (29, ES)], 0), ([(10, ED), (28, ES)], 1),
                                               ([(10, ES), (41, ED)], 0), ([(10, ES), (40, ED)], 1)])  # fmt: skip
def test_frames_too_far_apart_are_of_different_beats(events, spans):
    """At 30 frames a second, 0.6 s of systole are 18 frames, 1 s of diastole 30."""
    assert len(labelled_spans(events, 200, 30)) == spans


def test_beats_that_are_missing_between_labelled_ones():
    """ED, ES; nothing; ED, ES: two stretches, 10 / 0.4 * 0.15 = 3.75 frames beyond each end."""
    assert labelled_spans([(20, ED), (30, ES), (70, ES), (85, ED)], 100) == ((17, 33), (67, 88))


def test_stretches_never_touch_where_something_may_lie_between():
    spans = spans_between([(10, ED), (30, ES), (34, ES), (60, ED)], {2}, 100)
    assert spans[0][1] + 1 < spans[1][0]
    assert spans_of(ClipLabels("a", (10, 60), (30, 34), 100, decided=spans).decided_frames(100)) == spans


def test_keyframes_may_be_missing_where_nothing_is_decided():
    labels = ClipLabels("a.avi", (10, 80), (20,), 100, decided=((5, 25), (76, 84)))
    assert labels.check() is labels
    with pytest.raises(LabelError, match="ED frames 10 and 80 without an ES between"):
        replace(labels, ed=(10, 80), es=(90,), decided=((5, 99),)).check()


def clip_of(labels, folder):
    """A stored clip of noise with these labels."""
    store = create_store(folder, [labels.frames], 32, {"kind": "labelled"})
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (labels.frames, 32, 32)).astype(np.uint8)
    store.write(0, frames, np.zeros((labels.frames, 3, 14, 14)), labels)
    return ClipStore(folder)


PART = ClipLabels("part.avi", (30,), (50,), 200, 50.0, "A4C", ((23, 57),))


def test_a_store_keeps_what_is_decided(tmp_path):
    whole = replace(PART, file="whole.avi", decided=None)
    assert clip_of(PART, tmp_path / "part")[0].labels.decided == ((23, 57),)
    store = clip_of(whole, tmp_path / "whole")
    assert store[0].labels == whole
    del store
    (tmp_path / "whole" / DECIDED_NAME).unlink()  # as stores were before
    assert ClipStore(tmp_path / "whole")[0].labels == whole
    nothing = clip_of(replace(PART, decided=()), tmp_path / "nothing")[0].labels
    assert nothing.decided == () and not nothing.decided_frames(200).any()


def test_targets_are_known_on_decided_frames_alone(tmp_path):
    """ED 30 and ES 50 make a beat of 50: the curve falls off with sigma 5 on both sides of each."""
    clip = clip_of(PART, tmp_path / "store")[0]
    sample = cut_window(clip, 16, 4, NETWORK, TargetForm.BEAT)  # frames 16, 20, 24, ..., 76
    index = np.arange(16, 80, 4)
    known = (index >= 23) & (index <= 57)
    targets = sample.targets.numpy()
    assert np.isnan(targets[~known]).all() and np.isfinite(targets[known][:, :4]).all()
    assert np.isnan(targets[:, 4]).all()  # nobody measured the volume
    assert targets[known][:, 0] == pytest.approx(np.exp(-0.5 * ((index[known] - 30) / 5) ** 2), abs=1e-4)
    assert targets[known][:, 1] == pytest.approx(np.exp(-0.5 * ((index[known] - 50) / 5) ** 2), abs=1e-4)


def test_the_loss_counts_decided_frames_alone(tmp_path):
    sample = cut_window(clip_of(PART, tmp_path / "store")[0], 16, 4, NETWORK, TargetForm.BEAT)
    targets = sample.targets[None]
    outputs = targets.nan_to_num(nan=1e3)
    assert mean_squared_errors(outputs, targets).abs().max() == 0
    outputs[0, 2, 0] += 3.0  # frame 24: one of 9 decided ones in this window
    assert torch.allclose(mean_squared_errors(outputs, targets)[0], torch.tensor(1.0))


def test_stretches_know_only_their_own_beats():
    """Beats of 40 and of 20 frames, far apart: each stretch goes by its own."""
    labels = ClipLabels("a", (20, 60, 150, 170), (36, 158), 200, decided=((14, 66), (147, 173)))
    (first, ed, _), (second, other, _) = decided_stretches(labels, 200)
    assert (first, second) == (slice(14, 67), slice(147, 174))
    assert ed.tolist() == [-20, 20, 60, 100] and other.tolist() == [130, 150, 170, 190]
    assert beat_curve(np.array([24.0]), ed, 0.1)[0] == pytest.approx(np.exp(-0.5))


def test_a_stretch_without_both_phases_is_asked_nothing():
    assert decided_stretches(ClipLabels("a", (20,), (), 60, decided=((0, 22),)), 60) == []


def test_windows_look_where_something_is_decided(tmp_path):
    samples = WindowSamples(clip_of(PART, tmp_path / "store"), NETWORK, TargetForm.BEAT, seed=1)
    drawn = [samples[number].targets for number in range(60)]
    assert all(torch.isfinite(targets[:, :2]).any() for targets in drawn)
    assert len({int(torch.isfinite(targets[:, 0]).sum()) for targets in drawn}) > 5


def test_extra_keyframes_count_on_decided_frames_alone():
    """Labelled: ED 30, ES 50 of 200 frames at 50 a second. Found: these, a beat far off, an ED too many at 44."""
    times = np.arange(200) / 50
    found = [(ED, 31), (ES, 50), (ED, 44), (ED, 90), (ES, 110)]
    keyframes = [Keyframe(phase, frame, times[frame]) for phase, frame in found]
    truth = {ED: PART.of(ED), ES: PART.of(ES)}
    whole = score_clip("part.avi", times, truth, keyframes)
    part = score_clip("part.avi", times, truth, keyframes, decided=PART.decided_frames(200))
    assert sorted(e.frame for e in whole.extras) == [44, 90, 110] and [e.frame for e in part.extras] == [44]
    assert part.events == whole.events and [e.error_frames for e in part.events] == [1, 0]


def test_heart_rates_skip_beats_that_nobody_labelled():
    """ED 20 and 60 (75 a minute at 50 frames a second), then unlabelled beats, then ED 180."""
    labels = ClipLabels("a", (20, 60, 180), (36, 196), 200, decided=((14, 66), (174, 199)))
    times = np.arange(200) / 50
    result = score_clip("a", times, {ED: labels.of(ED), ES: labels.of(ES)}, [], decided=labels.decided_frames(200))
    assert result.heart_rate == pytest.approx(75)
