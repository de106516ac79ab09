"""A detector's curves of what is new in a film, carried back to all its frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..cine.budget import require_memory
from ..cine.cine import Cine
from ..cine.sector import Sector, bounding_box
from .detector import Detector, Progress
from .film import Film
from .keyframes import Curves


def film_curves(
    cine: Cine, sector: Sector, film: Film, detector: Detector, progress: Progress | None = None
) -> Curves:
    """ED and ES probability of every frame of the cine.

    The detector is shown the new frames, one after another. A frame that repeats another, or mixes two, lies between
    those; a replay has the values of what it shows. Raises what the detector raises.
    """
    if film.new.all():
        return detector.curves(cine, sector, progress)
    frames, new = np.arange(len(cine)), np.flatnonzero(film.new)
    found = detector.curves(*_taken(cine, sector, new), progress)
    columns = [np.interp(frames, new, found.probability[:, column]) for column in range(2)]
    probability = np.stack(columns, axis=1).astype(np.float32)
    again = film.replayed
    probability[again] = probability[film.shows[again]]
    return replace(found, probability=probability, times=cine.times)


def _taken(cine: Cine, sector: Sector, frames: np.ndarray) -> tuple[Cine, Sector]:
    """A cine of these frames alone and its sector. Neighbours are looked at where they lie; else the sector's box is
    copied. Raises CineError where memory does not suffice."""
    times, source = cine.times[frames], cine.source
    if source.frame_numbers is not None:
        source = replace(source, frame_numbers=tuple(source.frame_numbers[frame] for frame in frames))
    if len(frames) == frames[-1] - frames[0] + 1:
        part = slice(int(frames[0]), int(frames[-1]) + 1)
        return replace(cine, frames=cine.frames[part], times=times, source=source), sector
    box = sector.box
    require_memory(cine.source.name, len(frames) * box.height * box.width * (3 if cine.is_color else 1))
    pixels = np.stack([cine.frames[frame][box.slices] for frame in frames])
    mask = sector.mask[box.slices]
    cut = replace(cine, frames=pixels, times=times, source=source, region=None)
    return cut, replace(sector, mask=mask, box=bounding_box(mask))
