"""A store of cines that nobody has labelled."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ...cine.cine import Cine, CineError
from ...cine.frames_digest import frames_digest
from ...cine.prepare import prepare
from ...cine.read import read_cine
from ...cine.sector import find_sector
from ...datasets.clip_labels import ClipLabels
from ...detection.detect import FEWEST_FRAMES
from ...detection.motion_features import clip_motion
from .clip_store import ClipStore, ClipStoreError, create_store, is_store, read_description, remove_store

Read = Callable[[Path], Cine]
Tell = Callable[[str], None]


FEWEST_CINES = 10
"""Fewer show too little of a scanner and leave nothing to check on."""


def store_unlabelled(
    folder: Path,
    paths: Sequence[Path],
    size: int,
    tell: Tell,
    fps: float | None = None,
    view: str | None = None,
    remake: bool = False,
    progress: bool = True,
) -> ClipStore:
    """Make a store of unlabelled cines, each prepared to ``size``, or finish one that was begun.

    fps, view: those of all cines, in place of what the files say (``read_cine``). remake: make a store again that holds
    other cines, or the same ones read or prepared in another way. What cannot be read or is no loop is told in one line
    and left out. The store names its clips by number and holds no file's name.

    Raises ClipStoreError where fewer than ``FEWEST_CINES`` are left, or such a store is not to be made again.
    """
    read = partial(read_cine, fps=fps, view=view)
    asked = {"kind": "unlabelled", "files": _digest(paths), "read": {"fps": fps, "view": view}}
    differing = _difference(read_description(folder), {**asked, "size": size}) if is_store(folder) else ""
    if differing and not remake:
        raise ClipStoreError(folder.name, f"{differing}, and was learned from; choose another folder")
    if differing or not is_store(folder):
        lengths = _lengths(paths, read, tell, progress)
        if len(lengths) < FEWEST_CINES:
            raise ClipStoreError(f"{len(lengths)} cines can be used, at least {FEWEST_CINES} are needed; give more")
        if differing:
            tell(f"{folder.name}: {differing}; made again")
            remove_store(folder)
        # Which of the paths a clip came from, so that a store that was begun can be finished without reading all again.
        create_store(folder, list(lengths.values()), size, {**asked, "members": list(lengths)})
    store = ClipStore(folder, writable=True)
    missing = np.flatnonzero(store.clips["done"] == 0).tolist()
    for index in tqdm(missing, desc="prepare", unit="cine", disable=None if progress else True):
        path = paths[store.description["members"][index]]
        cine = read(path)
        if len(cine) != store.clips["length"][index]:
            raise CineError(path.name, f"has changed since it was first read; delete {folder} to start anew")
        frames = prepare(cine, find_sector(cine), size)
        labels = ClipLabels(f"cine-{index:05d}", (), (), len(cine), cine.fps, cine.view)
        store.write(index, frames, clip_motion(frames).features, labels, source=frames_digest(cine.frames))
    return ClipStore(folder)


def _difference(found: dict[str, object], asked: dict[str, object]) -> str:
    """In what a store differs from the one that is asked for, in a few words; empty where it does not."""
    if (found.get("kind"), found.get("files")) != (asked["kind"], asked["files"]):
        return "holds other cines than given"
    if found.get("read") != asked["read"]:
        return f"holds cines read with {_reading(found.get('read'))}, not with {_reading(asked['read'])}"
    if found.get("size") != asked["size"]:
        return f"holds frames {found.get('size')} pixels wide, not {asked['size']}"
    return ""


def _reading(options: object) -> str:
    if not isinstance(options, dict):
        return "a frame rate and view that it does not name"
    fps, view = options.get("fps"), options.get("view")
    rate = "their own frame rates" if fps is None else f"--fps {fps:g}"
    return rate if view is None else f"{rate} and --view {view}"


def _lengths(paths: Sequence[Path], read: Read, tell: Tell, progress: bool) -> dict[int, int]:
    """Number of frames of each cine that can be used, by its place among ``paths``."""
    lengths: dict[int, int] = {}
    for place, path in enumerate(tqdm(paths, desc="read", unit="cine", disable=None if progress else True)):
        try:
            frames = len(read(path))
        except CineError as error:
            tell(f"failed: {path.name}: {error.reason}")
            continue
        except OSError as error:
            tell(f"failed: {path.name}: {error.strerror or type(error).__name__}")
            continue
        if frames < FEWEST_FRAMES:
            tell(f"{path.name}: passed over, has {frames} frame{'s' * (frames > 1)}, so it is no loop")
        else:
            lengths[place] = frames
    return lengths


def _digest(paths: Sequence[Path]) -> str:
    """Tells one list of files from another without naming them."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(os.fsencode(path) + b"\0%d\0" % path.stat().st_size)
    return digest.hexdigest()
