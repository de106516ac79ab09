"""Gray or colour is decided from the pixels, and the stack keeps what it is given."""

import tracemalloc

import cv2
import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import Box, CineError
from EchoKeyframeLib.cine.color import FrameStack


def speckle(count: int, size=(120, 160), seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [cv2.GaussianBlur(rng.integers(0, 200, size, dtype=np.uint8), (0, 0), 2) for _ in range(count)]


def as_rgb(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB) for frame in frames]


def stacked(frames: list[np.ndarray], region: Box | None = None, expected: int = 0) -> np.ndarray:
    stack = FrameStack("clip", expected, region)
    for frame in frames:
        stack.append(frame)
    return stack.finish()


def with_flow(frame: np.ndarray, i: int) -> np.ndarray:
    """A patch of red and blue flow that covers half a percent of the frame and moves."""
    frame = frame.copy()
    cv2.circle(frame, (75 + i % 3, 60), 6, (200 - 9 * (i % 5), 20, 0), -1)
    cv2.circle(frame, (90 + i % 3, 60), 6, (0, 20, 200 - 9 * (i % 5)), -1)
    return frame


def test_gray_stored_as_rgb_comes_back_exactly():
    gray = speckle(5)
    assert np.array_equal(stacked(as_rgb(gray)), np.stack(gray))
    assert np.array_equal(stacked(gray), np.stack(gray))


@pytest.mark.parametrize("tint", [(1.15, 0.95, 0.7), (0.6, 0.8, 1.2)], ids=["sepia", "blue"])
def test_a_tint_is_gray(tint):
    table = np.clip(np.arange(256)[:, None] * np.array(tint), 0, 255).astype(np.uint8)
    frames = [table[frame] for frame in speckle(5)]
    result = stacked(frames)
    assert np.array_equal(result, np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]))


def test_jpeg_chroma_noise_text_and_trace_leave_it_gray():
    frames = []
    for i, frame in enumerate(as_rgb(speckle(6, (240, 320)))):
        cv2.putText(frame, f"HR {60 + i}", (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 0), 1)
        points = [(x, 225 - 12 * ((x + 7 * i) % 40 < 3)) for x in range(320)]
        cv2.polylines(frame, [np.array(points, np.int32)], False, (0, 255, 0), 1)
        coded = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
        frames.append(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])
    assert np.ptp(np.stack(frames).astype(int), axis=3).max() > 60, "the test must show chroma"
    assert stacked(frames).ndim == 3


def test_a_still_logo_and_color_bar_leave_it_gray():
    frames = as_rgb(speckle(5))
    for frame in frames:
        frame[5:25, 5:25] = (20, 60, 255)
        frame[30:90, 150:156] = np.linspace((255, 0, 0), (0, 0, 255), 60)[:, None]
    assert stacked(frames).ndim == 3


@pytest.mark.parametrize("first", [0, 3, 9], ids=["from the first frame", "from the fourth", "in the last frame only"])
def test_color_doppler_is_kept(first):
    frames = as_rgb(speckle(10))
    frames[first:] = [with_flow(frame, i) for i, frame in enumerate(frames[first:])]
    assert np.array_equal(stacked(frames), np.stack(frames))


def test_a_colored_still_and_frozen_frames_are_kept():
    frame = with_flow(as_rgb(speckle(1))[0], 0)
    assert np.array_equal(stacked([frame]), frame[None])
    assert np.array_equal(stacked([frame] * 4), np.stack([frame] * 4))
    moving = with_flow(as_rgb(speckle(2))[1], 1)
    assert np.array_equal(stacked([frame, frame, moving]), np.stack([frame, frame, moving]))


def test_color_outside_the_region_does_not_count():
    frames = [with_flow(frame, i) for i, frame in enumerate(as_rgb(speckle(6)))]
    assert stacked(frames, Box(0, 80, 160, 120)).ndim == 3
    assert stacked(frames, Box(40, 30, 130, 100)).ndim == 4


@pytest.mark.parametrize("expected", [0, 3, 40, 10**9])
def test_a_wrong_declared_count_loses_nothing(expected):
    gray = speckle(40)
    assert np.array_equal(stacked(gray, expected=expected), np.stack(gray))


@pytest.mark.parametrize("colored", [False, True])
def test_memory_is_that_of_the_result(colored):
    frames = as_rgb(speckle(8, (512, 512)))
    if colored:
        for i, frame in enumerate(frames):
            cv2.rectangle(frame, (100, 100), (200, 200), (30 * i, 0, 99), -1)
    stack = FrameStack("clip", 320)
    tracemalloc.start()
    for i in range(320):
        stack.append(frames[i % 8])
    result = stack.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.ndim == (4 if colored else 3) and len(result) == 320
    assert peak < result.nbytes + (24 << 20)


def test_no_frames_and_changing_sizes_are_refused():
    with pytest.raises(CineError, match="clip: holds no frames"):
        FrameStack("clip").finish()
    stack = FrameStack("clip")
    stack.append(np.zeros((4, 6), np.uint8))
    with pytest.raises(CineError, match="frame 1 is 4x6 pixels"):
        stack.append(np.zeros((6, 4), np.uint8))
