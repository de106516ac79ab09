"""About how much memory a network's intermediate results take: estimates from the sizes of its maps."""

from __future__ import annotations

from .config import NetworkConfig

_FLOAT = 4
# How many of the largest maps, and copies of the attention matrix, are taken to be alive at once: generous guesses, so
# that a batch stays within its budget (Testing/benchmarks/memory.py shows what it takes in fact).
_MAPS_IN_BACKBONE = 6
_MAPS_IN_BLOCK = 16
_ATTENTION_COPIES = 4


def bytes_per_frame(config: NetworkConfig) -> int:
    """To encode one frame: the maps of the ResNet's first stage are its largest, a quarter of the image wide."""
    channels = 256 if config.backbone == "resnet50" and config.architecture == "resnet-vst" else 64
    return channels * (config.size // 4) ** 2 * _FLOAT * _MAPS_IN_BACKBONE


def bytes_per_window(config: NetworkConfig, grid: int) -> int:
    """To run the VST over one window of features on a map of ``grid`` x ``grid``: tokens and attention matrices."""
    frames, rows, columns = config.attention_window
    tokens = config.frames * (grid + rows - 1) * (grid + columns - 1)
    seen = frames * rows * columns
    return tokens * _FLOAT * (config.width * _MAPS_IN_BLOCK + seen * config.heads[0] * _ATTENTION_COPIES)
