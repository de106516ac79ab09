"""From what a network says of each frame to ED and ES curves, whichever system it belongs to."""

from __future__ import annotations

import numpy as np

from . import rhythm
from .smoothing import smooth

STEP_WIDTH = 0.06
"""Sigma in beats of the Gaussian through which a switch between systole and diastole is seen."""

AREA_SMOOTHING = 0.04
"""Sigma in beats that the area is smoothed with: a few pixels of its edge flicker from frame to frame."""

LEAST_SWING = 0.2
"""A phase or, in parts of its mean, an area that swings by less within the clip is not blown up to a full swing."""

STEEPNESS = 6.0
"""The usual extremes come to lie at 0.05 and 0.95."""

_USUAL_BEAT = 25.0  # frames, where the clip shows no rhythm


def output_curves(outputs: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Probability of ED and ES, float32 ``[T, 2]`` in [0, 1].

    outputs: float32 ``[T, outputs]`` of a whole clip. names: ``NetworkConfig.outputs``, which says what they mean.

    - ED, ES: as they are.
    - phase: stretched to the clip's full swing; ED where it is high, ES where it is low.
    - systole: ED where its probability steps up, ES where it steps down.
    - area: of the LV, without drift and flicker, stretched likewise; ED where it is large, ES where it is small.
    """
    if names[0] == "ED":
        return outputs[:, :2]
    values = outputs[:, 0].astype(np.float64)
    if names[0] == "systole":
        curves = _steps(values)
    else:
        high = _full_swing(values) if names[0] == "phase" else _area(values)
        curves = np.stack([high, 1 - high], axis=1)
    return curves.astype(np.float32)


def _steps(systole: np.ndarray) -> np.ndarray:
    """A full step becomes a bump of height 1 with its peak where the probability passes one half."""
    from scipy.ndimage import gaussian_filter1d  # not for networks that give ED and ES themselves

    sigma = max(STEP_WIDTH * (rhythm.beat_length(systole) or _USUAL_BEAT), 0.7)
    slope = gaussian_filter1d(systole, sigma, order=1, mode="nearest") * sigma * np.sqrt(2 * np.pi)
    return np.clip(np.stack([slope, -slope], axis=1), 0, 1)


def _area(area: np.ndarray) -> np.ndarray:
    mean = area.mean()
    if mean <= 0:
        return np.full(len(area), 0.5)
    beat = rhythm.beat_length(area)
    level = rhythm.level(area / mean, beat) if len(area) > 1 else np.zeros(1)
    return _full_swing(smooth(level, AREA_SMOOTHING * (beat or _USUAL_BEAT)))


def _full_swing(values: np.ndarray) -> np.ndarray:
    """Stretched so that the clip's usual lowest values lie near 0 and its highest near 1, whatever outliers do.

    A logistic curve bends what lies beyond: cut off flat, a peak would lose the frame at which it is highest.
    """
    low, high = np.percentile(values, (3, 97))
    share = (values - (low + high) / 2) / max(high - low, LEAST_SWING)
    return 1 / (1 + np.exp(-STEEPNESS * share))
