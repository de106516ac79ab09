"""Which pixels show echoes: those that change all the time, or, in a still, those with the texture of speckle."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np

from .cine import Box, Cine

_LONGEST_SIDE = 480  # pixels of the reduced copy
_MOST_FRAMES = 25
_LEAST_SHARE = 0.02  # of the image that echoes must cover


def reduced_frames(cine: Cine) -> np.ndarray:
    """At most 25 gray frames spread over the cine, uint8 ``[n, h, w]``, longest side at most 480 pixels."""
    height, width = cine.size
    factor = max(1.0, max(height, width) / _LONGEST_SIDE)
    size = max(1, round(width / factor)), max(1, round(height / factor))
    indices = np.unique(np.linspace(0, len(cine) - 1, min(len(cine), _MOST_FRAMES)).round().astype(int))
    return np.stack([cv2.resize(cine.gray(int(i)), size, interpolation=cv2.INTER_AREA) for i in indices])


class EchoEvidence:
    """Where ``[n, h, w]`` frames show echoes. What changes over time is looked for once, for all regions.

    size: h, w.
    """

    def __init__(self, frames: np.ndarray) -> None:
        self._frames = frames
        self.size: tuple[int, int] = frames.shape[1:]
        self._found: dict[Box | None, list[np.ndarray]] = {}

    def patches(self, region: Box | None = None) -> list[np.ndarray]:
        """Solid patches of echo, each bool ``[h, w]``; none where nothing stands out.

        Threshold, opening (which removes text, ticks and traces), closing. The first is the union of the largest patch
        with those of similar size, for dark tissue can split a sector; then each patch by itself, for a spectral
        Doppler or a second image may lie beside it. Dark parts of the sector are missing: the geometry fitted to this
        fills them.

        region: in pixels of these frames; what lies outside is ignored.
        """
        if region not in self._found:
            longest = max(self.size)
            patches = _patches(self._changing, region, longest // 80)
            if not patches:
                # A still: text and borders have texture too, so only broad patches count.
                patches = _patches(_textured(self._frames), region, longest // 24)
            self._found[region] = patches
        return self._found[region]

    @cached_property
    def _changing(self) -> np.ndarray:
        spread = _spread(self._frames)
        return spread > _threshold(spread)


def _spread(frames: np.ndarray) -> np.ndarray:
    """How far each pixel's gray level ranges over time.

    A trace or cursor that sweeps across lights a pixel in few frames only, so the extremes are left out.
    """
    ordered = np.sort(frames, axis=0)
    last = len(frames) - 1
    low, high = ordered[round(0.12 * last)], ordered[round(0.88 * last)]
    return cv2.blur(cv2.subtract(high, low).astype(np.float32), (3, 3))


def _threshold(spread: np.ndarray) -> float:
    """Above the background's noise (of a screen recording) and ringing (of JPEG), below faint echoes."""
    noise, strong = np.percentile(spread, (10, 95))
    return float(max(1.5, np.clip(3 * noise, 0.04 * strong, 0.12 * strong)))


def _textured(frames: np.ndarray) -> np.ndarray:
    """Where the mean frame has the texture of speckle (local standard deviation, 5x5); panels lack it."""
    mean = frames.mean(axis=0, dtype=np.float32)
    variance = cv2.blur(mean * mean, (5, 5)) - cv2.blur(mean, (5, 5)) ** 2
    deviation = np.sqrt(np.maximum(variance, 0))
    mask = deviation > max(1.0, 0.12 * float(np.percentile(deviation, 80)))
    # The window reaches two pixels beyond what it sees.
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, _disk(5))
    return cv2.erode(closed, _disk(5)).astype(bool)


def _patches(mask: np.ndarray, region: Box | None, width: int) -> list[np.ndarray]:
    """Patches at least ``width`` pixels wide, without their gaps: similar ones together, then each."""
    if region is not None:
        inside = np.zeros_like(mask)
        inside[region.slices] = mask[region.slices]
        mask = inside
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _disk(max(3, width)))
    reach = max(3, max(mask.shape) // 32)
    # A border keeps the closing from sticking patches to the image's edge.
    padded = cv2.copyMakeBorder(opened, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, _disk(reach))[reach:-reach, reach:-reach]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if areas.sum() < _LEAST_SHARE * mask.size:
        return []
    similar, fair = (1 + np.flatnonzero(areas >= share * areas.max()) for share in (0.25, 0.1))
    single = sorted(fair, key=lambda label: -areas[label - 1])[:4] if len(fair) > 1 else []
    return [np.isin(labels, similar), *(labels == label for label in single)]


def _disk(diameter: int) -> np.ndarray:
    diameter |= 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
