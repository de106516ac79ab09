"""The formats that ``echokeyframe export`` writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .beat_video import write_avi, write_mp4
from .excerpt import Excerpt, Scope
from .picture import write_png
from .volume import write_volume


@dataclass(frozen=True)
class Format:
    """A kind of file.

    scope: what one file holds. suffix: of its name. write: writes an excerpt to a path that ends in the suffix, returns
    warnings, one line each, and raises OSError or CineError. needs: package that it takes and the extra of ours that
    brings it, None where the base installation suffices. shows_frames: False for a file that only refers to them.
    """

    scope: Scope
    suffix: str
    write: Callable[[Path, Excerpt], tuple[str, ...]]
    needs: tuple[str, str] | None = None
    shows_frames: bool = True


def _write_key_object(path: Path, excerpt: Excerpt) -> tuple[str, ...]:
    from .key_object import write_key_object

    return write_key_object(path, excerpt.cine.source, excerpt.keyframes)


FORMATS: dict[str, Format] = {
    "png": Format(Scope.FRAME, ".png", write_png),
    "nrrd": Format(Scope.FRAME, ".nrrd", write_volume, needs=("SimpleITK", "export")),
    "nifti": Format(Scope.FRAME, ".nii.gz", write_volume, needs=("SimpleITK", "export")),
    "avi": Format(Scope.BEAT, ".avi", write_avi),
    "mp4": Format(Scope.BEAT, ".mp4", write_mp4),
    "ko": Format(Scope.CINE, ".ko.dcm", _write_key_object, needs=("highdicom", "dicom"), shows_frames=False),
}
"""By the name that ``--format`` takes. Each writer imports what it works with when it is called."""
