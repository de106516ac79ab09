"""The left ventricle's border as readers trace it, beside the cavity that the simulator draws."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from EchoKeyframeLib.simulator.border import BORDER_POINTS  # noqa: E402
from EchoKeyframeLib.simulator.config import RARE, PhantomConfig  # noqa: E402
from EchoKeyframeLib.simulator.phantom import simulate  # noqa: E402

CONFIG = PhantomConfig(frames=6, size=96, rows=64, beams=48, fps=(6, 9), mask=True, traced=True, views=("A4C", "A2C"),
                       **dict.fromkeys(RARE, 0.0))  # fmt: skip
SEEDS = range(40, 52)


@pytest.fixture(scope="module")
def batch():
    return simulate(SEEDS, CONFIG)


def filled(contour: np.ndarray, size: int) -> np.ndarray:
    inside = np.zeros((size, size), np.uint8)
    cv2.fillPoly(inside, [np.round(contour * 16).astype(np.int32)], 1, shift=4)
    return inside.astype(bool)


def test_the_border_lies_within_the_drawn_wall_whichever_way_the_image_stands(batch):
    assert batch.contour.shape == (len(SEEDS), 6, BORDER_POINTS, 2)
    apex_below, beyond = 0, []
    for masks, contours in zip(batch.mask.numpy(), batch.contour.numpy(), strict=True):
        apex_below += contours[0, BORDER_POINTS // 2, 1] > contours[0, 0, 1]
        for mask, contour in zip(masks, contours, strict=True):
            inside = filled(contour, CONFIG.size)
            beyond.append((inside & ~mask).sum() / inside.sum())
            assert 0.6 * mask.sum() < inside.sum()
    assert np.median(beyond) < 0.03  # more where the sector cuts the mask
    assert np.percentile(beyond, 70) < 0.06
    assert apex_below >= 1  # one clip in ten, and one of these twelve, stands upside down


def test_it_is_largest_and_smallest_with_the_volume(batch):
    for contours, volume in zip(batch.contour.numpy(), batch.volume.numpy(), strict=True):
        areas = [cv2.contourArea(contour) for contour in contours]
        assert np.corrcoef(areas, volume)[0, 1] > 0.8


def test_short_axis_has_none_and_nothing_else_changes_where_it_is_not_asked_for(batch):
    short = simulate([1], replace(CONFIG, views=("PSAX",)))
    assert short.contour.isnan().all()
    plain = replace(CONFIG, traced=False)
    whole = simulate(SEEDS, plain)
    assert whole.contour is None and torch.equal(whole.mask, batch.mask)
    same = [torch.equal(a, b) for a, b in zip(whole.frames, batch.frames, strict=True)]
    assert 0 < sum(same) < len(same)  # trabeculae show in some clips only
