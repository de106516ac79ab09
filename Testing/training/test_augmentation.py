"""Augmentation: what it must not change, and that images and motion move as one."""

import math
from dataclasses import replace

import pytest
import torch
from EchoKeyframeLib.training.samples.augmentation import Augmentation

STILL = Augmentation(rotation=0, scaling=1, stretch=1, shift=0)


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def batch(size=2, frames=3, side=56):
    generator = seeded(5)
    images = torch.randint(0, 256, (size, frames, 1, side, side), dtype=torch.uint8, generator=generator)
    motion = torch.randn((size, frames, 3, 14, 14), generator=generator)
    return images, motion, torch.ones(size, frames, dtype=torch.bool)


def test_without_any_change_images_are_only_scaled_to_one():
    images, motion, present = batch()
    changed, moved = STILL(images, motion, present, seeded())
    assert torch.allclose(changed, images / 255, atol=1e-5)
    assert torch.allclose(moved, motion, atol=1e-5)


@pytest.mark.parametrize("appearance", [False, True])
def test_shape_range_and_repeatability(appearance):
    images, motion, present = batch(4)
    augment = Augmentation.of(appearance)
    first, again, other = (augment(images, motion, present, seeded(n)) for n in (1, 1, 2))
    assert first[0].shape == images.shape and first[1].shape == motion.shape
    assert first[0].min() >= 0 and first[0].max() <= 1
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_zero_frames_stay_zero():
    images, motion, present = batch(4)
    present[:, 2:] = False
    changed, moved = Augmentation.of(True)(images, motion, present, seeded())
    assert not changed[:, 2:].any() and not moved[:, 2:].any()
    assert changed[:, :2].any() and moved[:, :2].any()


def spot(row, column, side=56):
    """A blurred spot, as image and as brightness map, that flows to the right everywhere."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    image = torch.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 18.0)
    motion = torch.zeros(1, 1, 3, 14, 14)
    motion[0, 0, 0] = 1.0
    motion[0, 0, 2] = torch.nn.functional.avg_pool2d(image[None], 4)[0]
    return (255 * image).to(torch.uint8)[None, None, None], motion


def centroid(image):
    """Position relative to the middle, as a share of the side: (right, down)."""
    side = image.shape[-1]
    position = (torch.arange(side) + 0.5) / side - 0.5
    weight = image / image.sum()
    return float((weight * position[None, :]).sum()), float((weight * position[:, None]).sum())


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_spot_brightness_map_and_flow_turn_by_the_same_angle(number):
    """The spot lies right of the middle and flows to the right: afterwards it still flows away from the middle."""
    images, motion = spot(27.5, 41.5)
    turned, moved = replace(STILL, rotation=40, scaling=1.2)(images, motion, torch.ones(1, 1).bool(), seeded(number))
    right, down = centroid(turned[0, 0, 0])
    map_right, map_down = centroid(moved[0, 0, 2])
    flow_right, flow_down = moved[0, 0, 0].mean().item(), moved[0, 0, 1].mean().item()
    angle = math.atan2(down, right)
    assert abs(angle) > 0.02
    assert math.atan2(map_down, map_right) == pytest.approx(angle, abs=0.05)
    assert math.atan2(flow_down, flow_right) == pytest.approx(angle, abs=0.02)
    # Distances and flow grow by the same factor.
    assert math.hypot(flow_right, flow_down) == pytest.approx(math.hypot(right, down) / 0.25, rel=0.03)


def test_never_a_flip():
    """Spots above, and to the right of, the middle: seen from the one, the other stays clockwise."""
    images = torch.cat([spot(13.5, 27.5)[0], spot(27.5, 41.5)[0]], 1)
    motion, present = torch.zeros(1, 2, 3, 14, 14), torch.ones(1, 2, dtype=torch.bool)
    for number in range(30):
        changed, _ = replace(Augmentation.of(True), appearance=False)(images, motion, present, seeded(number))
        (x0, y0), (x1, y1) = centroid(changed[0, 0, 0]), centroid(changed[0, 1, 0])
        middle_x, middle_y = centroid(spot(27.5, 27.5)[0][0, 0, 0].float())
        assert (x0 - middle_x) * (y1 - middle_y) - (y0 - middle_y) * (x1 - middle_x) > 0


def test_all_frames_of_a_sample_get_the_same_geometry():
    images, _ = spot(20, 35)
    images = images.expand(1, 4, 1, 56, 56)
    changed, _ = Augmentation.of(False)(images, torch.zeros(1, 4, 3, 14, 14), torch.ones(1, 4).bool(), seeded(3))
    assert all(torch.equal(changed[0, 0], changed[0, k]) for k in range(1, 4))
