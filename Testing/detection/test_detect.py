"""From a cine to its detection: what is refused, what is warned of."""

from dataclasses import replace

import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.orientation import Orientation
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import whole_frame
from EchoKeyframeLib.detection.beats import EDGE_RATE
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.detect import detect
from EchoKeyframeLib.detection.keyframes import Cancelled, Curves, DetectionError, Phase
from EchoKeyframeLib.detection.motion import MotionDetector


def cine(frames, fps=30.0, **more):
    times = np.arange(len(frames), dtype=np.float64) / fps
    return Cine(np.asarray(frames, np.uint8), times, Source("loop.dcm"), timing="FrameTime", **more)


class OneBeatASecond:
    """Curves of 60 beats a minute at 30 frames a second, whatever the picture shows."""

    name = "metronome"

    def curves(self, cine, sector, progress=None):
        phase = np.arange(len(cine)) / 30.0
        ed, es = (np.clip(np.cos(2 * np.pi * (phase - shift)), 0, 1) for shift in (0.3, 0.65))
        return Curves(np.stack([ed, es], axis=1).astype(np.float32), cine.times, self.name)


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_frames_are_refused_by_name(count):
    with pytest.raises(DetectionError, match=rf"loop\.dcm: has {count} frame"):
        detect(cine(np.zeros((count, 64, 64))), MotionDetector())


@pytest.mark.parametrize("value", [0, 90])
def test_a_loop_without_motion_has_no_keyframes_and_says_so(value):
    detection = detect(cine(np.full((40, 64, 64), value)), MotionDetector())
    assert detection.keyframes == detection.beats == ()
    assert detection.heart_rate is None
    assert any("no heartbeat" in warning for warning in detection.warnings)


@pytest.mark.parametrize(
    ("stated", "rate", "more"),
    [
        (31.0, "15.5 frames/s", "if that is right"),  # the rate that would make the file's heart rate true
        (90.0, "45.0 frames/s", "if that is right"),
        (118.0, "60.0 frames/s", "replay at 50% speed"),
        (235.0, "120.0 frames/s", "replay at 25% speed"),
    ],
)
def test_a_heart_rate_that_the_frame_times_contradict_is_a_warning_with_both(stated, rate, more):
    detection = detect(cine(np.zeros((120, 64, 64)), heart_rate=stated), OneBeatASecond())
    assert detection.heart_rate == pytest.approx(60.0, abs=1)
    [warning] = [w for w in detection.warnings if "--fps" in w]
    for part in ("60 beats/min", f"heart rate is {stated:.0f}", f"about {rate}", more, "--fps"):
        assert part in warning


@pytest.mark.parametrize("stated", [61.0, 50.0, 75.0, None])
def test_a_heart_rate_that_fits_or_is_unknown_is_no_warning(stated):
    detection = detect(cine(np.zeros((120, 64, 64)), heart_rate=stated), OneBeatASecond())
    assert not any("--fps" in warning for warning in detection.warnings)


def test_a_heart_rate_from_the_clips_edge_is_told_and_gives_no_frame_rate():
    detection = detect(cine(np.zeros((40, 64, 64)), heart_rate=120.0), OneBeatASecond())
    assert [(k.frame, k.at_edge) for k in detection.keyframes if k.phase is Phase.ED] == [(9, False)]
    assert detection.heart_rate == pytest.approx(60.0, abs=1)  # from frame 39, where the clip ends
    assert EDGE_RATE in detection.warnings
    [warning] = [w for w in detection.warnings if "--fps" in w]
    assert "60 beats/min" in warning and "heart rate is 120" in warning and "true rate is" not in warning
    assert EDGE_RATE not in detect(cine(np.zeros((120, 64, 64))), OneBeatASecond()).warnings


@pytest.mark.parametrize("model", ["motion", "fused"])
def test_a_loop_upside_down_has_the_same_keyframes(beating_cine, model):
    detector = load_detector(model)
    upright = detect(beating_cine, detector)
    turned = detect(replace(beating_cine, frames=np.ascontiguousarray(beating_cine.frames[:, ::-1])), detector)
    assert turned.keyframes == upright.keyframes != ()
    assert (upright.orientation, turned.orientation) == (Orientation.UPRIGHT, Orientation.APEX_DOWN)


def test_the_real_clip_that_lies_by_a_factor_of_two(development_data):
    found = detect(read_cine(development_data / "DIRW0007.dcm"), MotionDetector())
    [warning] = found.warnings  # the reading's guess at a slowed replay says no more
    for part in ("26.2 frames/s", "32 beats/min", "heart rate is 61", "50% speed", "52.5 frames/s"):
        assert part in warning


def test_warnings_of_the_reading_come_first_and_a_given_sector_is_not_searched():
    loop = cine(np.zeros((60, 64, 64))).with_warnings("spacing was guessed")
    detection = detect(loop, OneBeatASecond(), sector=whole_frame(loop))
    assert detection.warnings == ("spacing was guessed",)


@pytest.mark.parametrize(("frames", "stated", "kept"), [
    (120, 118.0, False),
    (120, 60.0, True),  # nothing contradicts
    (40, 120.0, True),  # no true rate can be told
])  # fmt: skip
def test_a_doubt_of_the_reading_goes_where_the_detection_names_the_true_frame_rate(frames, stated, kept):
    doubt, note = "may be a slowed replay", "spacing was guessed"
    loop = cine(np.zeros((frames, 64, 64)), heart_rate=stated, warnings=(doubt, note), timing_warnings=(doubt,))
    warnings = detect(loop, OneBeatASecond()).warnings
    assert (doubt in warnings) == kept and note in warnings


def test_cancelling_ends_a_detection_in_the_middle():
    fractions = []

    def stop(fraction):
        fractions.append(fraction)
        raise Cancelled

    frames = np.random.default_rng(0).integers(0, 255, (300, 64, 64))
    with pytest.raises(Cancelled):
        detect(cine(frames), MotionDetector(), progress=stop)
    assert len(fractions) == 1
    assert fractions[0] < 1


def test_an_unknown_decoder_lists_those_there_are():
    with pytest.raises(KeyError, match="beats, maxima"):
        detect(cine(np.zeros((10, 64, 64))), OneBeatASecond(), decoder="magic")


def test_the_command_line_offers_every_decoder():
    from EchoKeyframeLib.commands import options
    from EchoKeyframeLib.detection.detect import DECODERS

    assert tuple(DECODERS) == options.DECODERS
