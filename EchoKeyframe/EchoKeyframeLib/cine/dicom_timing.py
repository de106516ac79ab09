"""When each frame of a DICOM cine was taken, and whether the file's own statements agree on it.

Order of belief, first to last:

1. times that each frame states (Frame Reference DateTime (0018,9151) or Frame Acquisition DateTime (0018,9074) in
   the per-frame functional groups): absolute, and the only ones that can undo a wrong order of frames;
2. Frame Time Vector (0018,1065): one increment per frame;
3. Effective Duration (0018,0072) / Number of Frames where it differs by up to a fifth from Frame Time: it is measured,
   where Frame Time is often nominal or rounded to the refresh of a screen;
4. Frame Time (0018,1063);
5. Effective Duration / Number of Frames alone;
6. Actual Frame Duration (0018,1242);
7. Cine Rate (0018,0040), then Recommended Display Frame Rate (0008,2144): they ask for a replay speed, which need not
   be that of the heart;
8. 30 frames per second, with a warning.

Vectors that hold times, lack a value or are a little short are read as they were meant (frame_time_vector.py), decimal
commas as commas. 2 and 4 change places where Frame Increment Pointer (0028,0009) names Frame Time. Values that no
ultrasound system produces (NaN, zero, negative, below 0.5 or above 1000 ms) are skipped with a warning.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.valuerep import DT

from .dicom_file import decimal_commas, items, number, numbers
from .frame_time_vector import increments, is_interval, whole_vector
from .r_waves import stated_r_waves

ASSUMED_RATE = 30.0
"""Frames per second where a file says nothing usable."""

ASSUMED_TIMING = "assumed frame rate"
"""``Timing.phrase`` where it is taken."""

_SLOWEST = 5.0  # frames per second below which no echo loop is taken
_HEART_RATE = (20.0, 300.0)  # beats per minute
_REFRESH = (1000 / 60, 1000 / 50)  # ms from one picture of a screen to the next
_TEXT = (  # statements of time that are decimal strings
    "FrameTime", "FrameTimeVector", "EffectiveDuration", "CineRate", "RecommendedDisplayFrameRate", "HeartRate",
    "ActualFrameDuration",
)  # fmt: skip
_TIME_POINTER = 0x00181063


@dataclass(frozen=True, eq=False)
class Timing:
    """Times of all stored frames.

    order: int ``[T]``, the stored index of the k-th frame in time. times: float64 ``[T]`` s, that frame's time, from 0,
    strictly increasing. phrase: where they come from. heart_rate, r_waves, warnings: as in ``Cine``.
    """

    order: np.ndarray
    times: np.ndarray
    phrase: str
    heart_rate: float | None
    r_waves: tuple[float, ...]
    warnings: tuple[str, ...]


def frame_timing(header: Dataset, count: int, declared: int = 0, stamps: np.ndarray | None = None) -> Timing:
    """Timing of ``count`` stored frames of a file whose header declares ``declared`` of them.

    stamps: float64 ``[T]`` s, strictly increasing, from an embedded video stream; used before step 7.
    """
    warnings: list[str] = []
    order, times, phrase = _times(header, count, declared or count, stamps, warnings)
    heart_rate = number(header, "HeartRate")
    if heart_rate is not None and not _HEART_RATE[0] <= heart_rate <= _HEART_RATE[1]:
        heart_rate = None
    warnings += decimal_commas(header, _TEXT)
    r_waves = stated_r_waves(header, order, times, heart_rate, phrase, warnings)
    if count > 1:
        _warn_if_slow(times, phrase, warnings)
        _compare_with_rates(header, times, phrase, warnings)
        _compare_with_heart_rate(times, heart_rate, phrase, warnings)
    return Timing(order, times, phrase, heart_rate, r_waves, tuple(warnings))


def _warn_if_slow(times: np.ndarray, phrase: str, warnings: list[str]) -> None:
    rate = (len(times) - 1) / times[-1]
    if rate < _SLOWEST:
        warnings.append(f"{phrase} makes {rate:.2g} frames/s, too slow for an echo loop: give the true rate")


def _times(
    header: Dataset, count: int, declared: int, stamps: np.ndarray | None, warnings: list[str]
) -> tuple[np.ndarray, np.ndarray, str]:
    stored = np.arange(count)
    if count == 1:
        return stored, np.zeros(1), "single frame"
    if (own := _per_frame_times(header, count)) is not None:
        order = np.argsort(own, kind="stable")
        if (order != stored).any():
            warnings.append("frames are stored out of order; their own times put them right")
        return order, own[order] - own[order[0]], "per-frame date and time"
    constant = _constant_interval(header, declared, warnings)
    if constant and constant[1] != "EffectiveDuration" and number(header, "FrameIncrementPointer") == _TIME_POINTER:
        return stored, stored * constant[0] / 1000, constant[1]
    if (found := _vector_times(header, count, declared, warnings)) is not None:
        order, times = found
        _compare_with_duration(header, times, declared, warnings)
        return order, times, "FrameTimeVector"
    if constant:
        return stored, stored * constant[0] / 1000, constant[1]
    if stamps is not None:
        return stored, stamps, "container time stamps"
    interval, phrase = _replay_interval(header, warnings)
    return stored, stored * interval / 1000, phrase


def _per_frame_times(header: Dataset, count: int) -> np.ndarray | None:
    """Seconds that each stored frame states for itself; None unless all do and all differ."""
    groups = items(header, "PerFrameFunctionalGroupsSequence")[:count]
    if len(groups) < count:
        return None
    contents = [(items(group, "FrameContentSequence") or [Dataset()])[0] for group in groups]
    for keyword in ("FrameReferenceDateTime", "FrameAcquisitionDateTime"):
        try:
            moments = [DT(str(content[keyword].value)) for content in contents]
            seconds = np.array([(moment - moments[0]).total_seconds() for moment in moments])
        except Exception:  # absent or damaged, in whatever way pydicom puts it
            continue
        gaps = np.diff(np.sort(seconds))
        if (gaps > 0).all() and is_interval(float(np.median(gaps)) * 1000):
            return seconds
    return None


def _vector_times(
    header: Dataset, count: int, declared: int, warnings: list[str]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Order and times from Frame Time Vector, whose n-th value is the increment from frame n - 1 to frame n."""
    values = numbers(header, "FrameTimeVector")
    if not values or (vector := whole_vector(values, count, declared, warnings)) is None:
        return None
    steps = increments(vector, warnings)
    good = np.array([is_interval(step) for step in steps])
    if good.all():
        return np.arange(count), _accumulated(steps)
    if (order := _order_from(steps)) is not None:
        times = _accumulated(steps)[order]
        warnings.append("frames are stored out of order; FrameTimeVector puts them right")
        return order, times - times[0]
    bad = steps[~good]
    if all(np.isnan(bad)) and len(values) < count and 2 * good.sum() >= len(steps):  # told already
        return np.arange(count), _accumulated(np.where(good, steps, np.median(steps[good])))
    what = "missing" if np.isnan(bad[0]) else f"impossible ({bad[0]:g} ms)"
    impossible = f"FrameTimeVector: {len(bad)} of {len(steps)} increments are {what}"
    if 2 * good.sum() < len(steps):
        warnings.append(f"{impossible}; it is ignored")
        return None
    middle = float(np.median(steps[good]))
    warnings.append(f"{impossible}; {middle:g} ms are taken for them")
    return np.arange(count), _accumulated(np.where(good, steps, middle))


def _order_from(steps: np.ndarray) -> np.ndarray | None:
    """Order of frames whose increments go back and forth, if the times so reached lie evenly; None otherwise."""
    if not np.isfinite(steps).all() or not (steps < 0).any():
        return None
    times = np.concatenate([[0.0], np.cumsum(steps)])
    order = np.argsort(times, kind="stable")
    gaps = np.diff(times[order])
    middle = float(np.median(gaps))
    even = is_interval(middle) and gaps.min() > 0.5 * middle and gaps.max() < 2 * middle
    return order if even else None


def _constant_interval(header: Dataset, declared: int, warnings: list[str]) -> tuple[float, str] | None:
    """Milliseconds between frames from FrameTime, EffectiveDuration or ActualFrameDuration, and which of them."""
    frame_time = _interval(header, "FrameTime", warnings)
    duration = number(header, "EffectiveDuration")
    measured = duration * 1000 / declared if duration is not None else None
    measured = measured if measured is not None and is_interval(measured) else None
    if frame_time is None:
        if measured is not None:
            return measured, "EffectiveDuration"
        actual = _interval(header, "ActualFrameDuration", warnings)
        return (actual, "ActualFrameDuration") if actual is not None else None
    if duration is None or measured is None:
        return frame_time, "FrameTime"
    deviation = abs(measured / frame_time - 1)
    is_rounded = duration.is_integer() and abs(duration - frame_time * declared / 1000) < 1.0
    if deviation < 0.005 or is_rounded:
        return frame_time, "FrameTime"
    both = f"FrameTime says {frame_time:.4g} ms but EffectiveDuration / NumberOfFrames {measured:.4g} ms"
    if deviation <= 0.2:
        warnings.append(f"{both}; the latter, which is measured, is used")
        return measured, "EffectiveDuration"
    warnings.append(f"{both}; FrameTime is used: check the frame rate")
    return frame_time, "FrameTime"


def _replay_interval(header: Dataset, warnings: list[str]) -> tuple[float, str]:
    for keyword in ("CineRate", "RecommendedDisplayFrameRate"):
        rate = number(header, keyword)
        if rate is not None and rate > 0 and is_interval(1000 / rate):
            warnings.append(f"only {keyword} gives a frame rate ({rate:g}/s), which may be that of a slowed replay")
            return 1000 / rate, keyword
    warnings.append(f"says nothing usable about its frame rate; {ASSUMED_RATE:g}/s is assumed: give the true one")
    return 1000 / ASSUMED_RATE, ASSUMED_TIMING


def _interval(header: Dataset, keyword: str, warnings: list[str]) -> float | None:
    value = number(header, keyword)
    if value is not None and not is_interval(value):
        warnings.append(f"{keyword} of {value:g} ms is impossible and ignored")
        return None
    return value


def _compare_with_duration(header: Dataset, times: np.ndarray, declared: int, warnings: list[str]) -> None:
    duration, count = number(header, "EffectiveDuration"), len(times)
    if duration is None or not 0 < duration < 1e5 or declared != count:
        return
    by_vector = times[-1] * count / (count - 1)
    if abs(duration - by_vector) > max(0.05 * by_vector, 1.0 if duration == round(duration) else 0.0):
        warnings.append(f"FrameTimeVector gives a length of {by_vector:.3g} s but EffectiveDuration {duration:.3g} s")


def _compare_with_rates(header: Dataset, times: np.ndarray, phrase: str, warnings: list[str]) -> None:
    rate = (len(times) - 1) / times[-1]
    for keyword in ("CineRate", "RecommendedDisplayFrameRate"):
        replay = number(header, keyword)
        if replay is not None and 0 < replay < 1e4 and phrase != keyword and abs(replay / rate - 1) > 0.1:
            warnings.append(f"{phrase} makes {rate:.3g} frames/s but {keyword} says {replay:.3g}/s; check the rate")
            return


def _compare_with_heart_rate(times: np.ndarray, heart_rate: float | None, phrase: str, warnings: list[str]) -> None:
    steps = np.diff(times) * 1000
    rate = (len(times) - 1) / times[-1]
    expected = ""
    if heart_rate:
        beats = times[-1] * heart_rate / 60
        expected = f" (HeartRate is {heart_rate:g} bpm, so {times[-1]:.3g} s should show {beats:.1f} beats)"
    if phrase == "FrameTimeVector" and (refresh := _screen_refresh(steps)):
        warnings.append(
            f"FrameTimeVector counts pictures of a {1000 / refresh:.0f} Hz screen, so its {rate:.3g} frames/s may be "
            f"those of a slowed replay{expected}: give the true rate if they are"
        )
    elif heart_rate and times[-1] < 0.5 * 60 / heart_rate:
        warnings.append(
            f"{phrase} makes the clip {times[-1]:.2g} s long, under half a beat at the HeartRate of {heart_rate:g} bpm"
        )


def _screen_refresh(steps: np.ndarray) -> float | None:
    """Milliseconds between pictures of a screen of which all steps but a few are multiples, and not all the same."""
    for refresh in _REFRESH:
        pictures = steps / refresh
        is_multiple = np.abs(pictures - np.round(pictures)) < 0.02
        counts = np.round(pictures[is_multiple])
        if is_multiple.mean() > 0.9 and len(np.unique(counts)) > 1 and counts.min() >= 1:
            rarest = min((counts == c).mean() for c in np.unique(counts)) if len(counts) else 0.0
            return refresh if rarest > 0.05 else None
    return None


def trim_warnings(header: Dataset, count: int) -> list[str]:
    """A line where Start Trim (0008,2142) and Stop Trim (0008,2143) ask for part of the frames only."""
    start, stop = number(header, "StartTrim"), number(header, "StopTrim")
    if start is None or stop is None or not 1 <= start <= stop <= count or (start, stop) == (1, count):
        return []
    return [f"StartTrim and StopTrim ask for frames {start:g} to {stop:g} only; all {count} are read"]


def _accumulated(steps: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(steps)]) / 1000 if np.isfinite(steps).all() else np.array([])
