"""What tells how far a frame's border may be off, and the error of its volume that follows."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from .outline import Wall


@dataclass(frozen=True)
class Signs:
    """Of one frame, as shares of the ventricle's length or area.

    blur: width over which the network is unsure of the border. annulus, apex: how widely the places that it gives
    them spread. annulus_apart, apex_apart: from those places to the corners and the tip of the cavity's outline.
    outside: of the cavity outside the scan sector. rough: difference of the area from that of the frames around.
    """

    blur: float
    annulus: float
    apex: float
    annulus_apart: float
    apex_apart: float
    outside: float
    rough: float


_POWERS = np.array([1.267, 0.001, 0.111, 0.0, 0.014, 0.071, 0.004])
"""With which the error grows with each sign."""
_BIAS, _LEAST, _FACTOR = 0.58, 0.03, 1.262
_FLOOR = 0.01
"""Signs below this are alike."""


def signs_of(wall: Wall, spread: np.ndarray, outside: float, rough: float) -> Signs:
    """spread: of the landmarks' places in pixels ``[3]``."""
    length = max(wall.length, 1.0)
    annulus_apart, apex_apart = wall.apart
    return Signs(
        blur=wall.blur / np.sqrt(wall.area), annulus=float(spread[:2].mean()) / length, apex=float(spread[2]) / length,
        annulus_apart=annulus_apart / length, apex_apart=apex_apart / length, outside=outside, rough=rough,
    )  # fmt: skip


def volume_error_of(signs: Signs) -> float:
    """Standard deviation of the relative error of the volume, fitted to simulated loops (``uncertainty``)."""
    logs = np.log(np.array(astuple(signs)) + _FLOOR)
    return _FACTOR * (float(np.exp(_BIAS + logs @ _POWERS)) + _LEAST)
