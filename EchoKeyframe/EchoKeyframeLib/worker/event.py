"""What becomes of a request, as the caller is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..cine.cine import Cine
from ..detection.keyframes import Curves
from .arrived_frames import ArrivedFrames

if TYPE_CHECKING:
    from ..report.keyframes_file import KeyframesFile
    from .loop_contours import LoopContours


@dataclass(frozen=True)
class Event:
    """What became of a request.

    kind: ``"progress"``, ``"done"``, ``"failed"`` or ``"cancelled"``. number: that of the request.
    stage, fraction: for progress. message: for a failure, one line. result, curves: for a finished detection.
    contours: for a finished tracing.
    arrived: for progress in reading a file, the frames that can be had already.
    cine: for a file that was read; its frames stay in a file, which is removed once nobody looks at them any more.
    ``arrived`` then tells of which attempt they are. changed: its frames that were others when they arrived.
    """

    kind: str
    number: int
    stage: str = ""
    fraction: float = 0.0
    message: str = ""
    result: KeyframesFile | None = None
    curves: Curves | None = None
    contours: LoopContours | None = None
    cine: Cine | None = None
    arrived: ArrivedFrames | None = None
    changed: range = range(0)
