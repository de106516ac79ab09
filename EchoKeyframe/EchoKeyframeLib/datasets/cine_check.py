"""What is wrong with one labelled cine."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ..cine.cine import Cine, CineError
from ..cine.header import CineHeader
from ..cine.read import read_header
from ..detection.decode import DIASTOLE_SECONDS, SYSTOLE_SECONDS
from ..detection.keyframes import Phase
from .clip_labels import ClipLabels, LabelError, check_inside
from .dataset import Finding, LabelledCine, Severity

RATE_DIFFERENCE = 0.05
"""Labels and file may differ by this share in the frame rate before it is told."""


@dataclass(frozen=True)
class CineCheck:
    """What was found in one cine. frames, fps, encoding: None where the file does not say or could not be read."""

    findings: tuple[Finding, ...]
    frames: int | None = None
    fps: float | None = None
    encoding: str | None = None


def check_cine(cine: LabelledCine, decode: bool = False) -> CineCheck:
    """Compare a cine's file with its labels, by its header alone or, to see that each frame is there, decoded whole.

    Nothing is kept in memory. Never raises.
    """
    name = cine.labels.file
    if not cine.path.exists():
        return CineCheck((_missing(cine.path, name),))
    try:
        header = _decoded(cine) if decode else read_header(cine.path)
    except CineError as error:
        kind = "labels and file differ" if isinstance(error, LabelError) else "cannot be read"
        return CineCheck((Finding(Severity.ERROR, kind, name, _named(name, error)),))
    except Exception as error:  # a reader's own failure must not end the check of the others
        message = f"{name}: cannot be read (unexpected {type(error).__name__})"
        return CineCheck((Finding(Severity.ERROR, "cannot be read", name, message),))
    doubts = (Finding(Severity.WARNING, "doubtful reading", name, f"{name}: {w}") for w in header.warnings)
    findings = (*_labels_fit(cine.labels, header), *_areas(cine), *doubts)
    return CineCheck(findings, header.frames, cine.labels.fps or header.fps, header.encoding)


def _decoded(cine: LabelledCine) -> CineHeader:
    loop: Cine = cine.read()
    # With a rate of the labels' own, what the file says of its times does not matter.
    return CineHeader(len(loop), loop.size, loop.fps, loop.source.encoding or "", loop.warnings)


def _missing(path: Path, name: str) -> Finding:
    """A file that is not there, or not under this very name: systems differ in what they take for the same."""
    names = os.listdir(path.parent) if path.parent.is_dir() else []
    alike = next((other for other in names if _folded(other) == _folded(path.name)), None)
    if alike is None:
        return Finding(Severity.ERROR, "missing file", name, f"{name}: is missing")
    difference = "capitals" if alike.casefold() == path.name.casefold() else "the encoding of its accents"
    message = f"{name}: is there as {alike!r}, which differs in {difference}; not every system finds it, rename it"
    return Finding(Severity.ERROR, "file name differs", name, message)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _labels_fit(labels: ClipLabels, header: CineHeader) -> Iterator[Finding]:
    name = labels.file
    if header.frames is not None:
        if labels.frames not in (None, header.frames):
            message = f"{name}: has {header.frames} frames, its labels say {labels.frames}"
            yield Finding(Severity.ERROR, "labels and file differ", name, message)
        elif labels.frames is None:
            try:
                check_inside(labels, header.frames)
            except LabelError as error:
                yield Finding(Severity.ERROR, "label outside", name, str(error))
    if not labels.ed or not labels.es:
        phase = Phase.ED if labels.ed else Phase.ES
        message = f"{name}: has {phase} but no {phase.other}; label both, or it cannot be trained on"
        yield Finding(Severity.ERROR, "one phase alone", name, message)
    fps = labels.fps or header.fps
    if fps is None:
        if header.frames != 1:
            message = f"{name}: no frame rate is known; state it in the labels (fps) or with --set-fps"
            yield Finding(Severity.ERROR, "no frame rate", name, message)
        return
    if labels.fps and header.fps and abs(labels.fps / header.fps - 1) > RATE_DIFFERENCE:
        message = f"{name}: {labels.fps:g} frames/s in its labels, {header.fps:.4g} in the file; the labels' count"
        yield Finding(Severity.WARNING, "frame rates differ", name, message)
    yield from _durations(labels, fps)


def _durations(labels: ClipLabels, fps: float) -> Iterator[Finding]:
    for (a, first), (b, second) in pairwise(labels.in_order()):
        if first is second or not labels.decides_all_between(a, b):
            continue
        low, high = SYSTOLE_SECONDS if first is Phase.ED else DIASTOLE_SECONDS
        seconds = (b - a) / fps
        if not low <= seconds <= high:
            message = (f"{labels.file}: {first} {a:g} to {second} {b:g} takes {seconds:.2f} s at {fps:g} frames/s; "
                       "check labels and frame rate")  # fmt: skip
            yield Finding(Severity.WARNING, "implausible interval", labels.file, message)


def _areas(cine: LabelledCine) -> Iterator[Finding]:
    """ED and ES by the area of the left ventricle, where the set has it."""
    labels, masks = cine.labels, cine.masks
    if masks is None or not labels.ed or not labels.es:
        return
    ed, es = round(labels.ed[0]), round(labels.es[0])
    if ed not in masks.frames or es not in masks.frames:
        return
    try:
        at_ed, at_es = masks.area(ed), masks.area(es)
    except CineError as error:
        yield Finding(Severity.ERROR, "mask cannot be read", labels.file, _named(labels.file, error))
        return
    if at_es >= at_ed:
        message = (f"{labels.file}: the ventricle is {at_ed:.0f} pixels large at ED {ed} and {at_es:.0f} at ES {es}; "
                   "are the two swapped?")  # fmt: skip
        yield Finding(Severity.ERROR, "ED and ES swapped", labels.file, message)


def _named(name: str, error: CineError) -> str:
    """The message with the cine's name as the labels have it; readers know the last part only."""
    text = " ".join(str(error).split())
    return text if text.startswith(name) else f"{name}: {text.partition(': ')[2] or text}"
