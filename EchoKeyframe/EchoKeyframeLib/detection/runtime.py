"""Which library runs a network: ONNX Runtime on the CPU, or torch where a GPU pays or nothing else can."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from ..models.registry import ANY_PRECISION, ANY_RUNTIME, FLOAT32, ONNX, RUNTIMES, TORCH
from .keyframes import DetectionError

PAYS_FROM_BYTES = 20_000_000
"""Size of a weights file (float16: 10 million numbers) from which a GPU is worth torch's start for a single loop."""

_TORCH_PACKAGES = ("torch", "torchvision", "safetensors")
_ONNX_PACKAGES = ("onnxruntime", "safetensors")

_ONNX_MACHINES = ("x86_64", "AMD64", "aarch64", "arm64", "ARM64")
"""For which ONNX Runtime is published, as ``platform.machine`` names them; pyproject.toml asks for it on these."""


def choose_runtime(
    weights: Path, wish: str = ANY_RUNTIME, device: str = "auto", precision: str = ANY_PRECISION, resized: bool = False,
    many: bool = False,
) -> str:  # fmt: skip
    """``ONNX`` or ``TORCH`` for a weights file.

    wish: one of ``RUNTIMES``. resized: the network is to look at frames of another size than in its training, for which
    there is no graph. many: a folder is to be done. ``"auto"`` takes torch where a GPU is asked for, or is seen and
    pays; else ONNX Runtime where the weights hold their graphs; else torch. Raises DetectionError, one line, for a wish
    that cannot be met or where neither can run.
    """
    if wish not in RUNTIMES:
        raise DetectionError(f"runtime {wish!r} is not one of {', '.join(RUNTIMES)}")
    against_onnx = _against_onnx(weights, device, precision, resized)
    against_torch = _missing(_TORCH_PACKAGES)
    if wish == ONNX and against_onnx:
        raise DetectionError(f"model {weights.stem}: cannot run in ONNX Runtime: {against_onnx}")
    if wish == ONNX or (wish == ANY_RUNTIME and not against_onnx):
        pays = wish == ANY_RUNTIME and device == "auto" and not against_torch and _gpu_pays(weights, many)
        return TORCH if pays else ONNX
    if against_torch:
        unless = f", and ONNX Runtime cannot: {against_onnx}" if wish == ANY_RUNTIME else ""
        raise DetectionError(f"model {weights.stem}: needs {against_torch}, which is not installed{unless}: "
                             "pip install 'echokeyframe[network]'")  # fmt: skip
    return TORCH


def gpu_seen() -> bool:
    """Whether a GPU is here that torch could use, told by the driver's presence: torch is not imported for it."""
    if sys.platform == "darwin":
        return os.uname().machine == "arm64"
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def runs_without_torch(weights: Path) -> bool:
    """Whether a weights file's network can run here in ONNX Runtime."""
    return not _against_onnx(weights, "cpu", ANY_PRECISION, resized=False)


def can_run(weights: Path) -> bool:
    """Whether a weights file's network can run here at all, by what is installed."""
    return _missing(_TORCH_PACKAGES) is None or runs_without_torch(weights)


def _gpu_pays(weights: Path, many: bool) -> bool:
    return gpu_seen() and (many or weights.stat().st_size >= PAYS_FROM_BYTES)


def _against_onnx(weights: Path, device: str, precision: str, resized: bool) -> str | None:
    """Why ONNX Runtime cannot do it, or None."""
    if device not in ("auto", "cpu"):
        return f"it runs on the CPU, not on {device}"
    if precision not in (ANY_PRECISION, FLOAT32):
        return f"it computes in float32, not in {precision}"
    if resized:
        return "its graph is for frames of the size of its training"
    missing = _missing(_ONNX_PACKAGES)
    if missing:
        return f"{missing} is not installed{_no_package_here() if missing == 'onnxruntime' else ''}"
    from ..models.onnx_weights import WITHOUT_GRAPHS, has_graphs

    return None if has_graphs(weights) else f"{weights.name} {WITHOUT_GRAPHS}"


def _no_package_here() -> str:
    """For which machine ONNX Runtime is not published, in brackets; nothing where it is."""
    machine, library = platform.machine(), platform.libc_ver()[0]
    if machine not in _ONNX_MACHINES:
        return f" (none is published for {machine or 'this machine'})"
    return " (none is published for Linux without glibc)" if sys.platform == "linux" and library != "glibc" else ""


def _missing(packages: tuple[str, ...]) -> str | None:
    return next((package for package in packages if find_spec(package) is None), None)
