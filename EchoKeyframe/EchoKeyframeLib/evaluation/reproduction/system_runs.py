"""Each system once over each clip: what all tables and figures are made from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ...cine.cine import Cine, CineError
from ...cine.sector import Sector, find_sector
from ...datasets.labels import ClipLabels
from ...detection.detector import Detector
from ...detection.keyframes import Detection
from ..clip_score import ClipResult
from ..evaluate import Case, case_curves, score_case

TIMED_FRAMES = 16
"""Length of the sequences whose inference is timed, as in the paper's tables 3 and 4."""

TIMED_RATE = 25.0
"""Frames per second that a timed sequence is taken to have: networks that choose a stride by the rate take every frame
of it. What the clip's own rate is must not change what is timed."""

@dataclass(frozen=True, eq=False)
class ClipRun:
    """One clip: its labels, what a system found (curves and keyframes) and how the two agree."""

    labels: ClipLabels
    detection: Detection
    result: ClipResult

    @property
    def name(self) -> str:
        return self.result.name

    @property
    def view(self) -> str:
        return self.result.view or "view not given"


@dataclass(frozen=True, eq=False)
class SystemRun:
    """One system on all clips.

    name: what its results are signed with. decoder: how it reads keyframes off its curves. device: as torch names it.
    seconds: repeated times of ``TIMED_FRAMES`` frames from pixels to curves, s; empty if no clip is as long.
    failures: (file, reason) of clips that could not be read or detected; they are not in ``clips``.
    """

    name: str
    decoder: str
    device: str
    clips: tuple[ClipRun, ...]
    seconds: tuple[float, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def views(self) -> tuple[str, ...]:
        """Views of its clips in alphabetical order."""
        return tuple(sorted({clip.view for clip in self.clips}))

    def of_view(self, view: str | None) -> tuple[ClipRun, ...]:
        """The clips of one view; None: all."""
        return tuple(clip for clip in self.clips if view is None or clip.view == view)


def run_system(
    cases: Iterable[Case | tuple[str, str]],
    detector: Detector,
    decoder: str,
    progress: Callable[[], None] = lambda: None,
) -> SystemRun:
    """Run a detector over labelled clips.

    cases: as ``labelled_cines`` and ``stored_clips`` give them. progress: called after each clip. A clip that fails is
    listed, the others go on.
    """
    clips: list[ClipRun] = []
    failures: list[tuple[str, str]] = []
    for case in cases:
        if isinstance(case, Case):
            try:
                curves, sector, film = case_curves(case, detector)
                clips.append(ClipRun(case.labels, *score_case(case, curves, decoder, sector, film)))
            except CineError as error:
                failures.append((case.labels.file, error.reason))
        else:
            failures.append(case)
        progress()
    return SystemRun(detector.name, decoder, detector.device, tuple(clips), failures=tuple(failures))


def with_times(
    systems: Sequence[SystemRun], detectors: Sequence[Detector], cases: Iterable[Case | tuple[str, str]], repeats: int
) -> list[SystemRun]:
    """The same runs with their inference times, taken on the first case that is long enough (none: no times).

    detectors: those of the systems, in their order. cases: clips that all of them got through.
    """
    case = next((case for case in cases if isinstance(case, Case) and len(case.cine) >= TIMED_FRAMES), None)
    if case is None:
        return list(systems)
    seconds = time_inference(detectors, case.cine, case.sector or find_sector(case.cine), repeats)
    return [replace(system, seconds=values) for system, values in zip(systems, seconds, strict=True)]


def time_inference(
    detectors: Sequence[Detector], cine: Cine, sector: Sector, repeats: int
) -> list[tuple[float, ...]]:
    """Seconds that each detector takes from the pixels of a clip's first ``TIMED_FRAMES`` frames to their curves.

    The detectors take turns, ``repeats`` times after one round to warm up, so that what else the machine does meets
    them alike. Reading the file and finding the sector are not counted; preparing the frames and optical flow are.
    """
    first = slice(TIMED_FRAMES)
    sequence = replace(cine, frames=cine.frames[first], times=cine.times[first]).with_fps(TIMED_RATE)
    seconds: list[list[float]] = [[] for _ in detectors]
    for _ in range(repeats + 1):
        for detector, values in zip(detectors, seconds, strict=True):
            start = time.perf_counter()
            detector.curves(sequence, sector)
            values.append(time.perf_counter() - start)
    return [tuple(values[1:]) for values in seconds]


def on_common_clips(systems: Sequence[SystemRun]) -> tuple[SystemRun, ...]:
    """The same systems, left with the clips that all of them got through: only then are their figures comparable."""
    common = set.intersection(*({clip.name for clip in system.clips} for system in systems))
    return tuple(replace(s, clips=tuple(c for c in s.clips if c.name in common)) for s in systems)
