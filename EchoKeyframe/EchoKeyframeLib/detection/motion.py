"""The detector that needs no weights: it watches the heart contract."""

from __future__ import annotations

import numpy as np

from ..cine.cine import Cine
from ..cine.prepare import moving_frames
from ..cine.sector import Sector
from .confidence import MOTION, Worth
from .contraction import contraction
from .detector import Progress
from .keyframes import Curves, Phase
from .motion_features import ClipMotion, clip_motion
from .turning_points import TurningPoint, turning_points

FRAME_SIZE = 112
"""Side in px of the prepared frames, as of the shipped network, with which this detector can share its optical flow."""

BUMP_WIDTH = 0.1
"""Sigma of a curve's bumps in beats, that of the networks' target curves."""


class MotionDetector:
    """ED and ES from dense optical flow: LV walls move outwards until ED, inwards until ES.

    Works on any view in which the LV contracts towards a point, on any number of beats and at any frame rate (frame
    times are never used). A still, blank or noisy loop, or one of fewer than three frames, gives curves of zeros.
    """

    name = "motion"
    device = "cpu"

    def curves(self, cine: Cine, sector: Sector, progress: Progress | None = None) -> Curves:
        """Probability of ED and ES of each frame: a bump at each turning point of the wall's motion."""
        motion = clip_motion(moving_frames(cine, sector, FRAME_SIZE), progress) if len(cine) >= 3 else None
        curves = self.curves_of(motion, cine)
        if progress is not None:
            progress(1.0)
        return curves

    def curves_of(self, motion: ClipMotion | None, cine: Cine) -> Curves:
        """The same from the motion of the cine's prepared frames; None for want of frames.

        ``Curves.quality`` is the mean of the wall motion's coherence and persistence (``Contraction``).
        """
        probability, quality = np.zeros((len(cine), 2), np.float32), None
        if motion is not None and len(cine) >= 3:
            wall = contraction(motion.wall)
            quality = (wall.coherence + wall.persistence) / 2
            if wall.beats:
                points, beat = turning_points(wall.displacement)
                probability = bumps(points, beat, len(cine))
        return Curves(probability, cine.times, self.name, quality=quality, worth=Worth(MOTION))


def bumps(points: list[TurningPoint], beat: float, count: int) -> np.ndarray:
    """Curves float32 ``[count, 2]`` (ED, ES): a Gaussian of sigma 0.1 beat around each point, as high as it is certain.

    A point outside the clip leaves the flank that reaches into it.
    """
    curves = np.zeros((count, 2), np.float32)
    frames = np.arange(count)
    for point in points:
        column = 0 if point.phase is Phase.ED else 1
        bump = point.certainty * np.exp(-0.5 * ((frames - point.frame) / (BUMP_WIDTH * beat)) ** 2)
        np.maximum(curves[:, column], bump, out=curves[:, column])
    return curves
