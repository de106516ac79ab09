"""A folder with many labelled clips in a few memory-mapped files, made once and read at random by training.

``store.json`` says what is in it; ``frames.npy`` holds uint8 ``[F, S, S]``, ``motion.npy`` float16 ``[F, 3, 14, 14]``
and ``volume.npy`` float16 ``[F]``, the clips one behind the other; ``clips.npy`` holds one ``CLIP`` record for each.
``decided.npy`` bool ``[F]`` tells the frames whose keyframes are all labelled; a store without it has all labelled.
A store made with masks also holds ``masks.npy`` uint8 ``[F, S, S]``, the left ventricle's cavity.
``digests.npy`` uint8 ``[clips, 2, 32]`` has two SHA-256 a clip: of the decoded frames that it was made of, and of all
that the store holds of it, labels included; for a store without it (of 0.1.0) both are taken when asked for.
Files are created at their full size; a clip counts once its record says ``done``, so a store can be made by several
processes and finished after an interruption.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from ...atomic_file import written_atomically
from ...cine.cine import Cine, CineError, Source
from ...cine.frames_digest import frames_digest, short_digest
from ...datasets.clip_labels import ClipLabels
from ...datasets.decided import spans_of
from ...detection.motion_features import GRID
from ...json_file import Word, checked, read_text

FORMAT = 1
MOST_EVENTS, LONGEST_NAME = 64, 120
DESCRIPTION_NAME = "store.json"
DECIDED_NAME = "decided.npy"
MASKS_NAME = "masks.npy"
DIGESTS_NAME = "digests.npy"
OUTSIDE_LV, INSIDE_LV, NOT_TRACED = 0, 1, 255
"""Values of the masks; a frame of which the left ventricle is not known is ``NOT_TRACED`` all over."""

CLIP = np.dtype(
    [
        ("done", "u1"),
        ("start", "i8"),
        ("length", "i8"),
        ("fps", "f8"),
        ("heart_rate", "f8"),
        ("has_volume", "u1"),
        ("ed", "f8", MOST_EVENTS),
        ("es", "f8", MOST_EVENTS),
        ("view", "U8"),
        ("name", f"U{LONGEST_NAME}"),
    ]
)
"""``ed``, ``es``: positions in frames, those just outside the clip included, filled up with NaN."""


_WHAT = "description of a store"
_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**40)]


class _Clip(msgspec.Struct):
    frames: _Count


class _Description(msgspec.Struct):
    """What of ``store.json`` is used as more than a text to compare."""

    size: Annotated[int, msgspec.Meta(ge=1, le=2**14)]
    lengths: list[tuple[_Count, _Count]]
    kind: Word = "unknown"
    first_seed: _Count | None = None
    clips: list[_Clip] = []
    members: list[_Count] = []


class ClipStoreError(CineError):
    """A store cannot be made, continued or read. One line: which folder, what is wrong, what to do."""


@dataclass(frozen=True, eq=False)
class StoredClip:
    """One clip: frames uint8 ``[T, S, S]``, motion float16 ``[T, 3, 14, 14]`` (not normalised).

    volume: float16 ``[T]``, 0 where the LV is smallest, 1 where it is largest; None where it is unknown.
    masks: uint8 ``[T, S, S]``: ``OUTSIDE_LV``, ``INSIDE_LV`` or ``NOT_TRACED``; None in a store without masks.
    source: ``short_digest`` of the decoded frames that it was made of; None in a store of 0.1.0.
    """

    frames: np.ndarray
    motion: np.ndarray
    volume: np.ndarray | None
    fps: float
    labels: ClipLabels
    masks: np.ndarray | None = None
    source: str | None = None

    def cine(self) -> Cine:
        """Its frames, copied, as a cine with the clip's own rate."""
        frames = np.array(self.frames)
        times = np.arange(len(frames), dtype=np.float64) / self.fps
        return Cine(frames, times, Source(self.labels.file), timing="known frame rate", view=self.labels.view)


def is_store(folder: Path) -> bool:
    """Whether a folder says that it holds a store."""
    return (folder / DESCRIPTION_NAME).is_file()


class ClipStore:
    """An open store; ``store[i]`` is the i-th finished clip, its arrays views of the files (not copies)."""

    def __init__(self, folder: Path, writable: bool = False) -> None:
        self.folder = Path(folder)
        self.description = read_description(self.folder)
        mode = "r+" if writable else "r"
        try:
            self.frames = np.load(self.folder / "frames.npy", mmap_mode=mode)
            self.motion = np.load(self.folder / "motion.npy", mmap_mode=mode)
            self.volume = np.load(self.folder / "volume.npy", mmap_mode=mode)
            self.clips = np.load(self.folder / "clips.npy", mmap_mode=mode)
            has_decided = (self.folder / DECIDED_NAME).is_file()
            self.decided = np.load(self.folder / DECIDED_NAME, mmap_mode=mode) if has_decided else None
            has_masks = (self.folder / MASKS_NAME).is_file()
            self.masks = np.load(self.folder / MASKS_NAME, mmap_mode=mode) if has_masks else None
            has_digests = (self.folder / DIGESTS_NAME).is_file()
            self._digests = np.load(self.folder / DIGESTS_NAME, mmap_mode=mode) if has_digests else None
        except (OSError, ValueError) as error:
            raise ClipStoreError(self.folder.name, f"is damaged ({error}); delete it and make it again") from error
        self._finished = np.flatnonzero(self.clips["done"])

    def __len__(self) -> int:
        return len(self._finished)

    def __getitem__(self, index: int) -> StoredClip:
        record = self.clips[self._finished[index]]
        span = slice(int(record["start"]), int(record["start"] + record["length"]))
        labels = ClipLabels(
            str(record["name"]),
            tuple(record["ed"][np.isfinite(record["ed"])].tolist()),
            tuple(record["es"][np.isfinite(record["es"])].tolist()),
            int(record["length"]),
            float(record["fps"]),
            str(record["view"]) or None,
            None if self.decided is None else spans_of(self.decided[span]),
        )
        volume = self.volume[span] if record["has_volume"] else None
        masks = None if self.masks is None else self.masks[span]
        source = None if self._digests is None else short_digest(self._digests[self._finished[index], 0].tobytes())
        return StoredClip(self.frames[span], self.motion[span], volume, float(record["fps"]), labels, masks, source)

    @property
    def is_complete(self) -> bool:
        """Whether every clip that it was made for is there."""
        return len(self) == len(self.clips)

    @property
    def size(self) -> int:
        """S, height and width of the frames."""
        return self.frames.shape[1]

    @property
    def sources(self) -> list[str]:
        """``short_digest`` of the decoded frames that each finished clip was made of."""
        return [short_digest(self._digests_of(index)[0]) for index in range(len(self))]

    @cached_property
    def sha256(self) -> str:
        """Of frames and labels of all finished clips, in their order: another label is another training set."""
        digest = hashlib.sha256()
        for index in range(len(self)):
            digest.update(self._digests_of(index)[1])
        return digest.hexdigest()

    def _digests_of(self, index: int) -> tuple[bytes, bytes]:
        place = self._finished[index]
        if self._digests is not None:
            return self._digests[place, 0].tobytes(), self._digests[place, 1].tobytes()
        source = frames_digest(self[index].frames)
        return source, self._digest(place, source)

    def _digest(self, place: int, source: bytes) -> bytes:
        """Of all that the store holds of a clip but its name, and of the frames that it was made of."""
        record = self.clips[place]
        span = slice(int(record["start"]), int(record["start"] + record["length"]))
        digest = hashlib.sha256(source)
        for array in (self.frames, self.volume, self.decided, self.masks):
            digest.update(b"" if array is None else np.ascontiguousarray(array[span]).data)
        for field in ("fps", "has_volume", "ed", "es", "view"):
            digest.update(record[field].tobytes())
        return digest.digest()

    def write(
        self,
        index: int,
        frames: np.ndarray,
        motion: np.ndarray,
        labels: ClipLabels,
        heart_rate: float = np.nan,
        volume: np.ndarray | None = None,
        masks: np.ndarray | None = None,
        source: bytes | None = None,
    ) -> None:
        """Fill in clip ``index`` of ``length`` frames. Only its own parts of the files are touched.

        source: ``frames_digest`` of the decoded frames that it was made of; None: of ``frames`` themselves.
        """
        record = self.clips[index]
        span = slice(int(record["start"]), int(record["start"] + record["length"]))
        self.frames[span], self.motion[span] = frames, motion
        if volume is not None:
            self.volume[span] = volume
        if self.decided is not None:
            self.decided[span] = labels.decided_frames(int(record["length"]))
        if self.masks is not None:
            self.masks[span] = NOT_TRACED if masks is None else masks
        clip = self.clips[index : index + 1]
        clip["fps"], clip["heart_rate"], clip["has_volume"] = labels.fps, heart_rate, volume is not None
        clip["ed"], clip["es"] = _padded(labels.ed), _padded(labels.es)
        clip["view"], clip["name"] = labels.view or "", labels.file
        if self._digests is not None:
            source = source or frames_digest(frames)
            self._digests[index] = [list(source), list(self._digest(index, source))]
        # Last: a process that is killed before leaves a clip that is made again.
        clip["done"] = 1


def create_store(
    folder: Path, lengths: Sequence[int], size: int, description: dict[str, object], masks: bool = False
) -> ClipStore:
    """Make an empty store for clips of these lengths, or open the one that an interrupted run began.

    masks: with room for the left ventricle in each frame. description: what the clips are (JSON values); a store in
    ``folder`` with another one is refused. Raises ClipStoreError, also where the disk has too little room for the whole
    store.
    """
    folder = Path(folder)
    full = {"format": FORMAT, "size": size, "lengths": _run_lengths(lengths), **description}
    if is_store(folder):
        if read_description(folder) != json.loads(json.dumps(full)):
            raise ClipStoreError(
                folder.name,
                "holds other clips or other labels (keyframes, fps, view) than asked for; "
                "choose another folder or delete it"
            )
        return ClipStore(folder, writable=True)
    total = int(sum(lengths))
    arrays = {
        "frames.npy": ((total, size, size), np.uint8),
        "motion.npy": ((total, 3, GRID, GRID), np.float16),
        "volume.npy": ((total,), np.float16),
        DECIDED_NAME: ((total,), bool),
        "clips.npy": ((len(lengths),), CLIP),
        DIGESTS_NAME: ((len(lengths), 2, 32), np.uint8),
    }
    if masks:
        arrays[MASKS_NAME] = ((total, size, size), np.uint8)
    _require_room(folder, sum(int(np.prod(shape)) * np.dtype(kind).itemsize for shape, kind in arrays.values()))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name, (shape, kind) in arrays.items():
            _allocate(folder / name, shape, kind)
    except (OSError, ClipStoreError):  # a quota, say: what was allocated would keep the disk full
        remove_store(folder)
        with suppress(OSError):  # it holds something else
            folder.rmdir()
        raise
    clips = np.load(folder / "clips.npy", mmap_mode="r+")
    clips["length"] = lengths
    clips["start"] = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    clips.flush()
    # Last, so that a folder with a description is a whole one.
    with written_atomically(folder / DESCRIPTION_NAME) as path:
        path.write_text(json.dumps(full, indent=1), encoding="utf-8")
    return ClipStore(folder, writable=True)


def _allocate(path: Path, shape: tuple[int, ...], kind: np.dtype | type) -> None:
    array = np.lib.format.open_memmap(path, "w+", kind, shape)
    array.flush()
    del array
    if hasattr(os, "posix_fallocate"):
        # A sparse file would end the process (SIGBUS) where the disk fills up under a memory map.
        with path.open("r+b") as stream:
            try:
                os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
            except OSError as error:
                raise ClipStoreError(path.parent.name, f"no room for {path.name} ({error.strerror})") from error


def _require_room(folder: Path, needed: int) -> None:
    places = (folder.absolute(), *folder.absolute().parents)
    free = shutil.disk_usage(next((place for place in places if place.exists()), folder)).free
    if free < needed:
        raise ClipStoreError(
            folder.name,
            f"needs {_amount(needed)}, the disk has {_amount(free)} left; "
            "free some or ask for fewer clips"
        )


def _amount(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def remove_store(folder: Path) -> None:
    """Delete a store's files, its description first: what an interruption leaves is then no store."""
    arrays = ("frames.npy", "motion.npy", "volume.npy", "clips.npy", DECIDED_NAME, MASKS_NAME, DIGESTS_NAME)
    for name in (DESCRIPTION_NAME, *arrays):
        (folder / name).unlink(missing_ok=True)


def read_description(folder: Path) -> dict[str, object]:
    """What a store's clips are. Raises ClipStoreError where ``folder`` holds none, or one of another version."""
    path = folder / DESCRIPTION_NAME
    try:
        description = json.loads(read_text(path, _WHAT))
        if not isinstance(description, dict) or description.get("format") == FORMAT:
            checked(description, _Description, path, _WHAT)
    except CineError as error:
        raise ClipStoreError(folder.name, f"is no store of clips ({DESCRIPTION_NAME} {error.reason})") from error
    except (ValueError, RecursionError) as error:
        raise ClipStoreError(folder.name, f"is no store of clips ({DESCRIPTION_NAME} is no JSON)") from error
    if description.get("format") != FORMAT:
        raise ClipStoreError(folder.name, "was made by another version; make it again")
    return description


def _run_lengths(lengths: Sequence[int]) -> list[list[int]]:
    """[[length, how often in a row], ...]: short for the usual store, whose clips are all alike."""
    runs: list[list[int]] = []
    for length in lengths:
        if runs and runs[-1][0] == length:
            runs[-1][1] += 1
        else:
            runs.append([int(length), 1])
    return runs


def _padded(events: Sequence[float]) -> np.ndarray:
    if len(events) > MOST_EVENTS:
        raise ClipStoreError(f"a clip has {len(events)} keyframes of a kind, at most {MOST_EVENTS} fit; cut it")
    return np.pad(np.asarray(events, float), (0, MOST_EVENTS - len(events)), constant_values=np.nan)
