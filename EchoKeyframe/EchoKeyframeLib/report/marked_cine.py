"""A cine together with the keyframes that a file holds for it."""

from __future__ import annotations

from pathlib import Path

from ..cine.cine import GIVEN_RATE, Cine
from ..cine.read import read_cine
from .keyframes_file import KeyframesFile, read_json


def read_marked_cine(
    cine: Path, keyframes: Path, fps: float | None = None, view: str | None = None
) -> tuple[Cine, KeyframesFile]:
    """Read a cine and the NAME.keyframes.json that belongs to it; the keyframes get the times of the cine's frames.

    fps, view: given by a person, else as they were given when the keyframes were found.

    Raises CineError where either cannot be read, or the keyframes are another cine's.
    """
    found = read_json(keyframes)
    given = found.frame_rate if found.timing == GIVEN_RATE else None
    read = read_cine(cine, fps=fps or given, view=view or found.view)
    return read, found.timed_by(read)
