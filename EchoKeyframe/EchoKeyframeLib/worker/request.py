"""What a caller asks of the worker process, as it stands in the mailbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from ..cine.orientation import AUTO, CHOICES
from ..detection.keyframes import Phase
from ..json_file import Frame

_LARGEST = 2**20
_Name = Annotated[str, msgspec.Meta(max_length=4096)]
_Word = Annotated[str, msgspec.Meta(max_length=256)]
_Millimetres = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
_Pixel = Annotated[int, msgspec.Meta(ge=0, lt=2**16)]


class RequestError(Exception):
    """A request that no caller of this version makes. One line."""


class ReleaseRequest(msgspec.Struct, tag="release", tag_field="task"):
    """Forget the detector."""


class ReadRequest(msgspec.Struct, tag="read", tag_field="task"):
    """Read the file at ``path``."""

    path: _Name


class FramesRequest(msgspec.Struct, kw_only=True):
    """Frames beside the request; the fields are those of ``submission.LoopRequest``. scale: by which they were shrunk.
    """

    name: _Name
    device: _Word
    timing: _Name
    view: _Word | None
    heart_rate: Annotated[float, msgspec.Meta(ge=0, le=1e6)] | None
    spacing: tuple[_Millimetres, _Millimetres] | None
    region: tuple[_Pixel, _Pixel, _Pixel, _Pixel] | None
    scale: _Pixel
    orientation: Literal[tuple(CHOICES)] = AUTO


class DetectRequest(FramesRequest, kw_only=True, tag="detect", tag_field="task"):
    """Detect in the frames."""

    model: _Name
    decoder: _Word


class WantedContour(msgspec.Struct):
    """One that is to be found, of a beat by its number."""

    beat: Frame
    phase: Phase
    frame: Frame


class TraceRequest(FramesRequest, kw_only=True, tag="trace", tag_field="task"):
    """Find the contours of beats in the frames."""

    wanted: Annotated[list[WantedContour], msgspec.Meta(min_length=1, max_length=100_000)]


Request = ReleaseRequest | ReadRequest | DetectRequest | TraceRequest


def request_from(path: Path) -> Request:
    """A request as its caller made it. Raises RequestError for anything else, OSError."""
    with path.open("rb") as file:
        data = file.read(_LARGEST)
    try:
        return msgspec.convert(json.loads(data), Request)  # json: names may hold bytes that are no text
    except msgspec.ValidationError as error:
        raise RequestError("the request is none that this version knows; restart the application") from error
    except (ValueError, RecursionError) as error:
        raise RequestError("the request cannot be read; try again") from error
