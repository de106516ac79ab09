"""A loop to try the module on, without a download."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

if TYPE_CHECKING:
    from ..cine.cine import Cine

CATEGORY = "EchoKeyframe"
NAME = "FourChamberEcho"
CHECKSUM = "SHA256:6fa3a087d3c631b43216a8abec8aac8d2d73751c5bf5885708d1150b09283f72"
ELSEWHERE = "https://github.com/pydicom/pydicom/raw/v3.0.1/src/pydicom/data/test_files/examples_ybr_color.dcm"
"""The same file, for a Python whose pydicom was stripped of it."""


def register(load: Callable[[Any], None], thumbnail: Path) -> None:
    """Offer the loop in Slicer's module Sample Data, whose button calls ``load``.

    ``SampleData.downloadSample(NAME)`` gives the path of a copy of the file, which ``EchoKeyframeLogic.load`` takes.
    """
    import SampleData

    path = sample_file()
    SampleData.SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=_("EchoKeyframe"))
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=NAME,
        uris=[path.as_uri() if path is not None else ELSEWHERE],
        fileNames=[f"{NAME}.dcm"],
        loadFiles=[False],  # Slicer would take the file for a volume
        checksums=[CHECKSUM],
        thumbnailFileName=str(thumbnail),
        customDownloader=load,
    )


def sample_file() -> Path | None:
    """The four-chamber loop that the package pydicom carries (30 frames, ED 21, ES 5); None where it was left out."""
    # Found without an import: pydicom's decoders do not belong into Slicer's own process.
    package = find_spec("pydicom")
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "data" / "test_files" / "examples_ybr_color.dcm"
    return path if path.is_file() else None


def simulated_loop(count: int = 60, rate: float = 30.0, size: int = 128) -> Cine:
    """A drawn ventricle that beats once a second, ED at 0, 1, 2 s: shows that the machinery turns, nothing more."""
    import numpy as np
    from scipy.ndimage import gaussian_filter, map_coordinates

    from ..cine.cine import Cine, Source

    speckle = gaussian_filter(np.random.default_rng(7).rayleigh(40.0, (size, size)), 1.2)
    rows, columns = np.mgrid[:size, :size].astype(float)
    frames = np.zeros((count, size, size), np.uint8)
    for i in range(count):
        scale = 1.0 + 0.11 * (1 + np.cos(2 * np.pi * i / rate))
        y, x = (rows - 0.55 * size) / scale, (columns - 0.5 * size) / scale
        tissue = map_coordinates(speckle, (y + 0.55 * size, x + 0.5 * size), order=1, mode="reflect")
        radius = np.hypot(x / (0.17 * size), y / (0.24 * size))
        wall = np.exp(-(((radius - 1.15) / 0.2) ** 2))
        frames[i] = np.clip(tissue * (0.35 + 2.2 * wall) * np.where(radius < 0.95, 0.15, 1.0), 0, 255)
    depth = np.hypot(columns - size / 2, rows)
    frames *= ((depth < 0.95 * size) & (np.abs(columns - size / 2) < 0.8 * rows)).astype(np.uint8)
    return Cine(frames, np.arange(count) / rate, Source("simulated loop"), timing="simulated")
