"""When R waves were, as a DICOM file states it: R Wave Time Vector (0018,6060) or R Wave Pointer (0028,6040)."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from .dicom_file import numbers


def stated_r_waves(
    header: Dataset, order: np.ndarray, times: np.ndarray, heart_rate: float | None, phrase: str, doubts: list[str]
) -> tuple[float, ...]:
    """Seconds of the R waves inside the clip; doubts gets a line for what contradicts heart rate or length.

    order, times: the stored index and the time of each frame. The vector, in ms from the first frame, is finer than
    the pointer, which names frames, from 1, and is believed first.
    """
    keyword, waves = "RWaveTimeVector", np.array([v / 1000 for v in numbers(header, "RWaveTimeVector")])
    waves = np.unique(waves[np.isfinite(waves)])
    if not len(waves):
        keyword, waves = "RWavePointer", _pointed_times(header, order, times, doubts)
    if len(waves) > 1:
        by_waves = 60 / float(np.median(np.diff(waves)))
        if heart_rate and abs(by_waves / heart_rate - 1) > 0.15:
            doubts.append(f"{keyword} means {by_waves:.3g} bpm but HeartRate says {heart_rate:g} bpm")
    interval = times[-1] / (len(times) - 1) if len(times) > 1 else 0.0
    inside = waves[(waves >= 0) & (waves <= times[-1] + interval)]
    if len(inside) < len(waves) and len(times) > 1:
        outside = next(w for w in waves if w not in inside)
        doubts.append(f"{keyword} has an R wave at {outside:.3g} s but {phrase} makes the clip {times[-1]:.3g} s long")
    return tuple(float(w) for w in inside)


def _pointed_times(header: Dataset, order: np.ndarray, times: np.ndarray, doubts: list[str]) -> np.ndarray:
    """Times of the frames that R Wave Pointer names by their numbers in the file."""
    pointed = [v for v in numbers(header, "RWavePointer") if np.isfinite(v)]
    if not pointed or len(times) < 2:
        return np.array([])
    first = 1
    if 0 in pointed:
        doubts.append("RWavePointer names a frame 0, so its frames are counted from 0 instead of 1")
        first = 0
    position = {int(stored): place for place, stored in enumerate(order)}
    known = [position[int(v) - first] for v in pointed if int(v) - first in position]
    if len(known) < len(pointed):
        beyond = next(v for v in pointed if int(v) - first not in position)
        doubts.append(f"RWavePointer names frame {beyond:g} of {len(times)}; it is ignored")
    return times[np.unique(known)] if known else np.array([])
