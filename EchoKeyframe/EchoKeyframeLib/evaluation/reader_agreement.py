"""How far readers differ from one another, and from themselves."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np

from ..datasets.clip_labels import ClipLabels
from ..datasets.readers import ClipReadings, person, tolerance
from ..detection.keyframes import Phase
from .matching import match

ALL_READERS = "all"


class Kind(StrEnum):
    """Between two persons, or between two readings by one."""

    INTER = "inter-reader"
    INTRA = "intra-reader"


@dataclass(frozen=True)
class Agreement:
    """Two readings compared over all clips that have both; NaN where there was nothing to compare.

    first, second: readers, or ``ALL_READERS`` for all pairs of a kind together. clips: those with both readings.
    pairs: keyframes that both marked. alone: keyframes that one of them marked and the other, who decided that frame,
    did not. afd: mean absolute difference of the pairs (the AFD of eq. 4), with its standard deviation (eq. 5); in ms
    over the pairs of clips with a known frame rate. bias: mean of second - first (0 for all pairs together, where
    neither comes first).
    """

    kind: Kind
    first: str
    second: str
    phase: Phase
    clips: int
    pairs: int
    alone: int
    afd_frames: float
    afd_frames_sd: float
    afd_ms: float
    afd_ms_sd: float
    bias_frames: float


@dataclass
class _Differences:
    frames: list[float]
    ms: list[float]
    alone: int = 0
    clips: int = 0


def reader_agreement(readings: Iterable[ClipReadings]) -> tuple[Agreement, ...]:
    """Compare every two readers, and every reader with a second reading of their own (``NAME:2``).

    readings: of each clip, as ``labels.read_readings`` or ``LabelledCine.readings`` gives them; clips with one reading
    do not count. Keyframes are paired one to one within ``readers.tolerance``. For each kind and phase the pairs of
    readers come first, in alphabetical order, then all of them together; kinds that do not occur are left out.
    """
    found: dict[tuple[Kind, str, str, Phase], _Differences] = defaultdict(lambda: _Differences([], []))
    for clip in readings:
        for first, second in combinations(sorted(clip.by_reader), 2):
            same_person = person(first) == person(second)
            if not same_person and not {first, second} <= clip.voters.keys():
                continue
            kind = Kind.INTRA if same_person else Kind.INTER
            for phase in Phase:
                compared = _compare(clip.by_reader[first], clip.by_reader[second], phase)
                for readers in ((first, second), (ALL_READERS, ALL_READERS)):
                    _add(found[kind, *readers, phase], *compared)
    return tuple(_summary(*key, found[key]) for key in sorted(found, key=_order))


def _compare(first: ClipLabels, second: ClipLabels, phase: Phase) -> tuple[np.ndarray, float, int]:
    """Differences in frames (second - first), ms per frame, and keyframes that one reader marked alone."""
    a, b = _inside(first, second, phase), _inside(second, first, phase)
    matching = match(a, b, tolerance([first, second]))
    differences = np.array([b[j] - a[i] for i, j in matching.pairs])
    fps = first.fps or second.fps
    return differences, 1000 / fps if fps else math.nan, len(matching.missed) + len(matching.extra)


def _inside(labels: ClipLabels, other: ClipLabels, phase: Phase) -> np.ndarray:
    """A reader's keyframes inside the clip, on frames that the other reader decided, too."""
    end = math.inf if labels.frames is None else labels.frames - 1
    frames = labels.of(phase)
    frames = frames[(frames >= 0) & (frames <= end)]
    decided = other.decided_frames(int(frames.max()) + 2 if len(frames) else 1)
    return frames[decided[np.rint(frames).astype(int)]]


def _add(to: _Differences, differences: np.ndarray, ms: float, alone: int) -> None:
    to.frames += differences.tolist()
    to.ms += (differences * ms).tolist() if math.isfinite(ms) else []
    to.alone += alone
    to.clips += 1


def _order(key: tuple[Kind, str, str, Phase]) -> tuple:
    kind, first, second, phase = key
    return kind, phase, first == ALL_READERS, first, second


def _summary(kind: Kind, first: str, second: str, phase: Phase, found: _Differences) -> Agreement:
    frames, ms = np.abs(found.frames), np.abs(found.ms)
    bias = 0.0 if first == ALL_READERS else float(np.mean(found.frames)) if found.frames else math.nan
    return Agreement(
        kind, first, second, phase, found.clips, len(frames), found.alone, *_mean_sd(frames), *_mean_sd(ms), bias
    )


def _mean_sd(values: np.ndarray) -> tuple[float, float]:
    return (float(values.mean()), float(values.std())) if len(values) else (math.nan, math.nan)
