"""From the motion of the image to one curve that rises while the left ventricle fills and falls while it contracts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .optical_flow import LEAST_WEIGHT, PooledFlow
from .rhythm import beat_length, level

USUAL_CENTER = (0.50, 0.44)
"""Where the middle of the left ventricle usually lies, (x, y) as shares of the prepared frame. Only a preference: with
``CENTER_SPREAD`` it may well lie a quarter of the image away."""

CENTER_SPREAD = 0.22
"""Standard deviation of that preference, as a share of the image."""

CENTER_STEP = 0.06
"""Distance of the tried centres, as a share of the image."""

CAVITY_RADIUS = 0.08
"""Nearer to the centre than this lies blood, whose flow is noise."""

WALL_RADIUS = 0.19
"""Out to here the ring has full weight; then it falls off, since atria and right ventricle move against the LV."""

DIRECTIONS = 8
"""Parts of the ring whose inward motion is compared: a ventricle contracts from all sides at once."""

LEAST_SWING = 0.0015
"""A displacement that swings by less than this share of the image is no heartbeat (0.14 px of 96; real and simulated
loops swing by 0.5 px and more)."""

STANDSTILL = 1e-6
"""Velocities below this, in px per frame, are rounding errors."""

LEAST_CONCERT = 0.7
"""Tissue moves together (coherence) and on (persistence); noise does neither. Their sum must exceed this by 1/sqrt(T),
what T frames reach by chance: the best centre in pure noise had 0.4 at 100 frames, 0.7 at 20 and 1.0 at 12, simulated
loops had 1.0 and more."""


@dataclass(frozen=True, eq=False)
class Contraction:
    """The left ventricle's motion.

    displacement: float64 ``[T]``, how far its walls lie outwards, in px, from an arbitrary zero: high at ED, low at ES.
    center: (x, y) in px of the prepared frames.
    coherence: share in ``[0, 1]`` of the wall's motion that all its parts have in common.
    persistence: correlation of the velocity of a frame with that of the next.
    beats: whether this looks like a heart at all, rather than a still image or noise.
    """

    displacement: np.ndarray
    center: tuple[float, float]
    coherence: float
    persistence: float
    beats: bool


def contraction(flow: PooledFlow) -> Contraction:
    """Find the LV's centre and follow its walls.

    The centre is where motion towards it and away from it is strongest and most alike in all directions. Motion of the
    whole image (probe, breathing) is taken out before.
    """
    cells = flow.velocity.shape[1]
    weight = flow.intensity.mean(0) + LEAST_WEIGHT
    weight /= weight.sum()
    velocity = _without_global_motion(flow.velocity[1:], weight)
    center, radial, coherence = _find_center(velocity, weight)
    displacement = _in_phase(velocity, weight, np.concatenate([[0.0], np.cumsum(radial)]))
    power = float(radial @ radial)
    persistence = float(radial[1:] @ radial[:-1]) / power if power > 0 else 0.0
    moves = np.ptp(displacement) >= LEAST_SWING * cells * flow.cell
    in_concert = coherence + persistence >= LEAST_CONCERT + len(flow) ** -0.5
    x, y = ((c + 0.5) * flow.cell - 0.5 for c in center)
    return Contraction(displacement, (x, y), coherence, persistence, bool(moves and in_concert))


def _without_global_motion(velocity: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Subtract each frame's mean velocity ``[T, cells, cells, 2]``: a drifting probe moves everything alike."""
    return velocity - np.einsum("tyxk,yx->tk", velocity, weight)[:, None, None, :]


def _in_phase(velocity: np.ndarray, weight: np.ndarray, wall: np.ndarray) -> np.ndarray:
    """Displacement ``[T]`` of everything that moves in time with the wall, whichever way: annulus, septum, valve plane.

    A matched filter in space: each cell's displacement along its own usual path, weighted by how well that path follows
    ``wall`` ``[T]``. It uses far more tissue than the ring does, so it is steadier where the heart is nearly still.
    """
    beat = beat_length(wall)
    flat = velocity.reshape(len(velocity), -1).astype(np.float64)
    paths = level(np.concatenate([np.zeros_like(flat[:1]), np.cumsum(flat, axis=0)]), beat)
    wall = level(wall, beat)
    power = float(wall @ wall)
    if power <= 0:
        return wall
    share = wall @ paths / power
    weighted = share * np.repeat(weight.ravel(), 2)
    return paths @ weighted / max(float(share @ weighted), np.finfo(float).tiny)


def _find_center(velocity: np.ndarray, weight: np.ndarray) -> tuple[tuple[float, float], np.ndarray, float]:
    """Best centre (x, y) in cells, outward velocity ``[T-1]`` of the wall around it, and its coherence in [0, 1]."""
    cells = len(weight)
    centers, rings = _rings(cells)
    weighted = rings * np.repeat(weight.ravel(), 2)[:, None, None]
    weighted /= np.linalg.norm(weighted.reshape(cells * cells, 2, len(centers), -1), axis=1).sum((0, 2))[:, None]
    parts = velocity.reshape(len(velocity), -1) @ weighted.reshape(cells * cells * 2, -1)
    parts = parts.reshape(len(velocity), len(centers), DIRECTIONS)
    radial = parts.sum(2)
    together = parts.std(0).sum(1) ** 2
    coherence = radial.var(0) / np.maximum(together, STANDSTILL**2)
    offset = np.linalg.norm(centers / cells - USUAL_CENTER, axis=1) / CENTER_SPREAD
    best = int(np.argmax(radial.std(0) * np.sqrt(coherence) * np.exp(-0.5 * offset**2)))
    return tuple(centers[best]), radial[:, best].astype(np.float64), float(coherence[best])


@lru_cache(maxsize=2)
def _rings(cells: int) -> tuple[np.ndarray, np.ndarray]:
    """The tried centres (x, y) in cells ``[n, 2]``, nearest to the usual one first, and around each the unit vectors
    away from it, weighted by a soft ring and split by direction: float32 ``[cells * cells * 2, n, DIRECTIONS]``."""
    tries = np.arange(0.2, 0.8, CENTER_STEP)
    centers = np.stack(np.meshgrid(tries, tries), -1).reshape(-1, 2)
    centers = centers[np.argsort(np.linalg.norm(centers - USUAL_CENTER, axis=1))] * cells
    rows, columns = np.mgrid[:cells, :cells]
    away = np.stack([columns, rows], -1)[:, :, None, :] - centers
    radius = np.linalg.norm(away, axis=-1) + 1e-6
    wall = WALL_RADIUS * cells
    ring = np.clip(radius - CAVITY_RADIUS * cells + 0.5, 0, 1)
    ring *= np.exp(-0.5 * (np.maximum(radius - wall, 0) / (0.8 * wall)) ** 2)
    direction = (np.arctan2(away[..., 1], away[..., 0]) / (2 * np.pi) + 0.5) * DIRECTIONS
    part = direction.astype(int)[..., None] % DIRECTIONS == np.arange(DIRECTIONS)
    vectors = (away / radius[..., None] * ring[..., None]).transpose(0, 1, 3, 2)
    return centers, (vectors[..., None] * part[:, :, None]).reshape(-1, len(centers), DIRECTIONS).astype(np.float32)
