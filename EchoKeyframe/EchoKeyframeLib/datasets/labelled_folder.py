"""A folder of cines with labels.csv that grows clip by clip: what a person corrected, kept for training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..cine.cine import Cine, CineError
from ..cine.read import read_cine
from ..cine.sector import find_sector
from ..cine.video_writer import unevenness, video_rate, write_video
from ..detection.keyframes import Keyframe, Phase
from .label_renewal import renew_labels
from .labels import LABELS_NAME, ClipLabels, LabelError, read_labels


class SectorMissing(CineError):
    """No scan sector was found, so that writing beside it, such as a patient's name, cannot be told from echoes."""


@dataclass(frozen=True)
class StoredClip:
    """A clip as it stands in the folder. note: what a person should know, empty if there is nothing."""

    labels: ClipLabels
    note: str = ""


def store_clip(folder: Path, cine: Cine, keyframes: Iterable[Keyframe], whole_frames: bool = False) -> StoredClip:
    """Add a cine and its ED and ES frames to a folder that ``echokeyframe train`` reads, or renew its labels there.

    The cine becomes a lossless video. Only the scan sector is kept, everything beside it is black, because names of
    patients stand there; what is written over the sector itself cannot be recognised. The file's name is made from its
    pixels: it tells nothing, the same cine has the same name, and two cines never meet. A cine that was read from this
    very folder keeps its file. Rows and files of other clips stay as they are.

    whole_frames: keep all pixels, on a person's word that no name is among them.

    Raises SectorMissing where that word is needed, LabelError where the keyframes cannot be trained on or the folder's
    labels.csv is broken, CineError where the folder cannot be written; the folder is then as before.
    """
    folder = Path(folder)
    labels = _labels(cine, keyframes)
    known = read_labels(folder) if (folder / LABELS_NAME).exists() else []
    name = _file_in_folder(folder, cine, known)
    note = ""
    if name is None:
        frames = cine.frames if whole_frames else _sector_only(cine)
        name = f"loop-{_digest(frames)}.avi"
        note = _uneven(cine)
        _write(folder, name, frames, labels.fps)
    labels = replace(labels, file=name)
    try:
        renew_labels(folder / LABELS_NAME, labels)
    except OSError as error:
        raise CineError(LABELS_NAME, f"cannot be written ({error.strerror or error})") from None
    return StoredClip(labels, note)


def _labels(cine: Cine, keyframes: Iterable[Keyframe]) -> ClipLabels:
    name, frames = cine.source.name, {phase: [] for phase in Phase}
    for keyframe in sorted(keyframes, key=lambda k: k.frame):
        frames[keyframe.phase].append(float(keyframe.frame))
    for phase in Phase:
        if not frames[phase]:
            raise LabelError(name, f"has no {phase} keyframe; mark at least one ED and one ES to train on it")
    rate = round(video_rate(cine.times)[0], 3)
    ed, es = tuple(frames[Phase.ED]), tuple(frames[Phase.ES])
    return ClipLabels(name, ed, es, len(cine), rate, cine.view).check()


def _file_in_folder(folder: Path, cine: Cine, known: list[ClipLabels]) -> str | None:
    """The labelled file that the cine was read from, if it was read from this folder."""
    for labels in known:
        if Path(labels.file).name == cine.source.name and (folder / labels.file).is_file():
            stored = read_cine(folder / labels.file)
            if stored.frames.shape == cine.frames.shape and np.array_equal(stored.frames, cine.frames):
                return labels.file
    return None


def _sector_only(cine: Cine) -> np.ndarray:
    sector = find_sector(cine)
    if not sector.found:
        raise SectorMissing(
            cine.source.name, f"{sector.note}; look through it, and store whole frames if they show no name"
        )
    return cine.frames * (sector.mask[..., None] if cine.is_color else sector.mask)


def _digest(frames: np.ndarray) -> str:
    digest = hashlib.sha256(repr(frames.shape).encode())
    for frame in frames:
        digest.update(np.ascontiguousarray(frame))
    return digest.hexdigest()[:16]


def _uneven(cine: Cine) -> str:
    shift = unevenness(cine.times)
    if not shift:
        return ""
    return f"{cine.source.name}: its frames are unevenly spaced; the video shows one {1000 * shift:.0f} ms off its time"


def _write(folder: Path, name: str, frames: np.ndarray, fps: float) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CineError(folder.name, f"this folder cannot be made ({error.strerror or error})") from None
    # A file of this name holds these very frames.
    if not (folder / name).is_file():
        write_video(folder / name, frames, fps)
