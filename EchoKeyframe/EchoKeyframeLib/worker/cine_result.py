"""A cine that the worker read, as two files: its frames as bytes, and what is known about them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic_file import written_atomically
from ..cine.cine import Box, Cine, CineError, Source
from ..cine.finding import Finding, FindingKind


def write_description(cine: Cine, attempt: int, changed: range, path: Path) -> None:
    """Tell what is known of a cine. attempt: of the file that holds its frames, whole by now. changed: frames in it
    that are not what was told of them while the file was read. Raises OSError."""
    source = {**asdict(cine.source), "path": str(cine.source.path) if cine.source.path else None}
    description = {
        "shape": cine.frames.shape,
        "attempt": attempt,
        "changed": [changed.start, changed.stop],
        "times": cine.times.tolist(),
        "source": source,
        "spacing": cine.spacing,
        "region": asdict(cine.region) if cine.region else None,
        "heart_rate": cine.heart_rate,
        "r_waves": cine.r_waves,
        "timing": cine.timing,
        "view": cine.view,
        "warnings": cine.warnings,
        "timing_warnings": cine.timing_warnings,
        "findings": [asdict(finding) for finding in cine.findings],
    }
    with written_atomically(path) as temporary:
        temporary.write_text(json.dumps(description), encoding="utf-8")


def read_description(path: Path) -> dict[str, Any]:
    """What ``write_description`` told. Raises CineError."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {**known, "attempt": int(known["attempt"]), "changed": range(*known["changed"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _lost(error) from error


def described_cine(known: dict[str, Any], frames_path: Path) -> Cine:
    """The cine back; its frames stay on disk and are read as they are looked at. Raises CineError."""
    try:
        frames = np.memmap(frames_path, np.uint8, "r", shape=tuple(known["shape"]))
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
            timing_warnings=tuple(known["timing_warnings"]),
            findings=tuple(
                Finding(FindingKind(f["kind"]), f["text"], tuple(f["frames"]) if f["frames"] else None)
                for f in known["findings"]
            ),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _lost(error) from error


def _lost(error: Exception) -> CineError:
    return CineError(f"the cine that was read could not be taken over ({type(error).__name__}); load it again")
