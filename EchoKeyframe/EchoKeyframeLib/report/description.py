"""What the reader understood of a cine, in words."""

from __future__ import annotations

from ..cine.cine import Box, Cine
from ..cine.sector import Sector

SHAPES = {"sector": "phased-array sector", "curved": "curved-array sector", "linear": "linear-array field",
          "frame": "none found, the whole frame is used"}


def describe(cine: Cine, sector: Sector) -> list[tuple[str, str]]:
    """Pairs of a label and one line of text; nothing in them tells who the patient is."""
    height, width = cine.size
    rows = [
        ("file", cine.source.name),
        ("encoding", cine.source.encoding or "unknown"),
        ("frames", f"{len(cine)} of {width} x {height} pixels, {'colour' if cine.is_color else 'gray'}"),
        ("frame rate", _rate(cine)),
        ("duration", f"{cine.duration:.3f} s"),
        ("spacing", "{:.4f} x {:.4f} mm (row x column)".format(*cine.spacing) if cine.spacing else "unknown"),
        ("region", _box(cine.region) if cine.region else "none given"),
        ("sector", f"{SHAPES[sector.shape]}, {_box(sector.box)}"),
        ("heart rate", f"{cine.heart_rate:g} beats/min by the file" if cine.heart_rate else "not given"),
        ("R waves", ", ".join(f"{t:.3f} s" for t in cine.r_waves) or "not given"),
        ("view", cine.view or "not given"),
    ]
    if cine.source.sop_instance_uid:
        rows.append(("instance", cine.source.sop_instance_uid))
    rows += [("warning", text) for text in (*cine.warnings, *((sector.note,) if sector.note else ()))]
    return rows


def _rate(cine: Cine) -> str:
    if cine.fps is None:
        return "single frame"
    mean = (len(cine) - 1) / cine.duration
    uneven = f" (mean {mean:.2f})" if abs(mean / cine.fps - 1) > 0.01 else ""
    return f"{cine.fps:.2f} per second{uneven}, from {cine.timing or 'unknown'}"


def _box(box: Box) -> str:
    return f"columns {box.x0} to {box.x1 - 1}, rows {box.y0} to {box.y1 - 1}"
