"""A store of cines that nobody has labelled."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..cine.cine import Cine, CineError
from ..cine.prepare import prepare
from ..cine.sector import find_sector
from ..datasets.clip_labels import ClipLabels
from ..detection.detect import FEWEST_FRAMES
from ..detection.motion_features import motion_features
from .clip_store import ClipStore, ClipStoreError, create_store, is_store

Read = Callable[[Path], Cine]
Tell = Callable[[str], None]


FEWEST_CINES = 10
"""Fewer show too little of a scanner and leave nothing to check on."""


def store_unlabelled(
    folder: Path, paths: Sequence[Path], read: Read, size: int, tell: Tell, progress: bool = True
) -> ClipStore:
    """Make a store of unlabelled cines, each opened by ``read`` and prepared to ``size``, or finish one that was begun.

    What cannot be read or is no loop is told in one line and left out. The store names its clips by number and holds
    no file's name. Raises ClipStoreError where fewer than ``FEWEST_CINES`` are left or ``folder`` holds other cines.
    """
    files = _digest(paths)
    if is_store(folder):
        store = ClipStore(folder, writable=True)
        if store.description.get("files") != files or store.size != size:
            raise ClipStoreError(f"{folder.name}: holds other cines than given; choose another folder or delete it")
    else:
        lengths = _lengths(paths, read, tell, progress)
        if len(lengths) < FEWEST_CINES:
            raise ClipStoreError(f"{len(lengths)} cines can be used, at least {FEWEST_CINES} are needed; give more")
        # Which of the paths a clip came from, so that a store that was begun can be finished without reading all again.
        description = {"kind": "unlabelled", "files": files, "members": list(lengths)}
        store = create_store(folder, list(lengths.values()), size, description)
    missing = np.flatnonzero(store.clips["done"] == 0).tolist()
    for index in tqdm(missing, desc="prepare", unit="cine", disable=None if progress else True):
        path = paths[store.description["members"][index]]
        cine = read(path)
        if len(cine) != store.clips["length"][index]:
            raise CineError(f"{path.name}: has changed since it was first read; delete {folder} to start anew")
        frames = prepare(cine, find_sector(cine), size)
        labels = ClipLabels(f"cine-{index:05d}", (), (), len(cine), cine.fps, cine.view)
        store.write(index, frames, motion_features(frames), labels)
    return ClipStore(folder)


def _lengths(paths: Sequence[Path], read: Read, tell: Tell, progress: bool) -> dict[int, int]:
    """Number of frames of each cine that can be used, by its place among ``paths``."""
    lengths: dict[int, int] = {}
    for place, path in enumerate(tqdm(paths, desc="read", unit="cine", disable=None if progress else True)):
        try:
            frames = len(read(path))
        except CineError as error:
            tell(f"left out: {error}")
            continue
        except OSError as error:
            tell(f"left out: {path.name}: {error.strerror or type(error).__name__}")
            continue
        if frames < FEWEST_FRAMES:
            tell(f"left out: {path.name}: has {frames} frame{'s' * (frames > 1)}, so it is no loop")
        else:
            lengths[place] = frames
    return lengths


def _digest(paths: Sequence[Path]) -> str:
    """Tells one list of files from another without naming them."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(os.fsencode(path) + b"\0%d\0" % path.stat().st_size)
    return digest.hexdigest()
