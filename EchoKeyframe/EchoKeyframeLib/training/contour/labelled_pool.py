"""A pool of a labelled set: the frames around each beat that it traced, with the borders that it has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ...cine.cine import Cine, CineError
from ...cine.frames_digest import frames_digest, short_digest
from ...cine.prepare import prepare
from ...cine.prepared_pixels import PreparedPixels
from ...cine.sector import find_sector
from ...datasets.dataset import Dataset, LabelledCine
from ...detection.keyframes import Phase
from ...measurement.contour import Contour, MeasurementError, evenly_spaced
from ...measurement.disks import cut
from ...models.loop_images import LOOK_BACK
from ...simulator.border import BORDER_POINTS, POINTS_A_WALL
from ..stores.fill_store import file_sha256
from .pool import APICAL, CLIPS_A_FILE, CONFIG, PoolError, begin_pool, clips_path, write_clips


def store_labelled_pool(folder: Path, dataset: Dataset, leave_out: bool = False, progress: bool = False) -> list[str]:
    """Write the traced clips of a set as a pool; files that are there already stay.

    leave_out: go on without cines that cannot be read or whose tracing is no wall; else the first of them ends it.
    Returns a line for each that was left out now. Raises CineError, PoolError where the folder holds a pool of other
    clips or nothing is traced, OSError where it cannot be written.
    """
    cines = [cine for cine in dataset.cines if cine.masks and cine.labels.view in APICAL and _traced(cine)]
    if not cines:
        raise PoolError(dataset.folder.name, f"{dataset.form} without a traced left ventricle in an apical view")
    patients = {name: number for number, name in enumerate(dict.fromkeys(map(_patient, cines)))}
    begin_pool(folder, {"set": dataset.form, "sha256": _digest(cines, progress)})
    left_out: list[str] = []
    with tqdm(total=len(cines), unit="cine", disable=None if progress else True) as bar:
        for start in range(0, len(cines), CLIPS_A_FILE):
            some, path = cines[start : start + CLIPS_A_FILE], clips_path(folder, start)
            if not path.exists() and (rows := list(_rows(some, patients, left_out if leave_out else None, bar))):
                frames, contours, views, numbers, sources = (np.array(column) for column in zip(*rows, strict=True))
                write_clips(path, frames=frames, contours=contours, views=views, patients=numbers, sources=sources)
    return left_out


def _rows(
    cines: Iterable[LabelledCine], patients: dict[str, int], left_out: list[str] | None, bar: tqdm
) -> Iterable[tuple[np.ndarray, np.ndarray, str, int, str]]:
    for cine in cines:
        try:
            read = cine.read()
            source = short_digest(frames_digest(read.frames))
            clips = list(traced_clips(cine, read))
        except CineError as error:
            told = CineError(cine.labels.file, str(error)) if isinstance(error, MeasurementError) else error
            if left_out is None:
                raise told from None
            left_out.append(str(told))
        else:
            for frames, contours in clips:
                yield frames, contours, str(cine.labels.view), patients[_patient(cine)], source
        bar.update()


def traced_clips(labelled: LabelledCine, cine: Cine) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Clips of a cine as a pool has them: frames uint8 ``[T, S, S]`` of about the second around the traced ED and ES,
    contours float32 ``[T, BORDER_POINTS, 2]``, NaN where none was traced. One clip, or two where ED and ES are of
    different beats.

    Raises MeasurementError where a keyframe's tracing is no wall, CineError where it cannot be read.
    """
    sector = find_sector(cine)
    prepared, pixels = prepare(cine, sector, CONFIG.size), PreparedPixels(cine, sector, CONFIG.size)
    phases = _traced(labelled)
    for wanted in beats_of(phases, cine.times):
        places = _places(wanted, cine.times)
        borders = np.full((len(places), BORDER_POINTS, 2), np.nan, np.float32)
        for row, frame in enumerate(places.tolist()):
            if frame in labelled.masks.frames:
                try:
                    contour = labelled.masks.contour(frame, phases.get(frame, Phase.ED))
                except CineError:
                    if frame in wanted:
                        raise
                    continue  # one of many between the keyframes
                borders[row] = pixels.of_cine(border_of(contour, cine.spacing))
        yield prepared[places], borders


def border_of(contour: Contour, spacing: tuple[float, float] | None) -> np.ndarray:
    """A contour's points as the simulator gives them, the apex in the middle: float64 ``[BORDER_POINTS, 2]``."""
    apex = np.array(cut(contour, spacing).apex)
    tip = int(np.hypot(*(contour.points - apex).T).argmin())
    tip = min(max(tip, 1), len(contour.points) - 2)
    walls = contour.points[: tip + 1], contour.points[tip:]
    first, second = (evenly_spaced(wall, POINTS_A_WALL) for wall in walls)
    points = np.concatenate([first, second[1:]])
    return points if points[0, 0] <= points[-1, 0] else points[::-1]


def _traced(cine: LabelledCine) -> dict[int, Phase]:
    """Its keyframes that have a tracing, with their phases."""
    keyframes = [(round(place), phase) for place, phase in cine.labels.in_order()]
    return {frame: phase for frame, phase in keyframes if cine.masks and frame in cine.masks.frames}


def beats_of(frames: Iterable[int], times: np.ndarray) -> list[list[int]]:
    """Traced keyframes in groups that a clip of ``LOOK_BACK`` holds."""
    groups: list[list[int]] = []
    for frame in sorted(frames):
        if groups and times[frame] - times[groups[-1][0]] <= LOOK_BACK:
            groups[-1].append(frame)
        else:
            groups.append([frame])
    return groups


def _places(wanted: Sequence[int], times: np.ndarray) -> np.ndarray:
    """Frames of a clip, ascending: evenly spaced over ``LOOK_BACK`` around the wanted ones, these among them."""
    middle = (times[wanted[0]] + times[wanted[-1]]) / 2
    first, last = np.searchsorted(times, [middle - LOOK_BACK / 2, middle + LOOK_BACK / 2])
    first, last = min(first, wanted[0]), max(last - 1, wanted[-1])
    places = np.linspace(first, last, CONFIG.frames).round().astype(int)
    taken: list[int] = []
    for frame in wanted:
        rows = np.abs(places - frame)
        rows[taken] = len(times)  # each has a place of its own
        taken.append(int(rows.argmin()))
        places[taken[-1]] = frame
    return np.sort(places)


def _patient(cine: LabelledCine) -> str:
    return cine.patient or f"file {cine.labels.file}"


def _digest(cines: Sequence[LabelledCine], progress: bool) -> str:
    """Of files and tracings: a set that was mended is another one."""
    digest = hashlib.sha256()
    for cine in tqdm(cines, unit="file", disable=None if progress else True):
        try:
            digest.update(cine.labels.file.encode("utf-8", "replace") + file_sha256(cine.path).encode())
        except OSError as error:
            raise CineError(cine.labels.file, f"cannot be read ({error.strerror})") from None
        for frame in _traced(cine):
            digest.update(np.float64([frame, cine.masks.area(frame)]).tobytes())
    return digest.hexdigest()
