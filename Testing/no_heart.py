"""Loops in which no heart beats: what is recorded or exported beside, before and after one. All are drawn."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

SIZE = 112


def _sector() -> np.ndarray:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return (np.hypot(columns - SIZE / 2, rows) < SIZE * 0.95) & (np.abs(columns - SIZE / 2) < rows * 0.8)


def _speckle(seed: int, width: int = SIZE) -> np.ndarray:
    return cv2.GaussianBlur(np.random.default_rng(seed).rayleigh(45.0, (SIZE, width)).astype(np.float32), (0, 0), 1.2)


def _shown(images: list[np.ndarray]) -> np.ndarray:
    sector = _sector()
    return np.stack([np.where(sector, np.clip(image, 0, 255), 0).astype(np.uint8) for image in images])


def still(count: int) -> np.ndarray:
    return _shown([_speckle(1)] * count)


def still_compressed(count: int) -> np.ndarray:
    """A still as a film: each frame is coded a little otherwise."""
    frame, coded = still(1)[0], []
    for i in range(count):
        quality = [cv2.IMWRITE_JPEG_QUALITY, 60 + i % 5]
        coded.append(cv2.imdecode(cv2.imencode(".jpg", frame, quality)[1], 0))
    return np.stack(coded)


def black(count: int) -> np.ndarray:
    return np.zeros((count, SIZE, SIZE), np.uint8)


def noise(count: int) -> np.ndarray:
    """The gain turned up in air."""
    return _shown([np.random.default_rng(i).rayleigh(50.0, (SIZE, SIZE)) for i in range(count)])


def faint_noise(count: int) -> np.ndarray:
    return _shown([np.random.default_rng(i).rayleigh(6.0, (SIZE, SIZE)) for i in range(count)])


def at_rest(count: int) -> np.ndarray:
    """A phantom in a water bath: speckle that stays, and the receiver's noise."""
    ring = np.abs(np.hypot(*(np.mgrid[:SIZE, :SIZE] - SIZE / 2)) - 22) < 6
    tissue = _speckle(2) * np.where(ring, 2.0, 0.6)
    return _shown([tissue + np.random.default_rng(i).normal(0, 7, (SIZE, SIZE)) for i in range(count)])


def sweep(count: int) -> np.ndarray:
    """A probe that is moved over tissue."""
    tissue = _speckle(3, SIZE + 3 * count)
    return _shown([tissue[:, 2 * i : 2 * i + SIZE] for i in range(count)])


def approach(count: int) -> np.ndarray:
    """A probe that is tilted slowly: other tissue comes into view."""
    one, other = _speckle(4), _speckle(5)
    return _shown([one + (other - one) * i / max(1, count - 1) for i in range(count)])


def ecg(count: int) -> np.ndarray:
    """A trace that a cursor draws anew over a still picture."""
    frames = np.repeat(still(1), count, axis=0)
    trace = (SIZE - 8 - 6 * (np.arange(SIZE) % 30 == 12)).astype(int)
    for i in range(count):
        cursor = (2 * i) % SIZE
        frames[i, trace, np.arange(SIZE)] = 200
        frames[i, -20:, cursor : cursor + 3] = 0
    return frames


def clock(count: int) -> np.ndarray:
    """A still with a clock that runs."""
    frames = np.repeat(still(1), count, axis=0)
    for i in range(count):
        cv2.putText(frames[i], f"{i:03d}", (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1)
    return frames


def colour(count: int) -> np.ndarray:
    """Clouds of flow in a still picture."""
    frames = np.repeat(np.repeat(still(1), count, axis=0)[..., None], 3, axis=3)
    for i in range(count):
        cloud = cv2.GaussianBlur(np.random.default_rng(i).normal(0, 1, (40, 40)), (0, 0), 3) > 0.05
        frames[i, 40:80, 36:76][cloud] = (200, 30, 20)
    return frames


def gain(count: int) -> np.ndarray:
    """Somebody turns a knob."""
    return _shown([_speckle(6) * (0.5 + i / count) for i in range(count)])


NO_HEART: dict[str, Callable[[int], np.ndarray]] = {
    make.__name__: make
    for make in (still, still_compressed, black, noise, faint_noise, at_rest, sweep, approach, ecg, clock, colour, gain)
}
