"""NAME.keyframes.json and NAME.keyframes.csv: the keyframes and beats of one cine."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..atomic_file import written_atomically
from ..cine.cine import HIGHEST_FRAME_RATE, Cine, CineError
from ..csv_file import write_rows
from ..detection.beats import form_beats, heart_rate
from ..detection.keyframes import Beat, Detection, Keyframe, Phase

SCHEMA = 1
"""Raised when a field changes its meaning; added fields leave it as it is."""

_HIGHEST_HEART_RATE = 10000  # beats per minute: keyframes may lie a frame apart, and frames a fraction of a millisecond

CSV_COLUMNS = ("phase", "frame", "time", "confidence", "source", "at_edge", "beat", "degraded")


@dataclass(frozen=True)
class KeyframesFile:
    """What NAME.keyframes.json holds.

    source: the cine's file name, without folders. sop_instance_uid: DICOM (0008,0018), None for a video.
    frames: number of frames. frame_rate: per second, None for a single frame. timing: where the times come from.
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
        keyframes, beats = form_beats(timed)
        return replace(self, frame_rate=cine.fps, timing=cine.timing, heart_rate=heart_rate(keyframes),
                       keyframes=keyframes, beats=beats)  # fmt: skip


def readable(name: str) -> str:
    """A file name with ``?`` for what is no text: Linux allows names in any bytes, JSON and fonts do not."""
    return name.encode("utf-8", "replace").decode("utf-8")


def write_json(path: Path, contents: KeyframesFile) -> None:
    """Write NAME.keyframes.json atomically, UTF-8. Raises OSError."""
    document = {"schema": SCHEMA, **rounded(asdict(contents)), "beats": [_beat_to_json(b) for b in contents.beats]}
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    with written_atomically(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> KeyframesFile:
    """Read NAME.keyframes.json back. Only its keyframes count: beats and heart rate are formed anew, so that a person
    may change the frame or phase of some, add some and take some away; the time of those is then as good as the file
    tells it (``KeyframesFile.timed_by`` a cine makes it exact).

    Raises CineError where the file cannot be read, is no such file, was written in a later schema, or holds numbers
    that no cine has.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CineError(path.name, f"cannot be read as a keyframes file ({_first_line(error)})") from error
    if not isinstance(document, dict) or not {"schema", "keyframes"} <= document.keys():
        raise CineError(path.name, "is JSON, but not a keyframes file of EchoKeyframe")
    if document.pop("schema") != SCHEMA:
        raise CineError(path.name, f"written in another schema than {SCHEMA}; use a matching EchoKeyframe")
    try:
        _check_rate("frame_rate", document["frame_rate"], HIGHEST_FRAME_RATE)
        document["keyframes"], document["beats"] = form_beats(_keyframes_from_json(document))
        _check_keyframes(document["keyframes"])
        document["heart_rate"] = heart_rate(document["keyframes"])
        _check_rate("heart_rate", document["heart_rate"], _HIGHEST_HEART_RATE)
        document["warnings"] = tuple(document["warnings"])
        known = {name: document[name] for name in KeyframesFile.__dataclass_fields__}
        return KeyframesFile(**known)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CineError(path.name, f"damaged keyframes file ({_first_line(error)})") from error


def write_csv(path: Path, contents: KeyframesFile) -> None:
    """Write NAME.keyframes.csv atomically: one line a keyframe, columns ``CSV_COLUMNS``. Raises OSError."""
    write_rows(path, CSV_COLUMNS, (rounded(asdict(keyframe)) for keyframe in contents.keyframes))


def _keyframes_from_json(document: dict[str, Any]) -> list[Keyframe]:
    """The keyframes, each with a time: a person who adds or moves one need not know it.

    The file's beats tell by their frames which keyframes are as they were written; the time of others lies between
    those of their neighbours or, beyond them, where the frame rate puts it.
    """
    keyframes = [_keyframe_from_json(values, document["frames"]) for values in document["keyframes"]]
    columns = ("ed", Phase.ED), ("es", Phase.ES), ("next_ed", Phase.ED)
    written = {(phase, beat[name]) for beat in document["beats"] for name, phase in columns if beat[name] is not None}
    beats = form_beats(keyframes)[1]
    formed = {(k.phase, k.frame) for beat in beats for k in (beat.ed, beat.es, beat.next_ed) if k is not None}
    if formed == written and not any(math.isnan(k.time) for k in keyframes):
        return keyframes
    known = {k.frame: k.time for k in keyframes if (k.phase, k.frame) in written and not math.isnan(k.time)}
    return [replace(k, time=_estimated_time(k.frame, known, document["frame_rate"])) for k in keyframes]


def _keyframe_from_json(values: dict[str, Any], frames: int) -> Keyframe:
    """One keyframe, its time NaN if it has none. Raises ValueError for a frame that the cine does not have."""
    frame, time = values["frame"], values.get("time")
    if type(frame) is not int or not 0 <= frame < frames:
        raise ValueError(f"a keyframe on no frame of the cine's {frames}")
    told = {"source": "manual", **values, "phase": Phase(values["phase"]), "time": math.nan if time is None else time}
    return Keyframe(**told)


def _estimated_time(frame: int, known: dict[int, float], rate: float) -> float:
    """Seconds at which a frame lies, by frames whose time is known and the frame rate per second."""
    if not known:
        return frame / rate
    frames = sorted(known)
    beyond = frame - min(max(frame, frames[0]), frames[-1])
    return float(np.interp(frame, frames, [known[f] for f in frames])) + beyond / rate


def _check_rate(what: str, rate: float | None, highest: float) -> None:
    if rate is not None and not 0 < rate <= highest:
        raise ValueError(f"{what} {rate:.6g}")


def _check_keyframes(keyframes: Sequence[Keyframe]) -> None:
    """Raise ValueError or TypeError for what no cine has: a person, or another program, may have changed the file."""
    for keyframe in keyframes:
        if not (math.isfinite(keyframe.time) and 0 <= keyframe.confidence <= 1):
            raise ValueError(f"time {keyframe.time:.6g} s, confidence {keyframe.confidence:.6g}")
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


def rounded(value: Any) -> Any:
    """Plain Python values all the way down, floats to a microsecond's precision: readable, reproducible files."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return round(value, 6) if isinstance(value, float) else value


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
