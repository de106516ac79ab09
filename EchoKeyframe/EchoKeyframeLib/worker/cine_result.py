"""A cine that the worker read, as two files: its frames as they are, and what is known about them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..atomic_file import written_atomically
from ..cine.cine import Box, Cine, CineError, Source


def write_cine(cine: Cine, frames_path: Path, description_path: Path) -> None:
    """Write a cine; the description appears last, so where it is, the frames are whole. Raises OSError."""
    with frames_path.open("wb") as file:
        np.save(file, np.ascontiguousarray(cine.frames), allow_pickle=False)
    source = {**asdict(cine.source), "path": str(cine.source.path) if cine.source.path else None}
    description = {
        "times": cine.times.tolist(),
        "source": source,
        "spacing": cine.spacing,
        "region": asdict(cine.region) if cine.region else None,
        "heart_rate": cine.heart_rate,
        "r_waves": cine.r_waves,
        "timing": cine.timing,
        "view": cine.view,
        "warnings": cine.warnings,
    }
    with written_atomically(description_path) as temporary:
        temporary.write_text(json.dumps(description), encoding="utf-8")


def read_written_cine(frames_path: Path, description_path: Path) -> Cine:
    """The cine back; its frames stay on disk and are read as they are looked at. Raises CineError."""
    try:
        known = json.loads(description_path.read_text(encoding="utf-8"))
        frames = np.load(frames_path, mmap_mode="r", allow_pickle=False)
        source = {**known["source"], "path": Path(known["source"]["path"]) if known["source"]["path"] else None}
        source["frame_numbers"] = tuple(source["frame_numbers"]) if source["frame_numbers"] else None
        return Cine(
            frames=frames,
            times=np.array(known["times"], np.float64),
            source=Source(**source),
            spacing=tuple(known["spacing"]) if known["spacing"] else None,
            region=Box(**known["region"]) if known["region"] else None,
            heart_rate=known["heart_rate"],
            r_waves=tuple(known["r_waves"]),
            timing=known["timing"],
            view=known["view"],
            warnings=tuple(known["warnings"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        kind = type(error).__name__
        raise CineError(f"the cine that was read could not be taken over ({kind}); load it again") from error
