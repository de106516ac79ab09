"""What the reader understood of a cine, in words and as data."""

from __future__ import annotations

from typing import Any

from ..cine.cine import Box, Cine
from ..cine.sector import Sector
from .keyframes_file import finding_to_json, rounded

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
        ("orientation", f"{sector.orientation}{' (given)' if sector.orientation_given else ''}"),
        ("heart rate", f"{cine.heart_rate:g} beats/min by the file" if cine.heart_rate else "not given"),
        ("R waves", ", ".join(f"{t:.3f} s" for t in cine.r_waves) or "not given"),
        ("view", cine.view or "not given"),
    ]
    if cine.source.sop_instance_uid:
        rows.append(("instance", cine.source.sop_instance_uid))
    rows += [("warning", text) for text in _warnings(cine, sector)]
    return rows


def data(cine: Cine, sector: Sector) -> dict[str, Any]:
    """The same as plain JSON values, None where something is unknown; Docs/detect.md says what each is.

    Frames and pixels are counted from 0, the last ones included; spacing in mm (row, column), R waves in s.
    """
    height, width = cine.size
    box = sector.box
    return rounded({
        "frames": len(cine),
        "width": width,
        "height": height,
        "frame_rate": cine.fps,
        "timing": cine.timing or None,
        "spacing": cine.spacing,
        "sector": {"shape": sector.shape, "columns": [box.x0, box.x1 - 1], "rows": [box.y0, box.y1 - 1]}
        if sector.found else None,
        "heart_rate": cine.heart_rate,
        "r_waves": cine.r_waves,
        "view": cine.view,
        "orientation": sector.orientation.value,
        "warnings": _warnings(cine, sector),
        "findings": [finding_to_json(finding) for finding in cine.findings],
    })  # fmt: skip


def _warnings(cine: Cine, sector: Sector) -> tuple[str, ...]:
    return (*cine.warnings, *((sector.note,) if sector.note else ()))


def _rate(cine: Cine) -> str:
    if cine.fps is None:
        return "single frame"
    mean = (len(cine) - 1) / cine.duration
    uneven = f" (mean {mean:.2f})" if abs(mean / cine.fps - 1) > 0.01 else ""
    return f"{cine.fps:.2f} per second{uneven}, from {cine.timing or 'unknown'}"


def _box(box: Box) -> str:
    return f"columns {box.x0} to {box.x1 - 1}, rows {box.y0} to {box.y1 - 1}"
