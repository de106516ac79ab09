"""Makes the time stamps of a video strictly increasing where its container's are not."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from .cine import HIGHEST_FRAME_RATE, CineError

_ASSUMED_RATE = 25.0  # frames per second, where nothing is known


def repaired_times(
    stamps: Sequence[float | None], nominal_rate: float, name: str
) -> tuple[np.ndarray, str, list[str]]:
    """Frame times from time stamps in seconds, of which some may be missing, repeated or run backward.

    The longest strictly increasing series of stamps is believed; frames between its members are spread evenly. Where
    that leaves less than half the frames, the nominal rate (frames per second) stands in for all.

    Returns float64 ``[T]`` that starts at 0 and strictly increases, where it comes from, and warnings.
    Raises CineError if there are no stamps.
    """
    if not stamps:
        raise CineError(name, "holds no frames")
    given = np.array([np.nan if stamp is None else stamp for stamp in stamps], np.float64)
    if len(given) == 1:
        return np.zeros(1), "single frame", []
    kept = _longest_increasing(given)
    if 2 * len(kept) < len(given) or len(kept) < 2:
        return _constant_rate(len(given), nominal_rate, bool(np.isfinite(given).any()))
    index = np.arange(len(given), dtype=np.float64)
    times = np.interp(index, kept, given[kept])
    step = float(np.median(np.diff(given[kept]) / np.diff(kept)))
    first, last = kept[0], kept[-1]
    times[:first] = times[first] - step * (first - index[:first])
    times[last + 1 :] = times[last] + step * (index[last + 1 :] - last)
    times -= times[0]
    if (np.diff(times) <= 0).any():
        # Stamps so far apart in size that the steps between them vanish in rounding.
        return _constant_rate(len(given), nominal_rate, True)
    warnings = []
    if len(kept) < len(given):
        bad = len(given) - len(kept)
        warnings.append(f"{bad} of {len(given)} time stamps were repeated, backward or missing and were interpolated")
    return times, "container time stamps", warnings + _gaps(times)


def _constant_rate(count: int, nominal_rate: float, has_stamps: bool) -> tuple[np.ndarray, str, list[str]]:
    known = 0 < nominal_rate <= HIGHEST_FRAME_RATE
    rate = nominal_rate if known else _ASSUMED_RATE
    what = "has no usable time stamps" if has_stamps else "has no time stamps"
    source = f"its nominal {rate:g} frames per second are used" if known else f"{rate:g} frames per second are assumed"
    warning = f"{what}; {source}: give the true rate if you know it"
    return np.arange(count) / rate, "nominal frame rate" if known else "assumed frame rate", [warning]


def _gaps(times: np.ndarray) -> list[str]:
    intervals = np.diff(times)
    widest = int(intervals.argmax())
    if intervals[widest] <= 5 * np.median(intervals):
        return []
    return [
        f"a gap of {intervals[widest]:.3g} s after frame {widest} where frames are usually "
        f"{np.median(intervals):.3g} s apart; frames may be missing there"
    ]


def _longest_increasing(values: np.ndarray) -> np.ndarray:
    """Indices of the longest strictly increasing subsequence of finite values (patience sorting)."""
    tails: list[float] = []
    ends: list[int] = []
    previous = np.full(len(values), -1)
    for i in np.flatnonzero(np.isfinite(values)):
        place = bisect_left(tails, values[i])
        if place < len(tails) and tails[place] == values[i]:
            continue  # of equal stamps the first is believed
        previous[i] = ends[place - 1] if place else -1
        tails[place : place + 1] = [values[i]]
        ends[place : place + 1] = [int(i)]
    chain = [ends[-1]] if ends else []
    while chain and previous[chain[-1]] >= 0:
        chain.append(int(previous[chain[-1]]))
    return np.array(chain[::-1], np.intp)
