"""Which frames a set of labels decides, where only some beats of a cine are labelled or readers disagree.

Between two labelled keyframes that follow one another (ED and the ES of the same beat, or ES and the next ED) both
curves are known at every frame. Beyond the last of them they are known a little further: the flank of its own peak,
as far as no unlabelled keyframe can reach. That little is ``MARGIN`` of a beat. A network that saw only one flank of
each peak could put the maximum anywhere beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

from ..detection.keyframes import Phase
from .clip_labels import OPEN_END

Span = tuple[int, int]
Events = Sequence[tuple[float, Phase]]

MARGIN = 0.15
"""Part of a beat beyond the outermost keyframe of a run that counts as decided: 1.5 sigma of the beat-relative target
curve. Diastole, the longer part except in tachycardia, keeps the next unlabelled peak at least as far away again."""

LONGEST_SYSTOLE, LONGEST_DIASTOLE = 0.6, 1.0
"""Seconds from ED to ES and from ES to ED in which no unlabelled keyframe fits: at 40 beats a minute systole takes
about 0.55 s and diastole 0.95 s. Where the two labelled frames are further apart, whole beats may lie between them."""

NO_SPAN = "none"
"""How a table says that no frame is decided."""


def typical_beat(systole: float) -> float:
    """Length of a beat at rest, of which two fifths are systole (ED to ES) and three fifths diastole (negative)."""
    return systole / 0.4 if systole > 0 else -systole / 0.6


def labelled_spans(events: Events, frames: int | None = None, fps: float | None = None) -> tuple[Span, ...] | None:
    """Decided spans where only some beats are labelled and nobody says which: EchoNet's one ED and one ES, say.

    events: (frame, phase) in ascending order. Keyframes belong together if they alternate and, where ``fps`` is known,
    are close enough to be neighbours. A keyframe with no such neighbour decides nothing. None where all frames are
    decided, as in a half cycle from ED to ES.
    """
    breaks = {i for i in range(1, len(events)) if not _are_neighbours(events[i - 1], events[i], fps)}
    spans = spans_between(events, {0, *breaks, len(events)}, frames)
    return None if frames is not None and spans == ((0, frames - 1),) else spans


def spans_between(events: Events, open_gaps: Collection[int], frames: int | None = None) -> tuple[Span, ...]:
    """Decided spans where unlabelled keyframes may lie in some gaps between labelled ones.

    events: (frame, phase) in ascending order. open_gaps: gap i lies before event i, gap ``len(events)`` behind the
    last. frames: length of the clip; None leaves the last span open (``OPEN_END``).
    """
    end = OPEN_END if frames is None else frames - 1
    cuts = [0, *sorted(gap for gap in set(open_gaps) if 0 < gap < len(events)), len(events)]
    runs = [events[a:b] for a, b in pairwise(cuts) if b > a]
    beat = _beat(runs)
    margin = 0.0 if beat is None else MARGIN * beat
    spans: list[Span] = []
    for number, run in enumerate(runs):
        from_start = number == 0 and 0 not in open_gaps
        to_end = number == len(runs) - 1 and len(events) not in open_gaps
        if len(run) < 2 and not from_start and not to_end:
            continue
        first = 0 if from_start else max(0, math.ceil(run[0][0] - margin))
        last = end if to_end else min(end, math.floor(run[-1][0] + margin))
        if spans and first <= spans[-1][1] + 1:
            # A run of its own: what may be missing before it leaves at least one frame undecided.
            middle = (spans[-1][1] + first) // 2
            spans[-1] = (spans[-1][0], max(spans[-1][0], middle - 1))
            first = max(middle + 1, spans[-1][1] + 2)
        if first <= last:
            spans.append((first, last))
    return tuple(spans)


def intersection(a: tuple[Span, ...] | None, b: tuple[Span, ...] | None) -> tuple[Span, ...] | None:
    """Frames in both; None stands for all frames."""
    if a is None or b is None:
        return b if a is None else a
    pairs = ((max(x[0], y[0]), min(x[1], y[1])) for x in a for y in b)
    return tuple(sorted(pair for pair in pairs if pair[0] <= pair[1]))


def union(all_spans: Sequence[tuple[Span, ...] | None]) -> tuple[Span, ...] | None:
    """Frames in any; None stands for all frames."""
    if any(spans is None for spans in all_spans):
        return None
    return _joined(sorted(span for spans in all_spans for span in spans))


def spans_of(mask: np.ndarray) -> tuple[Span, ...] | None:
    """The spans of the frames that are set in a bool ``[T]``; None where all are."""
    if mask.all():
        return None
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return tuple((int(first), int(after) - 1) for first, after in edges.reshape(-1, 2))


def parse_spans(text: str) -> tuple[Span, ...]:
    """Spans as labels.csv has them: ``3-17 40-60``, an open end as ``40-``, no frame as ``none``. Raises ValueError."""
    spans = []
    if text.strip().lower() == NO_SPAN:
        return ()
    for part in text.replace(";", " ").split():
        first, dash, last = part.partition("-")
        spans.append((int(first), int(last) if last else OPEN_END if dash else int(first)))
    return tuple(spans)


def format_spans(spans: Sequence[Span]) -> str:
    """The inverse of ``parse_spans``."""
    return " ".join(f"{first}-{'' if last >= OPEN_END else last}" for first, last in spans) or NO_SPAN


def _are_neighbours(a: tuple[float, Phase], b: tuple[float, Phase], fps: float | None) -> bool:
    if a[1] is b[1]:
        return False
    longest = LONGEST_SYSTOLE if a[1] is Phase.ED else LONGEST_DIASTOLE
    return fps is None or (b[0] - a[0]) / fps <= longest


def _beat(runs: Sequence[Events]) -> float | None:
    """Frames from beat to beat, from keyframes of one kind in a run, else from pairs of ED and ES; None if neither."""
    whole = [c[0] - a[0] for run in runs for a, c in zip(run, run[2:], strict=False) if a[1] is c[1]]
    if not whole:
        whole = [
            typical_beat(b[0] - a[0] if a[1] is Phase.ED else a[0] - b[0])
            for run in runs for a, b in pairwise(run) if a[1] is not b[1]
        ]  # fmt: skip
    return float(np.median(whole)) if whole else None


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for first, last in spans:
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)
