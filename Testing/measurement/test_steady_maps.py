"""A frame's maps are steadied by those around it, and stay where the frame has them."""

from __future__ import annotations

import numpy as np
import pytest
from EchoKeyframeLib.measurement.automatic.loop_walls import LoopMaps
from EchoKeyframeLib.measurement.automatic.steady_maps import steadied

RATE, FRAMES = 30, 31
TIMES = np.arange(FRAMES) / RATE
ROWS, COLUMNS = np.mgrid[:56, :56]
RADII = 16 + 4 * np.cos(2 * np.pi * TIMES)


def maps(radii: np.ndarray, middle: tuple[int, int] = (28, 28)) -> LoopMaps:
    """Disks with a border three pixels wide, whose landmarks lie at their left, right and top."""
    away = radii[:, None, None] - np.hypot(ROWS - middle[0], COLUMNS - middle[1])
    cavity = np.round(255 / (1 + np.exp(-np.clip(1.5 * away, -30, 30)))).astype(np.uint8)
    row, column = middle
    places = np.stack([[[column - r, row], [column + r, row], [column, row - r]] for r in radii])
    count = len(radii)
    return LoopMaps(np.arange(count), cavity, places, np.ones((count, 3)), np.zeros(count))


def radii_of(found: LoopMaps) -> np.ndarray:
    return np.sqrt((found.cavity / 255).sum((1, 2)) / np.pi)


def test_a_wall_that_moves_stays_and_its_jitter_goes():
    calm = radii_of(steadied(maps(RADII), TIMES))
    assert np.abs(calm - radii_of(maps(RADII))).max() < 0.12  # also where it turns
    jitter = np.random.default_rng(0).normal(0, 0.7, FRAMES)
    shaky = maps(RADII + jitter)
    found = steadied(shaky, TIMES)
    assert (radii_of(found) - RADII).std() < 0.7 * (radii_of(shaky) - RADII).std()
    assert (found.places[:, 0, 0] - (28 - RADII)).std() < 0.7 * jitter.std()
    assert found.spreads is shaky.spreads and found.apical is shaky.apical


def test_frames_on_the_other_side_of_a_cut_tell_nothing():
    left, right = maps(RADII[:15], (20, 20)), maps(RADII[15:], (36, 40))
    joined = LoopMaps(
        np.arange(FRAMES), *(np.concatenate([getattr(part, name) for part in (left, right)])
                             for name in ("cavity", "places", "spreads", "apical"))
    )  # fmt: skip
    found = steadied(joined, TIMES)
    assert np.abs(found.places[:15] - left.places).max() < 0.2 and np.abs(found.places[15:] - right.places).max() < 0.2


@pytest.mark.parametrize("rate", [5, 12])
def test_too_few_frames_stay_as_they_are(rate):
    slow = maps(RADII[:12])
    assert np.array_equal(steadied(slow, np.arange(12) / rate).cavity, slow.cavity)
