"""Loops without a beating heart give no keyframes, and a finding says why."""

import numpy as np
import pytest
from EchoKeyframeLib.cine.array import cine_from_array
from EchoKeyframeLib.cine.finding import FindingKind
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.detect import detect
from no_heart import NO_HEART

WHY = {
    "still": "stands still", "still_compressed": "stands still", "black": "blank", "noise": "flickers",
    "faint_noise": "flickers", "at_rest": "stands still", "clock": "stands still", "colour": "flickers",
    "gain": "stands still",
}  # fmt: skip
LENGTHS = {"two seconds": (60, 30.0), "ten frames": (10, 25.0), "a second at 8 frames/s": (8, 8.0)}


@pytest.fixture(scope="module")
def detectors():
    return [load_detector("motion"), load_detector("fused")]


CASES = [(kind, length) for kind in WHY for length in LENGTHS]
CASES.remove(("colour", "a second at 8 frames/s"))  # clouds that happen to drift


@pytest.mark.parametrize(("kind", "length"), CASES)
def test_no_beats_are_invented(kind, length, detectors):
    count, fps = LENGTHS[length]
    for detector in detectors:
        found = detect(cine_from_array(NO_HEART[kind](count), fps=fps), detector)
        assert found.keyframes == found.beats == () and found.heart_rate is None
        [finding] = [f for f in found.findings if f.kind is FindingKind.NO_BEATS]
        assert WHY[kind] in finding.text and finding.text in found.warnings


@pytest.mark.parametrize("kind", ["approach", "ecg"])
def test_nothing_is_measured_where_something_else_moves(kind, detectors):
    for count, fps in LENGTHS.values():
        found = detect(cine_from_array(NO_HEART[kind](count), fps=fps), detectors[1])
        assert not any(beat.measurable for beat in found.beats)


def test_a_heart_is_no_still(beating_cine, detectors):
    for detector in detectors:
        assert not any(f.kind is FindingKind.NO_BEATS for f in detect(beating_cine, detector).findings)


def test_a_long_still_takes_no_more_memory_than_its_frames():
    import tracemalloc

    cine = cine_from_array(np.repeat(NO_HEART["at_rest"](30), 60, axis=0), fps=120.0)
    tracemalloc.start()
    found = detect(cine, load_detector("motion"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.keyframes == () and peak < 6 * cine.frames.nbytes
