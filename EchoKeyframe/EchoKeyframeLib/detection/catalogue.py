"""Detectors by name. Imports torch only where a network is to run in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..models.registry import (
    ANY_RUNTIME,
    AUTO,
    DEFAULT_NETWORK,
    FUSED,
    MOTION,
    ONNX,
    SUFFIX,
    bundled_weights,
    detector_names,
)
from .detector import Detector
from .keyframes import DetectionError
from .runtime import can_run, choose_runtime

if TYPE_CHECKING:
    from .network import NetworkDetector

DEFAULT_MODEL = AUTO

FUSED_WITH = f"{FUSED}:"
"""Before a weights file: the mean of its curves and those of the motion detector."""


def load_detector(
    model: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    precision: str = "auto",
    test_size: int | None = None,
    runtime: str = ANY_RUNTIME,
    many: bool = False,
) -> Detector:
    """A detector by its name, or from a weights file ``*.safetensors`` with its card beside it.

    ``"motion"`` is the training-free detector, which ignores device and precision; ``"fused"`` the mean of its curves
    and those of the bundled network, ``"fused:FILE"`` that with other weights; ``"auto"`` is ``"fused"`` where its
    network can run, else ``"motion"``. test_size: height and width in pixels of the frames that a network looks at,
    where it is not to be that of its training; its name then tells. runtime, many: see ``choose_runtime``.
    Raises DetectionError for an unknown name (listing those there are) or a runtime that cannot be had, WeightsError
    for weights that cannot be used, CineError for a device that is not here.
    """
    if model == AUTO:
        model = usable_detectors()[0]
    path = network_weights(model)
    if path is None:
        from .motion import MotionDetector

        return MotionDetector()
    network = _network_detector(path, device, precision, test_size, runtime, many)
    if model == FUSED or str(model).startswith(FUSED_WITH):
        from .fusion import FusedDetector

        return FusedDetector(load_detector(MOTION), network)
    return network


def _network_detector(
    path: Path, device: str, precision: str, test_size: int | None, runtime: str, many: bool
) -> NetworkDetector:
    from ..models.weights_card import load_sound_card
    from .network import NetworkDetector

    card = load_sound_card(path)
    if card.config.traces:
        raise DetectionError(f"model {path.stem}: traces the left ventricle and finds no keyframes; choose a detector")
    resized = test_size is not None and test_size != card.config.size
    if choose_runtime(path, runtime, device, precision, resized, many) == ONNX:
        from ..models.onnx_runner import OnnxRunner
        from ..models.onnx_weights import load_onnx_weights

        return NetworkDetector(OnnxRunner(load_onnx_weights(path)), card.title)
    from ..models.weights_file import load_weights
    from .beat_network import BeatNetworkDetector

    network, card = load_weights(path, test_size)
    kind = BeatNetworkDetector if card.config.one_beat else NetworkDetector
    title = f"{card.title} at {network.config.size} px" if resized else card.title
    return kind.in_torch(network, title, device, precision)


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
    bundled = bundled_weights()
    possible = DEFAULT_NETWORK in bundled and can_run(bundled[DEFAULT_NETWORK])
    return [FUSED, *bundled, MOTION] if possible else [MOTION]


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
