"""The length of a beat, found on a motion curve itself, and the drift that remains when beats are averaged out.

The beat's length is asked for in Slicer's own process, too, where SciPy's import would hold the application for a
second.
"""

from __future__ import annotations

import numpy as np

from .smoothing import smooth

LEAST_CORRELATION = 0.4
"""Below this a curve does not resemble itself one beat later."""

ALMOST_AS_GOOD = 0.7
"""Two beats resemble each other as well as one does, or better in an irregular rhythm: the shortest lag that reaches
this share of the best correlation is the beat."""

SHORTEST_CLIP = 6
"""With fewer frames there is no lag that could be a beat."""


def beat_length(curve: np.ndarray) -> float | None:
    """Frames from one beat to the next by autocorrelation of a curve ``[T]``.

    None if the clip shows less than 1.25 beats or no rhythm. No frame rate is asked for: files lie about it.
    """
    count = len(curve)
    if count < SHORTEST_CLIP:
        return None
    steps = np.arange(count)
    curve = curve - np.polyval(np.polyfit(steps, curve, 1), steps)
    energy = np.concatenate([[0.0], np.cumsum(curve**2)])
    lags = np.arange(int(0.8 * count))
    products = np.correlate(curve, curve, "full")[count - 1 :][: len(lags)]
    norm = np.sqrt(energy[count - lags] * (energy[count] - energy[lags]))
    correlation = products / np.maximum(norm, 1e-12)
    peaks = _peaks(correlation)
    peaks = peaks[correlation[peaks] >= LEAST_CORRELATION]
    if not len(peaks):
        return None
    good = correlation[peaks] >= ALMOST_AS_GOOD * correlation[peaks].max()
    return float(peaks[good][0])


def level(curves: np.ndarray, beat: float | None) -> np.ndarray:
    """Take drift and mean out of curves ``[T, ...]`` along time.

    A periodic curve has the same value one beat later and the same mean over any whole beat, wherever the clip starts:
    what differs is drift. A straight line or a high-pass filter would bend a clip of one or two beats instead.
    """
    count = len(curves)
    if beat is None:
        return curves - curves.mean(0)
    lag = round(beat)
    steps = np.arange(count, dtype=np.float64).reshape(-1, *[1] * (curves.ndim - 1))
    # From 1.3 beats on, enough pairs of frames lie one beat apart to trust their median difference.
    trust = min(1.0, (count - lag) / (0.3 * lag))
    curves = curves - trust * np.median(curves[lag:] - curves[:-lag], axis=0) / lag * steps
    if count >= 2 * lag:
        curves = curves - _mean_over_beat(curves, lag)
    return curves - curves.mean(0)


def tops(curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last index of each stretch of equal values that lies higher than both its neighbours; neither end."""
    last = np.concatenate([np.flatnonzero(np.diff(curve)), [len(curve) - 1]])
    first = np.concatenate([[0], last[:-1] + 1])
    height = curve[last]
    higher = (height[1:-1] > height[:-2]) & (height[1:-1] > height[2:])
    return first[1:-1][higher], last[1:-1][higher]


def _peaks(curve: np.ndarray) -> np.ndarray:
    """The middle of each of ``tops``."""
    first, last = tops(curve)
    return (first + last) // 2


def _mean_over_beat(curves: np.ndarray, lag: int) -> np.ndarray:
    """Smooth running mean over ``lag`` frames along axis 0; that of the first and last beat goes on to the ends."""
    sums = np.concatenate([np.zeros_like(curves[:1]), np.cumsum(curves, axis=0)])
    mean = smooth((sums[lag:] - sums[:-lag]) / lag, lag / 4)
    before = (lag - 1) // 2
    after = len(curves) - len(mean) - before
    return np.concatenate([mean[:1].repeat(before, axis=0), mean, mean[-1:].repeat(after, axis=0)])
