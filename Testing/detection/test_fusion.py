"""Two detectors' curves as one."""

import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.sector import whole_frame
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.detect import interpret
from EchoKeyframeLib.detection.fusion import CONTRADICTION, FusedDetector
from EchoKeyframeLib.detection.keyframes import Curves
from EchoKeyframeLib.detection.motion import MotionDetector
from EchoKeyframeLib.detection.optical_flow import FlowStream


class Fixed:
    """A detector that gives the same curves whatever it is shown, and remembers the frame rate it was shown."""

    device = "cpu"

    def __init__(self, name, probability, quality=None):
        self.name, self.probability, self.fps = name, np.asarray(probability, np.float32), None
        self.quality = quality

    def curves(self, cine, sector, progress=None):
        self.fps = cine.fps
        if progress:
            progress(0.5)
            progress(1.0)
        return Curves(self.probability, cine.times, self.name, quality=self.quality)


def beating(count, frames_a_beat):
    phase = np.arange(count) / frames_a_beat
    return np.stack([np.clip(np.cos(2 * np.pi * (phase - shift)), 0, 1) for shift in (0.1, 0.5)], axis=1)


def loop(count, fps):
    times = np.arange(count, dtype=np.float64) / fps
    return Cine(np.zeros((count, 32, 32), np.uint8), times, Source("loop"))


def fused(cine, motion, network, progress=None, quality=0.7):
    detectors = Fixed("motion", motion, quality), Fixed("net 1", network)
    curves = FusedDetector(*detectors).curves(cine, whole_frame(cine), progress)
    return curves, detectors[1].fps


def test_curves_are_the_mean_and_keep_the_cines_own_times():
    cine, motion, network = loop(60, 30.0), beating(60, 27), beating(60, 30)
    curves, fps = fused(cine, motion, network)
    assert curves.probability == pytest.approx((motion + network) / 2, abs=1e-6)
    assert curves.times is cine.times
    assert curves.detector == "net 1 + motion"
    assert curves.warnings == ()
    assert fps == pytest.approx(30.0)


def test_without_a_rhythm_in_the_motion_the_network_decides_alone():
    network = beating(40, 25)
    curves, _ = fused(loop(40, 25.0), np.zeros((40, 2)), network)
    assert curves.probability == pytest.approx(network, abs=1e-6)


def test_where_one_takes_ed_for_es_the_likelier_is_taken_whole_and_the_loop_is_flagged():
    cine, right = loop(75, 25.0), beating(75, 25)
    for quality, peak, likelier in ((0.6, 1.0, "network"), (0.8, 0.3, "motion")):
        motion, network = right[:, ::-1], peak * right
        curves, _ = fused(cine, motion, network, quality=quality)
        assert curves.probability == pytest.approx({"motion": motion, "network": network}[likelier], abs=1e-6)
        assert CONTRADICTION in interpret(curves, cine).warnings


def test_of_two_rhythms_the_one_that_a_heart_has_is_taken_and_never_their_mean():
    cine = loop(150, 30.0)
    usual, four_seconds = beating(150, 24), beating(150, 118)
    for motion, network in ((four_seconds, usual), (usual, four_seconds)):
        curves, _ = fused(cine, motion, network)
        assert curves.probability == pytest.approx(usual, abs=1e-6)


def test_two_thirds_of_the_keyframes_in_common_are_enough_for_the_mean():
    cine, network = loop(100, 25.0), beating(100, 25)
    motion = network.copy()
    motion[50:, 0] = np.roll(motion[50:, 0], -5)  # two EDs elsewhere, all else the same
    curves, _ = fused(cine, motion, network)
    assert curves.probability == pytest.approx((motion + network) / 2, abs=1e-6)
    assert curves.warnings == ()


def test_a_network_that_sees_nothing_leaves_the_decision_to_motion():
    motion = beating(75, 25)
    curves, _ = fused(loop(75, 25.0), motion, np.full((75, 2), 0.1))
    assert [k.frame for k in interpret(curves, loop(75, 25.0)).keyframes] == [
        k.frame for k in interpret(Curves(motion.astype(np.float32), curves.times, ""), loop(75, 25.0)).keyframes
    ]


def test_a_frame_rate_at_which_no_heart_beats_as_fast_is_not_handed_to_the_network():
    # 50 frames a beat: 0.25 s at 200 frames/s. A usual beat of 0.9 s needs 55.6 frames/s.
    curves, fps = fused(loop(150, 200.0), beating(150, 50), beating(150, 50))
    assert fps == pytest.approx(50 / 0.9, rel=0.05)
    assert curves.times[-1] == pytest.approx(149 / 200.0)


def test_a_rate_at_which_the_heart_seems_slow_is_kept_for_an_irregular_rhythm_looks_so():
    _, fps = fused(loop(150, 12.0), beating(150, 50), beating(150, 50))
    assert fps == pytest.approx(12.0)


def test_progress_runs_once_from_start_to_end():
    told = []
    fused(loop(30, 30.0), beating(30, 25), beating(30, 25), told.append)
    assert told == sorted(told)
    assert told[0] > 0 and told[-1] == pytest.approx(1.0)
    assert len(told) == 4


def test_the_optical_flow_is_computed_once_and_gives_what_each_detector_gives_alone(beating_cine, monkeypatch):
    cine = beating_cine
    sector, network = whole_frame(cine), load_detector("two-stream", "cpu", runtime="onnxruntime")
    motion = MotionDetector()
    alone = (motion.curves(cine, sector).probability + network.curves(cine, sector).probability) / 2
    pushed, push = [], FlowStream.push
    monkeypatch.setattr(FlowStream, "push", lambda stream, frame: (pushed.append(frame), push(stream, frame)))
    seen = []
    curves = FusedDetector(motion, network).curves(cine, sector, seen.append)
    assert len(pushed) == len(cine)
    assert curves.probability == pytest.approx(alone, abs=1e-6)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)
