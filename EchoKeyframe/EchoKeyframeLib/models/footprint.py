"""About how much memory a network's intermediate results take: estimates from the sizes of its maps."""

from __future__ import annotations

from .config import ONLY_OUTPUT, NetworkConfig

_FLOAT = 4
# How many of the largest maps, and copies of the attention matrix, are taken to be alive at once: generous guesses, so
# that a batch stays within its budget (Testing/benchmarks/memory.py shows what it takes in fact).
_MAPS_IN_BACKBONE = 6
_MAPS_IN_BLOCK = 16
_ATTENTION_COPIES = 4
_GATES = 16
_WIDE = ("resnet50", "densenet121")


def bytes_per_frame(config: NetworkConfig) -> int:
    """To encode one frame: the maps of an encoder's first stage are its largest, a quarter of the image wide."""
    side, channels = config.size // 4, 64
    if config.architecture == "cnn3d-lstm":  # the first layer keeps the image's size
        side, channels = config.size, config.width // 8
    elif config.architecture == "segmentation":  # an eighth wide: the last stage, or the head's five branches
        side, channels = config.size // 8, 2048 if config.backbone in _WIDE else 5 * 256
    elif config.architecture != "two-stream" and config.backbone in _WIDE:
        channels = 256
    return channels * side**2 * _FLOAT * _MAPS_IN_BACKBONE


def bytes_per_window(config: NetworkConfig, grid: int) -> int:
    """To run what follows over one window of features.

    A VST on a map of ``grid`` x ``grid``: tokens and attention matrices. Recurrent layers: their gates.
    """
    if config.architecture in ONLY_OUTPUT:
        return config.frames * max(config.hidden) * _GATES * _FLOAT
    frames, rows, columns = config.attention_window
    tokens = config.frames * (grid + rows - 1) * (grid + columns - 1)
    seen = frames * rows * columns
    return tokens * _FLOAT * (config.width * _MAPS_IN_BLOCK + seen * config.heads[0] * _ATTENTION_COPIES)
