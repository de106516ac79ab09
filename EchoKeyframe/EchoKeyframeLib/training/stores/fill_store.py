"""Fills a store of clips: from the simulator, or from labelled cines."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ...cine.cine import Cine, CineError
from ...cine.frames_digest import frames_digest
from ...cine.prepare import prepare
from ...cine.sector import Sector, find_sector
from ...datasets.clip_labels import ClipLabels, LabelError
from ...datasets.dataset import LabelledCine, VentricleMasks
from ...datasets.decided import spans_of
from ...detection.keyframes import Phase
from ...detection.motion_features import clip_motion
from ...simulator.clip_labels import clip_labels, clip_name
from ...simulator.config import PhantomConfig
from ...simulator.phantom import simulate
from .clip_store import INSIDE_LV, MOST_EVENTS, NOT_TRACED, OUTSIDE_LV, ClipStore, create_store

CLIPS_AT_ONCE = 8


def simulate_store(
    folder: Path,
    clips: int,
    config: PhantomConfig | None = None,
    first_seed: int = 0,
    processes: int = 1,
    device: str = "cpu",
    progress: bool = True,
) -> ClipStore:
    """Make a store of ``clips`` simulated clips with seeds from ``first_seed`` on, or finish one that was begun.

    A clip depends on its seed and the configuration only, not on the number of processes. Keep the seeds of training
    and held-out clips apart. Raises ClipStoreError, see ``create_store``.
    """
    config = config or PhantomConfig()
    description = {"kind": "simulated", "first_seed": first_seed, "phantom": asdict(config)}
    store = create_store(folder, [config.frames] * clips, config.size, description, config.mask)
    missing = np.flatnonzero(store.clips["done"] == 0).tolist()
    at_once = max(1, min(CLIPS_AT_ONCE, len(missing) // processes))
    parts = [missing[i : i + at_once] for i in range(0, len(missing), at_once)]
    with tqdm(total=clips, initial=clips - len(missing), unit="clip", disable=None if progress else True) as bar:
        if processes <= 1:
            for part in parts:
                bar.update(_simulate_part(folder, part, config, first_seed, device))
        else:
            _in_processes(parts, processes, bar.update, folder, config, first_seed, device)
    return ClipStore(folder)


def _in_processes(parts: list[list[int]], processes: int, done: Callable[[int], object], *arguments) -> None:
    folder, *rest = arguments
    # Started afresh, not forked: a fork of a process that has used torch or OpenCV threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        futures = [pool.submit(_simulate_part, folder, part, *rest) for part in parts]
        try:
            for future in as_completed(futures):
                done(future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _simulate_part(folder: Path, part: Sequence[int], config: PhantomConfig, first_seed: int, device: str) -> int:
    store = ClipStore(folder, writable=True)
    batch = simulate([first_seed + index for index in part], config, device)
    frames, volume = batch.frames.cpu().numpy(), batch.volume.cpu().numpy()
    masks = None if batch.mask is None else batch.mask.cpu().numpy()
    for k, index in enumerate(part):
        labels = clip_labels(clip_name(first_seed + index), batch, k)
        mask = None if masks is None else masks[k]
        features = clip_motion(frames[k]).features
        store.write(index, frames[k], features, labels, float(batch.heart_rate[k]), volume[k], mask)
    return len(part)


def store_labelled(
    folder: Path, cines: Sequence[LabelledCine], size: int, progress: bool = True, masks: bool = False
) -> ClipStore:
    """Make a store from labelled cines (``Dataset.cines``), prepared to ``size``; one cine is held at a time.

    masks: with the left ventricles that the set has traced, for a segmentation to learn from.
    Cines whose labels decide no frame are left out. Raises LabelError where a label cannot be right, CineError where a
    cine cannot be read: a training set is either sound or mended (``echokeyframe check`` says what is to be mended).
    """
    cines = [cine for cine in cines if cine.labels.decided != ()]
    for cine in cines:  # before any is read: a set takes hours
        _require_trainable(cine.labels)
    clips = [_checked(c.labels, c.read()) for c in tqdm(cines, unit="clip", disable=None if progress else True)]
    described = [_described(cine, clip.frames) for cine, clip in zip(cines, clips, strict=True)]
    description: dict[str, object] = {"kind": "labelled", "clips": described}
    if masks:
        description["masks"] = True
    store = create_store(folder, [labels.frames for labels in clips], size, description, masks)
    for index in np.flatnonzero(store.clips["done"] == 0).tolist():
        # Read a second time rather than held: a set of cines does not fit into memory.
        cine = cines[index].read()
        sector = find_sector(cine)
        frames = prepare(cine, sector, size)
        traced = prepared_masks(cines[index].masks, cine, sector, size) if masks else None
        source = frames_digest(cine.frames)
        store.write(index, frames, clip_motion(frames).features, clips[index], masks=traced, source=source)
    return ClipStore(folder)


def prepared_masks(masks: VentricleMasks | None, cine: Cine, sector: Sector, size: int) -> np.ndarray | None:
    """Traced left ventricles as uint8 ``[T, size, size]``, moved as ``prepare`` moves the frames; None without any."""
    if masks is None or not masks.frames:
        return None
    prepared = np.full((len(cine), size, size), NOT_TRACED, np.uint8)
    for frame in masks.frames:
        white = Cine(255 * masks.mask(frame)[None], np.zeros(1), cine.source, spacing=cine.spacing)
        prepared[frame] = np.where(prepare(white, sector, size)[0] >= 128, INSIDE_LV, OUTSIDE_LV)
    return prepared


def holds(store: ClipStore, cines: Sequence[LabelledCine]) -> bool:
    """Whether a store is whole and holds these cines, as their files are now, with these labels, so that it need not be
    made again."""
    wanted = [cine for cine in cines if cine.labels.decided != ()]
    stored = store.description.get("clips", [])
    same = len(stored) == len(wanted) and all(
        clip == _described(cine, clip["frames"]) for clip, cine in zip(stored, wanted, strict=True)
    )
    return store.is_complete and same


def _described(cine: LabelledCine, frames: int) -> dict[str, object]:
    """What the description says of a clip of that many frames, as JSON values: rate and view as they are labelled, null
    where the cine's own are taken, so that labels can be compared without decoding the cine; and its file's SHA-256."""
    decided = spans_of(cine.labels.decided_frames(frames))
    labels = asdict(replace(cine.labels, frames=frames, decided=decided))
    return json.loads(json.dumps({**labels, "file_sha256": file_sha256(cine.path)}))


def file_sha256(path: Path) -> str:
    """Of a cine's file, and of the pixels beside it that a MetaImage header leads to."""
    digest = hashlib.sha256()
    beside = [path.with_suffix(suffix) for suffix in (".raw", ".zraw")] if path.suffix.lower() == ".mhd" else []
    for file in (path, *filter(Path.is_file, beside)):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _require_trainable(labels: ClipLabels) -> None:
    """Raise LabelError where a phase is not labelled, or has more keyframes than a store has room for."""
    if not labels.ed or not labels.es:
        phase, other = ("ED", "ES") if labels.ed else ("ES", "ED")
        raise LabelError(
            labels.file, f"has {phase} but no {other}; label both to train on it (outside=1 if just outside the clip)"
        )
    for phase in Phase:
        if (count := len(labels.of(phase))) > MOST_EVENTS:
            raise LabelError(
                labels.file,
                f"has {count} {phase.value} keyframes, a store holds at most {MOST_EVENTS} of a phase; "
                "cut the cine into shorter ones"
            )


def _checked(labels: ClipLabels, cine: Cine) -> ClipLabels:
    """The labels with the cine's own length and rate."""
    fps = labels.fps or cine.fps
    if fps is None:
        raise CineError(labels.file, "a single frame cannot be trained on")
    decided = spans_of(labels.decided_frames(len(cine)))
    return ClipLabels(labels.file, labels.ed, labels.es, len(cine), fps, labels.view or cine.view, decided)
