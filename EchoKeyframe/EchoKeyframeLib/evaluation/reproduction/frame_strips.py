"""Labelled keyframes beside detected ones, as rows of frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes

from ...cine.sector import find_sector
from ...detection.keyframes import Phase
from ...report.figure import COLORS, font, pixel_aspect, sector_image
from ..clip_score import Event
from ..evaluate import Case
from .report_figure import FOUND_COLOR, SIZE
from .system_runs import ClipRun
from .table import Record

FAR = 0.5
"""Seconds beyond which the nearest detection is no longer shown as the answer to a labelled keyframe."""


@dataclass(frozen=True)
class KeyframePair:
    """A labelled keyframe and what was detected for it, or a detected one without a label, with the frames to show.

    label: position in frames. found: a detected frame. Either may be None. frames: 0-based, ascending.
    """

    phase: Phase
    label: float | None
    found: int | None
    frames: tuple[int, ...]


@dataclass(frozen=True)
class Strip:
    """One row of frames: of which clip, what it is called, and the pairs of keyframes in it."""

    clip: str
    title: str
    pairs: tuple[KeyframePair, ...]

    def records(self) -> list[Record]:
        return [{"row": self.title.replace("\n", ", "), "clip": self.clip, "phase": p.phase.value, "label": p.label,
                 "detected": p.found, "frames": " ".join(map(str, p.frames))} for p in self.pairs]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pictures:
    """The frames that the figures need: images by (clip, frame), black outside the scan sector, and pixel aspects."""

    images: Mapping[tuple[str, int], np.ndarray]
    aspects: Mapping[str, float]


def pair_up(event: Event, clip: ClipRun, count: int) -> KeyframePair:
    """A labelled keyframe with its partner; where it was missed, with the nearest detection that is not ``FAR``."""
    found = None
    if event.error_frames is not None:
        found = round(event.frame + event.error_frames)
    else:
        times = clip.detection.curves.times
        near = [k for k in clip.detection.keyframes if k.phase is event.phase]
        at = float(np.interp(event.frame, np.arange(len(times)), times))
        nearest = min(near, key=lambda key: abs(key.time - at), default=None)
        if nearest is not None and abs(nearest.time - at) <= FAR:
            found = nearest.frame
    last = len(clip.detection.curves.times) - 1
    return KeyframePair(event.phase, event.frame, found, frames_around(event.frame, found, count, last))


def frames_around(label: float | None, found: int | None, count: int, last: int) -> tuple[int, ...]:
    """``count`` frames in ``[0, last]`` with both keyframes among them: neighbours, with the label in the middle if it
    can be; evenly spread where both lie further apart."""
    known = [round(frame) for frame in (label, found) if frame is not None]
    low, high = min(known), max(known)
    if high - low >= count:
        return tuple(np.unique(np.linspace(low, high, count).round().astype(int)).tolist())
    start = min(max(known[0] - (count - 1) // 2, high - count + 1), low)
    start = max(0, min(start, last - count + 1))
    return tuple(range(start, min(start + count, last + 1)))


def read_pictures(cases: Iterable[Case | tuple[str, str]], strips: Sequence[Strip]) -> Pictures:
    """The images that strips show, from one pass over the cases of their clips."""
    images: dict[tuple[str, int], np.ndarray] = {}
    aspects: dict[str, float] = {}
    for case in cases:
        if not isinstance(case, Case):
            continue  # It was read before; a file that vanished since leaves its frames blank.
        name = case.labels.file
        sector = case.sector or find_sector(case.cine)
        aspects[name] = pixel_aspect(case.cine)
        for frame in {f for s in strips if s.clip == name for p in s.pairs for f in p.frames}:
            images[name, frame] = sector_image(case.cine, sector, frame)
    return Pictures(images, aspects)


def draw_strip(row: Sequence[Axes], strip: Strip, pictures: Pictures) -> None:
    """Draw a strip into axes, one a frame; axes that are left over are hidden."""
    shown = [(pair, frame) for pair in strip.pairs for frame in pair.frames]
    for axes in row:
        axes.set_visible(False)
    for axes, (pair, frame) in zip(row, shown, strict=False):
        axes.set_visible(True)
        _draw_frame(axes, pair, frame, pictures.images.get((strip.clip, frame)), pictures.aspects.get(strip.clip, 1))
    row[0].set_ylabel(fill(strip.title, 16, replace_whitespace=False), fontproperties=font(SIZE), parse_math=False)


def _draw_frame(axes: Axes, pair: KeyframePair, frame: int, image: np.ndarray | None, aspect: float) -> None:
    image = np.full((100, 100), 200, np.uint8) if image is None else image
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, aspect=aspect, interpolation="bilinear")
    axes.set_xticks([])
    axes.set_yticks([])
    labelled = pair.label is not None and round(pair.label) == frame
    detected = pair.found == frame
    color = COLORS[pair.phase] if labelled else FOUND_COLOR if detected else "0.8"
    for spine in axes.spines.values():
        spine.set(color=color, linewidth=2 if labelled or detected else 0.5)
    words = "both" if labelled and detected else "label" if labelled else "detected" if detected else ""
    axes.set_title(f"{frame}", fontproperties=font(SIZE), pad=2)
    axes.set_xlabel(f"{pair.phase} {words}" if words else "", fontproperties=font(SIZE - 1), color=color, labelpad=2)
