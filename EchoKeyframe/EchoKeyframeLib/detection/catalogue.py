"""Detectors by name. Imports torch only where a network is asked for."""

from __future__ import annotations

from pathlib import Path

from ..models.registry import SUFFIX, bundled_weights
from .detector import Detector
from .keyframes import DetectionError

MOTION = "motion"
DEFAULT_MODEL = MOTION


def model_names() -> list[str]:
    """What ``load_detector`` knows by name."""
    return [MOTION, *bundled_weights()]


def load_detector(model: str | Path = DEFAULT_MODEL, device: str = "auto", precision: str = "auto") -> Detector:
    """A detector by its name, or from a weights file ``*.safetensors`` with its card beside it.

    ``"motion"`` is the training-free detector, which needs no torch and ignores device and precision.
    Raises DetectionError for an unknown name (listing those there are) or where torch is missing, WeightsError for
    weights that cannot be used, CineError for a device that is not here.
    """
    if model == MOTION:
        from .motion import MotionDetector

        return MotionDetector()
    path = _weights_path(model)
    try:
        from ..models.weights_file import load_weights
        from .network import NetworkDetector
    except ModuleNotFoundError as error:
        raise DetectionError(
            f"model {path.stem}: needs {error.name}, which is not installed: pip install 'echokeyframe[network]'"
        ) from error
    network, card = load_weights(path)
    return NetworkDetector(network, card.title, device, precision)


def _weights_path(model: str | Path) -> Path:
    bundled = bundled_weights()
    if str(model) in bundled:
        return bundled[str(model)]
    path = Path(model)
    if path.suffix == SUFFIX:
        return path
    raise DetectionError(
        f"model {path.name!r} is unknown; there are {', '.join(model_names())}, or give a {SUFFIX} file"
    )
