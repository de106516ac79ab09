"""Detectors by name. Imports torch only where a network is asked for."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ..models.registry import AUTO, DEFAULT_NETWORK, FUSED, MOTION, SUFFIX, bundled_weights, detector_names
from .detector import Detector
from .keyframes import DetectionError

DEFAULT_MODEL = AUTO

FUSED_WITH = f"{FUSED}:"
"""Before a weights file: the mean of its curves and those of the motion detector."""

_NETWORK_PACKAGES = ("torch", "torchvision", "safetensors")


def load_detector(
    model: str | Path = DEFAULT_MODEL, device: str = "auto", precision: str = "auto", test_size: int | None = None
) -> Detector:
    """A detector by its name, or from a weights file ``*.safetensors`` with its card beside it.

    ``"motion"`` is the training-free detector, which needs no torch and ignores device and precision; ``"fused"`` the
    mean of its curves and those of the bundled network, ``"fused:FILE"`` that with other weights; ``"auto"`` is
    ``"fused"`` where torch is installed, else ``"motion"``. test_size: height and width in pixels of the frames that a
    network looks at, where it is not to be that of its training; its name then tells.
    Raises DetectionError for an unknown name (listing those there are) or where torch is missing, WeightsError for
    weights that cannot be used, CineError for a device that is not here.
    """
    if model == AUTO:
        model = usable_detectors()[0]
    path = network_weights(model)
    if path is None:
        from .motion import MotionDetector

        return MotionDetector()
    if model == FUSED or str(model).startswith(FUSED_WITH):
        from .fusion import FusedDetector

        return FusedDetector(load_detector(MOTION), load_detector(path, device, precision, test_size))
    try:
        from ..models.weights_file import load_weights
        from .beat_network import BeatNetworkDetector
        from .network import NetworkDetector
    except ModuleNotFoundError as error:
        raise DetectionError(
            f"model {path.stem}: needs {error.name}, which is not installed: pip install 'echokeyframe[network]'"
        ) from error
    network, card = load_weights(path, test_size)
    kind = BeatNetworkDetector if card.config.one_beat else NetworkDetector
    resized = network.config.size != card.config.size
    title = f"{card.title} at {network.config.size} px" if resized else card.title
    return kind(network, title, device, precision)


def network_weights(model: str | Path) -> Path | None:
    """The weights file of a detector's network, of a fused one's too; None for the motion detector, which has none.

    Raises DetectionError for an unknown name.
    """
    if model == AUTO:
        model = usable_detectors()[0]
    if model == MOTION:
        return None
    return weights_path(DEFAULT_NETWORK if model == FUSED else str(model).removeprefix(FUSED_WITH))


def usable_detectors() -> list[str]:
    """Names of the detectors that come with the package and can run here, the default one first."""
    possible = DEFAULT_NETWORK in bundled_weights() and all(find_spec(package) for package in _NETWORK_PACKAGES)
    return [FUSED, *bundled_weights(), MOTION] if possible else [MOTION]


def absolute_model(model: str) -> str:
    """The same for processes that start in other folders: a weights file with its whole path."""
    prefix = FUSED_WITH if model.startswith(FUSED_WITH) else ""
    path = Path(model.removeprefix(prefix))
    return f"{prefix}{path.absolute()}" if path.is_file() else model


def weights_path(model: str | Path) -> Path:
    """The file of bundled weights of that name, or the file itself. Raises DetectionError for an unknown name."""
    bundled = bundled_weights()
    if str(model) in bundled:
        return bundled[str(model)]
    path = Path(model)
    if path.suffix == SUFFIX:
        return path
    raise DetectionError(
        f"model {path.name!r} is unknown; there are {', '.join(detector_names())}, or give a {SUFFIX} file"
    )
