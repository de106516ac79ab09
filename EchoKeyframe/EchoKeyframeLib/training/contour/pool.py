"""Simulated clips with the border of every frame, in a folder: what a contour network learns from."""

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
from ...simulator.phantom import PhantomBatch, simulate

APICAL = ("A4C", "A2C", "A3C")
"""Views that are traced."""

POOL_NAME = "pool.json"
CLIPS_A_FILE = 200
FORMAT = 1

CONFIG = PhantomConfig(
    frames=12, size=128, rows=128, beams=88, fps=(10.0, 20.0), view_weights=(5.0, 2.0, 2.0, 1.0, 1.0, 0.5),
    traced=True, transcoding=0.0,
)  # fmt: skip
"""Frames of about one beat, a little larger than the network's, so that each can be looked at in many ways."""


class PoolError(CineError):
    """A folder is no pool of simulated borders. One line: which folder, what is wrong, what to do."""


@dataclass(frozen=True, eq=False)
class Pool:
    """frames: uint8 ``[N, T, S, S]``. contours: float32 ``[N, T, BORDER_POINTS, 2]`` in pixels, NaN in short axis.
    views: of each clip. first_seed: of the clips, which follow."""

    frames: np.ndarray
    contours: np.ndarray
    views: np.ndarray
    first_seed: int

    def __len__(self) -> int:
        return len(self.views)

    def part(self, clips: slice) -> Pool:
        first = self.first_seed + (clips.start or 0)
        return Pool(self.frames[clips], self.contours[clips], self.views[clips], first)

    @property
    def apical(self) -> np.ndarray:
        """bool ``[N]``: whether a clip is to be traced."""
        return np.isin(self.views, APICAL)


def simulate_pool(
    folder: Path, count: int, seed: int, config: PhantomConfig = CONFIG, progress: bool = False
) -> None:
    """Write ``count`` clips with seeds from ``seed`` on; files that are there already stay.

    Raises PoolError where the folder holds a pool of other clips, OSError where it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = {"format": FORMAT, "first_seed": seed, "phantom": asdict(config)}
    told = json.loads(json.dumps(told))
    if (folder / POOL_NAME).exists() and _told(folder) != told:
        raise PoolError(folder.name, "holds clips of other seeds or settings; choose another folder")
    (folder / POOL_NAME).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    starts = range(0, count, CLIPS_A_FILE)
    for start in tqdm(starts, unit="file", disable=None if progress else True):
        path = folder / f"clips-{start:06d}.npz"
        if not path.exists():
            _write(path, simulate(range(seed + start, seed + min(start + CLIPS_A_FILE, count)), config))


def load_pool(folder: Path) -> Pool:
    """All clips of a pool in memory. Raises PoolError for a folder that holds none."""
    told, files = _told(folder), sorted(folder.glob("clips-*.npz"))
    if not files:
        raise PoolError(folder.name, "holds no simulated clips")
    parts = list(_read(files))
    arrays = (np.concatenate([part[name] for part in parts]) for name in ("frames", "contours", "views"))
    return Pool(*arrays, first_seed=int(told["first_seed"]))


def is_pool(folder: Path) -> bool:
    """Whether a folder holds clips with borders."""
    return (folder / POOL_NAME).is_file()


def _told(folder: Path) -> dict:
    try:
        told = json.loads((folder / POOL_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise PoolError(folder.name, "is no pool of simulated borders; 'echokeyframe phantom --borders' makes one"
                        ) from None  # fmt: skip
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise PoolError(folder.name, "was written by another version; simulate it anew")
    return told


def _read(files: list[Path]) -> Iterator[dict[str, np.ndarray]]:
    for path in files:
        try:
            with np.load(path, allow_pickle=False) as stored:
                yield {name: stored[name] for name in ("frames", "contours", "views")}
        except (OSError, ValueError, KeyError) as error:
            raise PoolError(path.name, f"cannot be read ({' '.join(str(error).split())})") from None


def _write(path: Path, batch: PhantomBatch) -> None:
    with written_atomically(path) as temporary, temporary.open("wb") as file:
        np.savez(file, frames=batch.frames.numpy(), contours=batch.contour.numpy(), views=np.array(batch.view))
