"""Clips with borders, in a folder: what a contour network learns from. Simulated ones have the border of every frame,
those of a labelled set (``labelled_pool``) of the frames that it traced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ...atomic_file import written_atomically
from ...cine.cine import CineError
from ...simulator.config import PhantomConfig
from ...simulator.phantom import simulate

APICAL = ("A4C", "A2C", "A3C")
"""Views that are traced."""

POOL_NAME = "pool.json"
CLIPS_A_FILE = 200
FORMAT = 1
SIMULATED = "simulated"
_NEEDED, _OF_SETS = ("frames", "contours", "views"), ("patients", "sources")
"""Arrays in a file of clips."""

CONFIG = PhantomConfig(
    frames=12, size=128, rows=128, beams=88, fps=(10.0, 20.0), view_weights=(5.0, 2.0, 2.0, 1.0, 1.0, 0.5),
    traced=True, transcoding=0.0,
)  # fmt: skip
"""Frames of about one beat, a little larger than the network's, so that each can be looked at in many ways."""


class PoolError(CineError):
    """A folder is no pool of clips with borders. One line: which folder, what is wrong, what to do."""


@dataclass(frozen=True, eq=False)
class Pool:
    """frames: uint8 ``[N, T, S, S]``. contours: float32 ``[N, T, BORDER_POINTS, 2]`` in pixels, NaN where none was
    traced and in short axis. views: of each clip. kind: ``"simulated"``, or the form of the labelled set. first_seed:
    of simulated clips, which follow. patients: numbers that tell a set's patients apart. sources: ``short_digest`` of
    the decoded frames that each clip was made of."""

    frames: np.ndarray
    contours: np.ndarray
    views: np.ndarray
    kind: str = SIMULATED
    first_seed: int | None = None
    patients: np.ndarray | None = None
    sources: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.views)

    def part(self, clips: slice) -> Pool:
        first = None if self.first_seed is None else self.first_seed + (clips.start or 0)
        patients, sources = (None if array is None else array[clips] for array in (self.patients, self.sources))
        return Pool(self.frames[clips], self.contours[clips], self.views[clips], self.kind, first, patients, sources)

    @property
    def apical(self) -> np.ndarray:
        """bool ``[N]``: whether a clip is to be traced."""
        return np.isin(self.views, APICAL)

    def traced(self, clip: int) -> np.ndarray:
        """Numbers of a clip's frames that have a border."""
        return np.flatnonzero(np.isfinite(self.contours[clip]).all(axis=(1, 2)))


def simulate_pool(
    folder: Path, count: int, seed: int, config: PhantomConfig = CONFIG, progress: bool = False
) -> None:
    """Write ``count`` clips with seeds from ``seed`` on; files that are there already stay.

    Raises PoolError where the folder holds a pool of other clips, OSError where it cannot be written.
    """
    begin_pool(folder, {"first_seed": seed, "phantom": asdict(config)})
    starts = range(0, count, CLIPS_A_FILE)
    for start in tqdm(starts, unit="file", disable=None if progress else True):
        path = clips_path(folder, start)
        if not path.exists():
            batch = simulate(range(seed + start, seed + min(start + CLIPS_A_FILE, count)), config)
            write_clips(path, frames=batch.frames.numpy(), contours=batch.contour.numpy(), views=np.array(batch.view))


def begin_pool(folder: Path, described: dict[str, object]) -> None:
    """A folder for the files of a pool, which says of what clips it is; one that was begun with the same goes on.

    Raises PoolError where it holds a pool of other clips, OSError where it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = json.loads(json.dumps({"format": FORMAT, **described}))
    if is_pool(folder) and _told(folder) != told:
        raise PoolError(folder.name, "holds clips of other seeds or settings, or of another set; choose another folder")
    with written_atomically(folder / POOL_NAME) as temporary:
        temporary.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def clips_path(folder: Path, first: int) -> Path:
    """The file of ``CLIPS_A_FILE`` clips or fewer, from this one on."""
    return folder / f"clips-{first:06d}.npz"


def write_clips(path: Path, **arrays: np.ndarray) -> None:
    """Write a file of clips, whole or not at all: see ``Pool`` for the arrays. Raises OSError."""
    with written_atomically(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def load_pool(folder: Path) -> Pool:
    """All clips of a pool in memory. Raises PoolError for a folder that holds none."""
    told, files = _told(folder), sorted(folder.glob("clips-*.npz"))
    if not files:
        raise PoolError(folder.name, "holds no clips")
    parts = list(_read(files))
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Pool(**arrays, kind=str(told.get("set", SIMULATED)), first_seed=told.get("first_seed"))


def is_pool(folder: Path) -> bool:
    """Whether a folder holds clips with borders."""
    return (folder / POOL_NAME).is_file()


def _told(folder: Path) -> dict:
    try:
        told = json.loads((folder / POOL_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise PoolError(folder.name, "holds no labelled set and no clips with borders; 'echokeyframe phantom "
                        "--borders' simulates some") from None  # fmt: skip
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise PoolError(folder.name, "was written by another version; simulate it anew")
    return told


def _read(files: list[Path]) -> Iterator[dict[str, np.ndarray]]:
    for path in files:
        try:
            with np.load(path, allow_pickle=False) as stored:
                yield {name: stored[name] for name in (*_NEEDED, *(set(_OF_SETS) & set(stored.files)))}
        except (OSError, ValueError, KeyError) as error:
            raise PoolError(path.name, f"cannot be read ({' '.join(str(error).split())})") from None
