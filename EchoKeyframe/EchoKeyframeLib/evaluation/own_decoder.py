"""How a system's own paper reads keyframes off its curves."""

from __future__ import annotations

from ..detection.detector import Detector

BY_ARCHITECTURE = {"resnet-vst": "maxima", "resnet-lstm": "maxima", "cnn3d-lstm": "maxima"}
"""Networks whose papers take every local maximum of a curve (of the 3D CNN's: every switch between systole and
diastole). For all others the whole sequence of beats was chosen."""


def own_decoder(detector: Detector) -> str:
    """The decoder of a detector's paper, or what was chosen where it has no curves."""
    config = getattr(detector, "config", None)
    return BY_ARCHITECTURE.get(getattr(config, "architecture", ""), "beats")
