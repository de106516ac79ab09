"""Heights of curves become the share of such keyframes that are right."""

import numpy as np
import pytest
from EchoKeyframeLib.cine.sector import whole_frame
from EchoKeyframeLib.detection.confidence import FUSED, MOTION, NETWORK, Worth, rated
from EchoKeyframeLib.detection.detect import interpret
from EchoKeyframeLib.detection.keyframes import Curves, Keyframe, Phase
from EchoKeyframeLib.detection.motion import MotionDetector

TIMES = np.arange(60) / 30.0


def keyframe(frame, height=0.9, phase=Phase.ED):
    return Keyframe(phase, frame, TIMES[frame], height)


def confidence(found, reliability, others=None):
    [one] = rated([found], Worth(reliability, others), TIMES)
    return one.confidence


@pytest.mark.parametrize("reliability", [NETWORK, MOTION, FUSED])
def test_what_stands_out_more_is_the_surer(reliability):
    worth = [confidence(keyframe(20, height), reliability) for height in (0.0, 0.5, 1.0)]
    assert 0 < worth[0] < worth[1] < worth[2] < 1


def test_what_the_other_detector_puts_elsewhere_is_less_sure_and_most_where_it_has_none_of_the_kind():
    found = keyframe(20)
    at = [confidence(found, FUSED, (keyframe(20 + apart),)) for apart in (0, 2, 4, 8)]
    assert at == sorted(at, reverse=True) and at[0] > 0.8 > 0.6 > at[3]
    assert confidence(found, FUSED, (keyframe(20, phase=Phase.ES),)) == at[3]
    assert at[3] < confidence(found, FUSED, ()) < at[0]  # it sees no heartbeat at all


def test_without_a_measure_heights_stay_and_so_does_all_else():
    found = [keyframe(3, 0.4), keyframe(30, 1.0, Phase.ES)]
    assert rated(found, None, TIMES) == found
    [one, _] = rated(found, Worth(MOTION), TIMES)
    assert (one.phase, one.frame, one.time) == (found[0].phase, found[0].frame, found[0].time)


def test_the_papers_decoder_tells_the_curves_value(beating_cine):
    sector = whole_frame(beating_cine)
    curves = MotionDetector().curves(beating_cine, sector)
    beats, maxima = (interpret(curves, beating_cine, decoder, sector).keyframes for decoder in ("beats", "maxima"))
    assert all(k.confidence == pytest.approx(curves.of(k.phase)[k.frame], abs=1e-6) for k in maxima)
    told = interpret(Curves(curves.probability, curves.times, "motion"), beating_cine, "beats", sector).keyframes
    expected = [1 / (1 + np.exp(-MOTION.base - MOTION.height * k.confidence)) for k in told]
    assert [k.confidence for k in beats] == pytest.approx(expected, abs=1e-4)
