"""The network that traces, where it runs: in torch or in ONNX Runtime. Imports the library that it runs in."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from .config import NetworkConfig
from .registry import ONNX, TORCH
from .weights_card import WeightsCard, WeightsError

FRAMES_AT_ONCE = 16
"""More at once make a CPU no faster and take more memory."""


class ContourRunner(Protocol):
    """config: of the network. runtime: ``ONNX`` or ``TORCH``. device: as torch names it."""

    config: NetworkConfig
    runtime: str
    device: str

    def run(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits of the maps float32 ``[n, 4, S/2, S/2]`` and of the view ``[n]``; see ``ContourUNet``."""
        ...


class OnnxContourRunner:
    """On the CPU, in float32. Raises WeightsError for weights that cannot be used."""

    runtime, device = ONNX, "cpu"

    def __init__(self, path: Path) -> None:
        from .onnx_session import OnnxSession
        from .onnx_weights import load_onnx_trace_weights

        weights = load_onnx_trace_weights(path)
        self.card, self.config = _traces(weights.card), weights.card.config
        self._session = OnnxSession(path.name, weights.graph, weights.tensors)
        size = self.config.size
        if {name: shape[1:] for name, shape in self._session.inputs.items()} != {"images": [3, size, size]}:
            raise WeightsError(path.name, "its graph is of another network than its card describes")

    def run(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        maps, apical = self._session.run({"images": images})
        return maps, apical


class TorchContourRunner:
    """In torch, on any device, in float32. Raises WeightsError for weights, CineError for a device, that cannot be
    used."""

    runtime = TORCH

    def __init__(self, path: Path, device: str = "auto") -> None:
        from .device import channels_last, choose_device
        from .weights_file import load_weights

        network, card = load_weights(path)
        self.card, self.config = _traces(card), card.config
        self._device = choose_device(device)
        self.device = str(self._device)
        self._network = channels_last(network.to(self._device))

    def run(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import torch

        with torch.inference_mode():
            maps, apical = self._network(torch.from_numpy(images).to(self._device))
        return maps.float().cpu().numpy(), apical.float().cpu().numpy()


def _traces(card: WeightsCard) -> WeightsCard:
    if not card.config.traces:
        raise WeightsError(card.name, "finds keyframes and traces no ventricle")
    return card
