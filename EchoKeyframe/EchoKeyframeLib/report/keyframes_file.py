"""NAME.keyframes.json and NAME.keyframes.csv: the keyframes and beats of one cine."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from .. import __version__
from ..atomic_file import written_atomically
from ..cine.cine import HIGHEST_FRAME_RATE, Cine, CineError
from ..cine.finding import Finding, FindingKind
from ..cine.orientation import Orientation
from ..csv_file import write_rows
from ..detection.beats import form_beats, heart_rate
from ..detection.keyframes import Beat, Detection, Keyframe, Phase
from ..detection.pieces import Piece
from ..detection.seen_view import ViewFound
from ..json_file import MOST_FRAMES, FileName, Frame, Line, Seconds, Share, Word, checked, read_document

SCHEMA = 1
"""Raised when a field changes its meaning; added fields leave it as it is."""

_HIGHEST_HEART_RATE = 10000  # beats per minute: keyframes may lie a frame apart, and frames a fraction of a millisecond

_WHAT = "keyframes file"

CSV_COLUMNS = ("phase", "frame", "time", "confidence", "source", "at_edge", "beat", "degraded")


@dataclass(frozen=True)
class KeyframesFile:
    """What NAME.keyframes.json holds.

    source: the cine's file name, without folders. sop_instance_uid: DICOM (0008,0018), None for a video.
    frames: number of frames. frame_rate: per second, None for a single frame. timing: where the times come from.
    runtime: what ran the network, None where there was none. device: where it ran. Both None in files of 0.1.0.
    orientation: see ``Orientation``, None where nobody looked. orientation_given: a person said so.
    pieces: what the film is made of, where it is more than one stretch.
    view: the file's or a person's word. view_found, view_confidence: the picture's, None where nobody looked.
    version: of EchoKeyframe. The other fields are those of ``Cine`` and ``Detection``.
    """

    source: str
    sop_instance_uid: str | None
    view: str | None
    frames: int
    frame_rate: float | None
    timing: str
    model: str
    decoder: str
    heart_rate: float | None
    keyframes: tuple[Keyframe, ...]
    beats: tuple[Beat, ...]
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    runtime: str | None = None
    device: str | None = None
    orientation: Orientation | None = None
    orientation_given: bool = False
    pieces: tuple[Piece, ...] = ()
    view_found: ViewFound | None = None
    view_confidence: float | None = None
    version: str = field(default=__version__)

    @classmethod
    def of(cls, cine: Cine, detection: Detection) -> KeyframesFile:
        """The contents for what was found in a cine."""
        return cls._about(
            cine,
            model=detection.model,
            decoder=detection.decoder,
            heart_rate=detection.heart_rate,
            keyframes=detection.keyframes,
            beats=detection.beats,
            warnings=detection.warnings,
            findings=detection.findings,
            runtime=detection.runtime,
            device=detection.device,
            orientation=detection.orientation,
            orientation_given=detection.orientation_given,
            pieces=detection.pieces,
            view_found=detection.view_found,
            view_confidence=detection.view_confidence,
        )

    @classmethod
    def of_given(cls, cine: Cine, keyframes: Sequence[Keyframe], giver: str) -> KeyframesFile:
        """The contents for keyframes that no detector found; ``giver`` takes the model's place."""
        numbered, beats = form_beats(keyframes)
        return cls._about(
            cine,
            model=giver,
            decoder="given",
            heart_rate=heart_rate(numbered),
            keyframes=numbered,
            beats=beats,
            warnings=cine.warnings,
            findings=cine.findings,
        )

    @classmethod
    def _about(cls, cine: Cine, **found: Any) -> KeyframesFile:
        return cls(
            source=readable(cine.source.name),
            sop_instance_uid=cine.source.sop_instance_uid,
            view=cine.view,
            frames=len(cine),
            frame_rate=cine.fps,
            timing=cine.timing,
            **found,
        )

    @property
    def given_orientation(self) -> Orientation | None:
        """What a person said of it; None where it was found, or nobody looked."""
        return self.orientation if self.orientation_given else None

    def check_belongs_to(self, cine: Cine) -> None:
        """Raise CineError where these are another cine's keyframes, by its file name, UID or number of frames."""
        name = readable(cine.source.name)
        for what, own, found in (("file", self.source, name), ("number of frames", self.frames, len(cine)),
                                 ("SOP instance", self.sop_instance_uid, cine.source.sop_instance_uid)):
            if own != found:
                raise CineError(name, f"its keyframes file is that of another cine ({what} {own}, not {found})")

    def timed_by(self, cine: Cine) -> KeyframesFile:
        """The same keyframes at the cine's times: a person may have moved one, or given another frame rate since.

        Raises CineError as ``check_belongs_to``.
        """
        self.check_belongs_to(cine)
        timed = [replace(keyframe, time=float(cine.times[keyframe.frame])) for keyframe in self.keyframes]
        keyframes, beats = form_beats(timed, self.pieces)
        return replace(self, frame_rate=cine.fps, timing=cine.timing, heart_rate=heart_rate(keyframes, self.pieces),
                       keyframes=keyframes, beats=beats)  # fmt: skip


def readable(name: str) -> str:
    """A file name with ``?`` for what is no text: Linux allows names in any bytes, JSON and fonts do not."""
    return name.encode("utf-8", "replace").decode("utf-8")


def write_json(path: Path, contents: KeyframesFile) -> None:
    """Write NAME.keyframes.json atomically, UTF-8. Raises OSError."""
    document = {"schema": SCHEMA, **rounded(asdict(contents)), "beats": [_beat_to_json(b) for b in contents.beats],
                "findings": [finding_to_json(f) for f in contents.findings]}  # fmt: skip
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    with written_atomically(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> KeyframesFile:
    """Read NAME.keyframes.json back. Only its keyframes count: beats and heart rate are formed anew, so that a person
    may change the frame or phase of some, add some and take some away; the time of those is then as good as the file
    tells it (``KeyframesFile.timed_by`` a cine makes it exact).

    Raises CineError where the file cannot be read, is no such file, was written in a later schema, or holds numbers
    that no cine has; what is wrong is named with its place.
    """
    document = read_document(path, _WHAT)
    if not {"schema", "keyframes"} <= document.keys():
        raise CineError(path.name, "is JSON, but not a keyframes file of EchoKeyframe")
    if document["schema"] != SCHEMA:
        raise CineError(path.name, f"written in another schema than {SCHEMA}; use a matching EchoKeyframe")
    told = checked(document, _Document, path, _WHAT)
    try:
        pieces = _pieces_of(told)
        keyframes, beats = form_beats(_keyframes_of(told), pieces)
        _check_keyframes(keyframes)
        rate = heart_rate(keyframes, pieces)
        if rate is not None and not 0 < rate <= _HIGHEST_HEART_RATE:
            raise ValueError(f"heart rate {rate:.6g}")
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        raise CineError(path.name, f"damaged {_WHAT} ({str(error).splitlines()[0]})") from error
    kinds = frozenset(FindingKind)  # others are those of a later version; their texts stand among the warnings
    findings = tuple(Finding(FindingKind(f.kind), f.text, f.frames) for f in told.findings if f.kind in kinds)
    return KeyframesFile(
        told.source, told.sop_instance_uid, told.view, told.frames, told.frame_rate, told.timing, told.model,
        told.decoder, rate, keyframes, beats, tuple(told.warnings), findings, told.runtime,
        told.device, _orientation(told.orientation), told.orientation_given, pieces,
        *_view_found(told), told.version,
    )  # fmt: skip


def write_csv(path: Path, contents: KeyframesFile) -> None:
    """Write NAME.keyframes.csv atomically: one line a keyframe, columns ``CSV_COLUMNS``. Raises OSError."""
    write_rows(path, CSV_COLUMNS, (rounded(asdict(keyframe)) for keyframe in contents.keyframes))


class _Keyframe(msgspec.Struct):
    phase: Phase
    frame: Frame
    time: Seconds | None = None
    confidence: Share = 1.0
    source: Word = "manual"
    at_edge: bool = False
    beat: Frame = 0
    degraded: bool = False


class _Beat(msgspec.Struct):
    ed: Frame | None = None
    es: Frame | None = None
    next_ed: Frame | None = None


class _Finding(msgspec.Struct):
    kind: Word
    text: Line
    frames: tuple[Frame, Frame] | None = None


class _Document(msgspec.Struct):
    """Files of version 0.1.0 have no findings. The heart rate that a file states is not looked at."""

    source: FileName
    frames: Annotated[int, msgspec.Meta(ge=1, le=MOST_FRAMES)]
    timing: Line
    model: Line
    decoder: Word
    version: Word
    keyframes: list[_Keyframe]
    beats: list[_Beat]
    frame_rate: Annotated[float, msgspec.Meta(gt=0, le=HIGHEST_FRAME_RATE)] | None
    sop_instance_uid: Word | None = None
    view: Word | None = None
    warnings: list[Line] = []
    findings: list[_Finding] = []
    runtime: Word | None = None
    device: Word | None = None
    orientation: Word | None = None
    orientation_given: bool = False
    pieces: list[Piece] = []
    view_found: Word | None = None
    view_confidence: Share | None = None


def _pieces_of(document: _Document) -> tuple[Piece, ...]:
    """Raises ValueError for stretches that do not follow one another from the first frame to the last."""
    ends = [-1, *(piece.last for piece in document.pieces)]
    starts = [*(piece.first for piece in document.pieces), document.frames]
    whole = not document.pieces or all(end + 1 == start for end, start in zip(ends, starts, strict=True))
    if not whole or any(piece.first > piece.last for piece in document.pieces):
        raise ValueError("pieces that do not make up the cine")
    return tuple(document.pieces)


def _orientation(word: str | None) -> Orientation | None:
    """One that a later version knows counts as not looked for."""
    return Orientation(word) if word in frozenset(Orientation) else None


def _view_found(document: _Document) -> tuple[ViewFound | None, float | None]:
    """As ``_orientation``."""
    known = document.view_found in frozenset(ViewFound)
    return (ViewFound(document.view_found), document.view_confidence) if known else (None, None)


def _keyframes_of(document: _Document) -> list[Keyframe]:
    """The keyframes, each with a time: a person who adds or moves one need not know it.

    The file's beats tell by their frames which keyframes are as they were written; the time of others lies between
    those of their neighbours or, beyond them, where the frame rate puts it.
    """
    keyframes = [_keyframe_of(told, document.frames) for told in document.keyframes]
    columns = ("ed", Phase.ED), ("es", Phase.ES), ("next_ed", Phase.ED)
    written = {(phase, getattr(beat, name)) for beat in document.beats for name, phase in columns}
    written = {(phase, frame) for phase, frame in written if frame is not None}
    beats = form_beats(keyframes)[1]
    formed = {(k.phase, k.frame) for beat in beats for k in (beat.ed, beat.es, beat.next_ed) if k is not None}
    if formed == written and not any(math.isnan(k.time) for k in keyframes):
        return keyframes
    known = {k.frame: k.time for k in keyframes if (k.phase, k.frame) in written and not math.isnan(k.time)}
    return [replace(k, time=_estimated_time(k.frame, known, document.frame_rate)) for k in keyframes]


def _keyframe_of(told: _Keyframe, frames: int) -> Keyframe:
    """One keyframe, its time NaN if it has none. Raises ValueError for a frame that the cine does not have."""
    if told.frame >= frames:
        raise ValueError(f"frame {told.frame}: a keyframe on no frame of the cine's {frames}")
    time = math.nan if told.time is None else told.time
    return Keyframe(told.phase, told.frame, time, told.confidence, told.source, told.at_edge, told.beat, told.degraded)


def _estimated_time(frame: int, known: dict[int, float], rate: float | None) -> float:
    """Seconds at which a frame lies, by frames whose time is known and the frame rate per second. Raises ValueError."""
    if rate is None:
        raise ValueError("frame_rate is missing, so keyframes without a time have none")
    if not known:
        return frame / rate
    frames = sorted(known)
    beyond = frame - min(max(frame, frames[0]), frames[-1])
    return float(np.interp(frame, frames, [known[f] for f in frames])) + beyond / rate


def _check_keyframes(keyframes: Sequence[Keyframe]) -> None:
    """Raise ValueError for an order that no cine has: a person, or another program, may have changed the file."""
    for before, after in pairwise(keyframes):
        if (before.phase, before.frame) == (after.phase, after.frame):
            raise ValueError(f"{after.phase} frame {after.frame} twice")
        if before.frame < after.frame and before.time >= after.time:
            raise ValueError(
                f"frame {after.frame} at {after.time:.6g} s is not later than frame {before.frame}; leave out the time "
                "of a frame that you change"
            )


def _beat_to_json(beat: Beat) -> dict[str, Any]:
    """A beat by its frames: its keyframes are told in full in the list of keyframes."""
    frames = {name: key.frame if key else None for name, key in
              (("ed", beat.ed), ("es", beat.es), ("next_ed", beat.next_ed))}
    return rounded({"number": beat.number, **frames, "heart_rate": beat.heart_rate, "measurable": beat.measurable,
                    "unfit": [reason.value for reason in beat.unfit]})


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """``kind``, ``frames`` (first and last, from 0, the last included; None: the whole cine) and ``text``."""
    frames = None if finding.frames is None else [int(frame) for frame in finding.frames]
    return {"kind": str(finding.kind), "frames": frames, "text": finding.text}


def rounded(value: Any) -> Any:
    """Plain Python values all the way down, floats to a microsecond's precision: readable, reproducible files."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return round(value, 6) if isinstance(value, float) else value
