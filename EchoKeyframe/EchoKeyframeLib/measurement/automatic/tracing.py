"""What a tracer gives for a loop: the LV's border of every frame, and why it may be wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..unfit import LoopDoubt


@dataclass(frozen=True, eq=False)
class TracedFrame:
    """The LV's border on one frame.

    frame: 0-based index into the cine. points: float64 ``[TRACED_POINTS, 2]``, (x, y) in pixels of the cine, from one
    end of the mitral annulus over the apex to the other, as ``Contour`` takes them; the end farther left in the image
    comes first. apex: (x, y). confidence: probability in [0, 1] that the volume within lies within 25 % of what a
    reader would trace (``uncertainty``).
    """

    frame: int
    points: np.ndarray
    apex: tuple[float, float]
    confidence: float


@dataclass(frozen=True, eq=False)
class LoopTracing:
    """The border in a whole loop.

    frames: one for each frame of the cine, None where no border was found. apical: probability in [0, 1] that the loop
    is an apical view of the LV. doubts: why the borders are not to be trusted; empty for a loop that may be measured.
    """

    frames: tuple[TracedFrame | None, ...]
    apical: float
    doubts: tuple[LoopDoubt, ...] = ()
