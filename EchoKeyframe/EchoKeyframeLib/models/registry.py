"""The weights that come with the package. Looks at file names only, so it works without torch."""

from __future__ import annotations

from pathlib import Path

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
SUFFIX = ".safetensors"


def bundled_weights(folder: Path = WEIGHTS_FOLDER) -> dict[str, Path]:
    """Weights files by name, in alphabetical order: ``two-stream.safetensors`` is ``two-stream``."""
    return {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}
