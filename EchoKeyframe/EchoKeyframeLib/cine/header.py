"""What a cine's file says of itself, without a frame being decoded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CineHeader:
    """Claims of a file; decoding may show another length.

    frames: None where the file leaves it to be counted. size: height and width. fps: frames per second, None where the
    file does not say. warnings: what is doubtful about the times, one line each.
    """

    frames: int | None
    size: tuple[int, int]
    fps: float | None
    encoding: str
    warnings: tuple[str, ...] = ()
