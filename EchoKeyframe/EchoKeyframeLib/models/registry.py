"""Names of the detectors, and the weights that come with the package. Looks at file names only: no torch, no OpenCV."""

from __future__ import annotations

from pathlib import Path

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
SUFFIX = ".safetensors"

VIEW_WEIGHTS = WEIGHTS_FOLDER / "contour" / "lv-contour.safetensors"
"""A small network that traces the LV, and tells the view of a loop that is detected in."""
CONTOUR_WEIGHTS = WEIGHTS_FOLDER / "contour" / "lv-contour-large.safetensors"
"""A larger one, which traces better: what loops are measured by."""
CONTOUR_NETWORKS = {path.stem: path for path in (VIEW_WEIGHTS, CONTOUR_WEIGHTS)}
"""Networks that trace the LV, by name of their preset. They are no detectors, so they lie apart from these."""

MOTION = "motion"
"""The training-free detector."""
FUSED = "fused"
"""The mean of its curves and those of the bundled network."""
AUTO = "auto"
"""``FUSED`` where torch is installed, else ``MOTION``."""
DEFAULT_NETWORK = "two-stream"
"""The bundled network that ``FUSED`` uses."""

ANY_RUNTIME, ONNX, TORCH = "auto", "onnxruntime", "torch"
RUNTIMES = (ANY_RUNTIME, ONNX, TORCH)
"""What runs a network: whichever suits, ONNX Runtime, torch (``detection.runtime``)."""

ANY_PRECISION, FLOAT32, BFLOAT16, FLOAT16 = "auto", "32-true", "bf16-mixed", "16-mixed"
PRECISIONS = (ANY_PRECISION, FLOAT32, BFLOAT16, FLOAT16)
"""What a network computes in, in Lightning's words: whichever suits, float32, with bfloat16, with float16."""


def bundled_weights(folder: Path = WEIGHTS_FOLDER) -> dict[str, Path]:
    """Weights files by name, in alphabetical order: ``two-stream.safetensors`` is ``two-stream``."""
    return {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}


def detector_names() -> list[str]:
    """What ``detection.catalogue.load_detector`` knows by name."""
    bundled = bundled_weights()
    fused = [FUSED] if DEFAULT_NETWORK in bundled else []
    return [AUTO, *fused, MOTION, *bundled]
