"""Samples of pools: two frames of a clip, each beside its loop images, turned, scaled and changed in their gray levels
alike, and their targets."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...models.loop_images import equalised, loop_images
from .pool import Pool

_FINER = 4
"""A target's pixel is split into as many squared, so that its border is known better than by whole pixels."""
_LANDMARK_SIGMA = 1.5
"""Of a landmark's target, pixels of the maps."""
_NOTHING = 0.03
"""Share of samples that show no heart."""
_SUBPIXEL = 4
"""Bits of a pixel's fraction in OpenCV's drawing."""
_EXTREMES = 0.5
"""Share of pairs that are a clip's largest and smallest cavity; the others are any two of its frames."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples 2k and 2k + 1 are two frames of one clip, seen alike.

    images: float32 ``[n, 3, S, S]`` in [0, 1]. cavity: share of each pixel within it, ``[n, S/2, S/2]``. passed:
    share of each that the border passes over from the clip's largest cavity to its smallest. places: of the three
    landmarks, ``[n, 3, S/2, S/2]``, which sum to 1 or, where it lies outside, 0. apical: ``[n]``."""

    images: np.ndarray
    cavity: np.ndarray
    passed: np.ndarray
    places: np.ndarray
    apical: np.ndarray


_Sample = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]


class Samples:
    """Draws batches of pairs of a pool, half of each from ``replayed`` where that is given. size: S of the network.
    strength: of what changes gray levels, 0 to 1."""

    def __init__(
        self, pool: Pool, size: int, seed: int, strength: float = 0.5, replayed: Pool | None = None
    ) -> None:
        self.pools = (pool,) if replayed is None else (pool, replayed)
        self.size, self.strength = size, strength
        self.rng = np.random.default_rng(seed)

    def batch(self, count: int) -> Batch:
        """At least ``count`` samples, an even number."""
        parts = np.diff(np.linspace(0, (count + 1) // 2, len(self.pools) + 1).round().astype(int))
        drawn: list[_Sample] = []
        for pool, part in zip(self.pools, parts, strict=True):
            for index in self.rng.integers(len(pool), size=part):
                drawn += self._pair(pool, int(index))
        *maps, apical = zip(*drawn, strict=True)
        images, cavity, passed, places = (np.stack(part) for part in maps)
        return Batch(images, cavity, passed, places, np.array(apical, np.float32))

    def _pair(self, pool: Pool, index: int) -> list[_Sample]:
        rng, clip, traced = self.rng, pool.frames[index], pool.traced(index)
        if not len(traced):  # short axis, shown for what it is
            traced = np.arange(len(clip))
        areas = [cv2.contourArea(contour) for contour in np.nan_to_num(pool.contours[index, traced])]
        ends = traced[[np.argmax(areas), np.argmin(areas)]]
        pair = ends if rng.random() < _EXTREMES else rng.choice(traced, 2)
        matrix = self._affine(pool.contours[index, pair[0]], clip.shape[-1])
        contours = pool.contours[index] @ matrix[:, :2].T + matrix[:, 2]
        nothing, half = rng.random() < _NOTHING, self.size // 2
        apical = bool(pool.apical[index]) and not nothing
        nowhere = np.zeros((half, half), np.float32)
        largest, smallest = (cavity_share(contours[k], half) if apical else nowhere for k in ends)
        drawn: list[_Sample] = []
        look = int(rng.integers(1 << 32))
        for frame in pair:
            length = int(rng.integers(len(clip) // 2, len(clip) + 1))
            start = int(rng.integers(max(0, frame - length + 1), min(frame, len(clip) - length) + 1))
            stack = loop_images(clip[frame], clip[start : start + length])
            warped = cv2.warpAffine(stack, matrix, (self.size, self.size), flags=cv2.INTER_LINEAR)
            looks = np.random.default_rng(look)  # the same for both frames
            images = equalised(self._gray(self._nothing(warped, looks) if nothing else warped, looks))
            cavity, places = nowhere, np.stack([nowhere] * 3)
            if apical:
                cavity, places = cavity_share(contours[frame], half), landmark_places(contours[frame], half)
            drawn.append((images, cavity, np.abs(largest - smallest), places, float(apical)))
        return drawn

    def _affine(self, contour: np.ndarray, size: int) -> np.ndarray:
        """From pixels of the clip to those of the sample: zoomed in mostly, toward the cavity where there is one."""
        rng = self.rng
        zoom = self.size / size * np.exp(rng.uniform(np.log(0.9), np.log(1.35)))
        turn, stretch = np.deg2rad(rng.normal(0, 8)), np.exp(np.clip(rng.normal(0, 0.08), -0.2, 0.2))
        cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
        linear = np.array([[cos * stretch, -sin * stretch], [sin / stretch, cos / stretch]])
        middle = np.full(2, (size - 1) / 2)
        if np.isfinite(contour).all():
            center = np.clip(contour.mean(axis=0), 0.2 * size, 0.8 * size)
            middle = middle + (center - middle) * max(0.0, 1 - self.size / size / zoom) * rng.uniform(0.3, 1.2)
        aim = (self.size - 1) / 2 + rng.normal(0, 0.04, 2) * self.size
        return np.column_stack([linear, aim - linear @ middle])

    def _nothing(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Gray areas and noise in the place of a heart, in the same sector."""
        inside = cv2.boxFilter((images[..., 2] > 2).astype(np.float32), -1, (9, 9)) > 0.3
        level, noise = rng.uniform(0, 200), rng.uniform(0, 60)
        still = level + rng.uniform(0, 80) * self._field(int(rng.integers(2, 12)), rng)
        frame = still + noise * rng.standard_normal(inside.shape).astype(np.float32)
        filled = np.stack([frame, still - noise, still], -1) * inside[..., None]
        return np.clip(filled, 0, 255).astype(np.uint8)

    def _field(self, cells: int, rng: np.random.Generator) -> np.ndarray:
        """A smooth random field float32 ``[S, S]`` of about unit variance."""
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        return cv2.resize(coarse, (self.size, self.size), interpolation=cv2.INTER_CUBIC)

    def _gray(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What images have in their own way: haze, shadows, speckle, blur, gain, coding; uint8 ``[S, S, 3]``."""
        strong = self.strength
        values = images.astype(np.float32) / 255
        inside = (cv2.boxFilter(images[..., 2], cv2.CV_32F, (7, 7)) > 2)[..., None]
        if rng.random() < 0.5:
            haze = 1 / (1 + np.exp(-self._field(4, rng)[..., None]))
            values += inside * (rng.uniform(0, 0.35) * strong) * haze**2
        if rng.random() < 0.5:
            shade = 1 / (1 + np.exp(-3 * (self._field(5, rng)[..., None] - 0.6)))
            values *= 1 - rng.uniform(0.2, 0.9) * strong * shade
        if rng.random() < 0.5:
            noise = cv2.GaussianBlur(rng.standard_normal(values.shape).astype(np.float32), (5, 5), rng.uniform(0.4, 1))
            noise[..., 1:] *= 0.4  # of many frames little remains
            values *= 1 + rng.uniform(0, 1.5) * strong * noise
        if rng.random() < 0.4:
            values = cv2.GaussianBlur(values, (7, 7), rng.uniform(0.3, 1.1))
        if rng.random() < 0.4:
            values = values - rng.uniform(0, 0.15) * strong
        gain, gamma = np.exp(rng.uniform(-0.4, 0.6) * 2 * strong), np.exp(rng.uniform(-0.5, 0.5) * 2 * strong)
        curve = 255 * np.clip(np.arange(256) / 255 * gain, 0, 1) ** gamma
        gray = cv2.LUT(np.clip(255 * values, 0, 255).astype(np.uint8), curve.astype(np.uint8))
        return self._coded(gray, rng) if rng.random() < 0.25 else gray

    def _coded(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        beside = np.concatenate(list(images.transpose(2, 0, 1)), axis=1)
        quality = int(rng.integers(30, 85))
        coded = cv2.imdecode(cv2.imencode(".jpg", beside, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)
        return np.stack(np.split(coded, 3, axis=1), -1)


def cavity_share(contour: np.ndarray, half: int) -> np.ndarray:
    """Share of each pixel of the maps within a contour in pixels of the images, float32 ``[half, half]``."""
    fine = np.zeros((half * _FINER, half * _FINER), np.uint8)
    places = np.round(((contour + 0.5) * (_FINER / 2) - 0.5) * (1 << _SUBPIXEL)).astype(np.int32)
    cv2.fillPoly(fine, [places], 255, shift=_SUBPIXEL)
    cv2.polylines(fine, [places], True, 128, shift=_SUBPIXEL)  # OpenCV fills the border's own pixels whole
    return cv2.resize(fine, (half, half), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def landmark_places(contour: np.ndarray, half: int) -> np.ndarray:
    """Where annulus ends (the one farther left in the image first) and apex lie, float32 ``[3, half, half]``."""
    ends = contour[[0, -1]]
    points = (np.vstack([ends[np.argsort(ends[:, 0])], contour[len(contour) // 2]]) + 0.5) / 2 - 0.5
    steps = np.arange(half)
    x, y = (np.exp(-0.5 * ((steps - points[:, axis, None]) / _LANDMARK_SIGMA) ** 2) for axis in (0, 1))
    maps = (y[:, :, None] * x[:, None, :]).astype(np.float32)
    inside = ((points >= 0) & (points <= half - 1)).all(axis=1)
    return maps * (inside / np.maximum(maps.sum((1, 2)), 1e-9))[:, None, None].astype(np.float32)
