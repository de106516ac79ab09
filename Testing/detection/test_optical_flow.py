"""Optical flow, pooled: known motion of a speckle pattern comes back with its direction, size and place."""

import cv2
import numpy as np
import pytest
from EchoKeyframeLib.detection.motion_features import clip_motion
from EchoKeyframeLib.detection.optical_flow import pooled_flow

SIZE = 96


def speckle(size: int, seed: int = 0) -> np.ndarray:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(size, size)), (0, 0), 1.5)
    return np.clip(110 + 45 * noise / noise.std(), 0, 255).astype(np.uint8)


def shifted(image: np.ndarray, right: float, down: float) -> np.ndarray:
    matrix = np.float32([[1, 0, right], [0, 1, down]])
    return cv2.warpAffine(image, matrix, image.shape[::-1], borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize(("right", "down"), [(1.0, 0.0), (0.0, -0.7), (-1.5, 1.2)])
def test_a_shift_is_measured_in_every_cell(right, down):
    frames = np.stack([shifted(speckle(SIZE), t * right, t * down) for t in range(3)])
    flow = pooled_flow(frames, cells=12)
    assert flow.velocity.shape == (3, 12, 12, 2)
    assert flow.cell == 8
    assert not flow.velocity[0].any()
    inside = flow.velocity[1:, 2:-2, 2:-2]
    np.testing.assert_allclose(inside, np.broadcast_to([right, down], inside.shape), atol=0.25)


def test_a_still_image_does_not_move():
    flow = pooled_flow(np.repeat(speckle(SIZE)[None], 4, axis=0), cells=12)
    assert np.abs(flow.velocity).max() < 0.05  # px; Farneback is not exact at the image's border


def test_black_frames_give_finite_zero_flow():
    flow = pooled_flow(np.zeros((3, SIZE, SIZE), np.uint8), cells=12)
    assert np.isfinite(flow.velocity).all()
    assert not flow.velocity.any()
    assert np.abs(flow.intensity).max() < 1e-3


def test_intensity_is_the_mean_gray_value():
    frames = np.zeros((2, SIZE, SIZE), np.uint8)
    frames[:, :, SIZE // 2 :] = 200
    intensity = pooled_flow(frames, cells=12).intensity
    np.testing.assert_allclose(intensity[:, :, 8:], 200, atol=1e-2)
    np.testing.assert_allclose(intensity[:, :, :4], 0, atol=1e-2)


@pytest.mark.parametrize("shape", [(3, 96, 80), (96, 96), (3, 90, 90)])
def test_unusable_shapes_are_named(shape):
    with pytest.raises(ValueError, match=r"\[T, S, S\] with S a multiple of 12|S a multiple of 12"):
        pooled_flow(np.zeros(shape, np.uint8), cells=12)


def test_progress_rises_and_may_stop_the_work():
    frames = np.zeros((40, SIZE, SIZE), np.uint8)
    seen = []
    clip_motion(frames, seen.append)
    assert seen == sorted(seen)
    assert 0 < seen[0] < 1

    def stop(_):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        clip_motion(frames, stop)
