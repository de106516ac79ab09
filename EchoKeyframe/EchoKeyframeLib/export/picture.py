"""A keyframe as a PNG."""

from __future__ import annotations

from pathlib import Path

from .excerpt import Excerpt

_MM_PER_INCH = 25.4


def write_png(path: Path, excerpt: Excerpt) -> tuple[str, ...]:
    """Write the excerpt's one frame as an 8-bit gray or RGB PNG, pixel for pixel.

    The size of a pixel goes into the chunk pHYs (PNG specification, 11.3.4.3; whole pixels a metre), so that programs
    that heed it show anisotropic pixels in proportion and measure in mm; the excerpt's description into tEXt chunks.
    Returns no warnings. Raises OSError.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    for name, value in excerpt.description().items():
        notes.add_text(f"EchoKeyframe.{name}", value)
    spacing = excerpt.cine.spacing
    resolution = {"dpi": (_MM_PER_INCH / spacing[1], _MM_PER_INCH / spacing[0])} if spacing else {}
    Image.fromarray(excerpt.pixels()[0]).save(path, "PNG", pnginfo=notes, **resolution)
    return ()
