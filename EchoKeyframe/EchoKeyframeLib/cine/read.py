"""Reads a cine from any file that this package understands."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from .cine import Cine, CineError
from .dicom import read_dicom, read_dicom_header
from .finding import Finding, FindingKind
from .header import CineHeader
from .itk_image import is_itk_image, read_itk_header, read_itk_image
from .video import read_video, read_video_header

COLOURED = "the loop is in colour (Doppler): the motion of what is coloured is not that of the walls"

# Group 0002 to 0028 at the start of a data set without preamble: little endian, then big endian.
_BARE_DATA_SET = re.compile(rb"(?:[\x02\x08]\x00[\x00-\xff]{2}|\x00[\x02\x08][\x00-\xff]{2})", re.DOTALL)


def read_cine(path: str | Path, fps: float | None = None, view: str | None = None) -> Cine:
    """Read a DICOM or video file, or a 2D sequence as MetaImage or NIfTI; its content decides which, not its name.

    fps: frames per second that a person vouches for; replaces the file's own times.
    view: such as ``"A4C"``; replaces what the file says.

    Raises CineError, one line that says which file, what is wrong and what to do.
    """
    if not str(path).strip():
        raise CineError("no path was given; name a DICOM or video file")
    path = Path(path)
    if "\0" in str(path):
        raise CineError("the path holds a null character; name a DICOM or video file")
    head = _head(path)
    if _starts_as_dicom(head):
        cine = read_dicom(path)
    elif is_itk_image(path, head):
        cine = read_itk_image(path, fps)
    else:
        cine = read_video(path)
    if cine.is_color:
        cine = cine.with_findings(Finding(FindingKind.COLOUR, COLOURED))
    if fps is not None:
        cine = cine.with_fps(fps)
    return replace(cine, view=view) if view is not None else cine


def read_header(path: Path) -> CineHeader:
    """What a file that ``read_cine`` reads says of itself, without decoding. Raises CineError."""
    head = _head(path)
    if _starts_as_dicom(head):
        return read_dicom_header(path)
    return read_itk_header(path) if is_itk_image(path, head) else read_video_header(path)


def is_dicom(path: Path) -> bool:
    """Whether a file's content, not its name, makes it DICOM. Raises CineError where it cannot be opened."""
    return _starts_as_dicom(_head(path))


def _head(path: Path) -> bytes:
    name = path.name or str(path)
    try:
        if path.is_dir():
            raise CineError(name, "is a folder; name a file in it")
        if path.exists() and not path.is_file():
            raise CineError(name, "is no regular file; name a DICOM or video file")
        with path.open("rb") as stream:
            head = stream.read(132)
    except OSError as error:
        raise CineError(name, f"cannot be opened ({error.strerror}); check the path and its permissions") from None
    if not head:
        raise CineError(name, "is empty; copy or export it again")
    return head


def _starts_as_dicom(head: bytes) -> bool:
    """DICOM by its magic, or a bare data set (without preamble) by the tag that it starts with."""
    return head[128:132] == b"DICM" or bool(_BARE_DATA_SET.match(head))
