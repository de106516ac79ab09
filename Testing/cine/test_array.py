"""A cine made of an array."""

import numpy as np
import pytest
from EchoKeyframeLib.cine.array import cine_from_array
from EchoKeyframeLib.cine.cine import CineError


def test_uint8_is_taken_as_it_is():
    frames = np.random.default_rng(0).integers(0, 255, (5, 8, 9), dtype=np.uint8)
    cine = cine_from_array(frames, fps=50, name="mine")
    assert np.shares_memory(cine.frames, frames)
    assert cine.times.tolist() == [0.0, 0.02, 0.04, 0.06, 0.08]
    assert cine.source.name == "mine" and cine.fps == pytest.approx(50)


def test_color_and_times_that_do_not_start_at_zero():
    cine = cine_from_array(np.zeros((3, 4, 4, 3), np.uint8), times=[10, 10.5, 12])
    assert cine.is_color and cine.times.tolist() == [0, 0.5, 2]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0.0, 0.5, 1.0]), [0, 128, 255]),
        (np.array([0.0, 100.0, 255.0]), [0, 100, 255]),
        (np.array([0, 2048, 4095], np.uint16), [0, 128, 255]),
        (np.array([0, 7, 200], np.int32), [0, 7, 200]),
        (np.array([-1.0, 0.0, 1.0]), [0, 128, 255]),
        (np.array([False, True, False]), [0, 255, 0]),
        (np.array([3, 3, 3], np.int64), [3, 3, 3]),
        (np.array([-2.0, -2.0, -2.0]), [0, 0, 0]),
    ],
)
def test_other_types_are_scaled_by_the_stated_rule(values, expected):
    cine = cine_from_array(np.broadcast_to(values, (2, 1, 3)), fps=1)
    assert cine.frames.tolist() == [[expected]] * 2


def test_one_frame_needs_no_time():
    assert len(cine_from_array(np.zeros((1, 4, 4), np.uint8))) == 1


@pytest.mark.parametrize(
    ("frames", "arguments", "message"),
    [
        (np.zeros((0, 4, 4), np.uint8), {"fps": 1}, "shape"),
        (np.zeros((4, 4), np.uint8), {"fps": 1}, "shape"),
        (np.zeros((2, 4, 4, 2), np.uint8), {"fps": 1}, "shape"),
        (np.zeros((2, 4, 4), complex), {"fps": 1}, "real numbers"),
        (np.full((2, 4, 4), "a"), {"fps": 1}, "real numbers"),
        (np.full((2, 4, 4), np.nan), {"fps": 1}, "NaN"),
        (np.full((2, 4, 4), np.inf), {"fps": 1}, "NaN"),
        (np.zeros((2, 4, 4), np.uint8), {}, "needs times"),
        (np.zeros((2, 4, 4), np.uint8), {"fps": 0}, "frame rate"),
        (np.zeros((2, 4, 4), np.uint8), {"fps": float("nan")}, "frame rate"),
        (np.zeros((2, 4, 4), np.uint8), {"fps": "fast"}, "frame rate"),
        (np.zeros((2, 4, 4), np.uint8), {"fps": 3, "times": [0, 1]}, "not both"),
        (np.zeros((2, 4, 4), np.uint8), {"times": [0, 1, 2]}, "one time for each"),
        (np.zeros((2, 4, 4), np.uint8), {"times": [0, "x"]}, "numbers"),
        (np.zeros((2, 4, 4), np.uint8), {"times": [1, 1]}, "strictly increasing"),
        (np.zeros((2, 4, 4), np.uint8), {"times": [0, np.nan]}, "finite"),
        ([[1, 2], [3]], {"fps": 1}, "shape"),
    ],
)
def test_nonsense_is_refused_in_one_line(frames, arguments, message):
    with pytest.raises(CineError, match=message) as caught:
        cine_from_array(frames, name="mine", **arguments)
    assert str(caught.value).startswith("mine: ") and "\n" not in str(caught.value)
