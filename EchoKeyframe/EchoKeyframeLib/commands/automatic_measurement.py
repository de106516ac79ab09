"""``echokeyframe measure --auto``: from a loop to its ejection fraction without a tracing."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError
from .measure import refuse_to_overwrite, report_paths, write_results

if TYPE_CHECKING:
    from ..cine.cine import Cine
    from ..cine.orientation import Orientation
    from ..cine.sector import Sector
    from ..measurement.automatic.measured_loop import MeasuredLoop
    from ..measurement.contour import Contour
    from ..report.keyframes_file import KeyframesFile


@dataclass(frozen=True)
class _Loop:
    """One CINE argument. target: DIR/NAME of its files. keyframes: the file that tells them; None: to be detected."""

    cine: Path
    target: Path
    keyframes: Path | None = None
    contours: Path | None = None
    spacing: tuple[float, float] | None = None
    fps: float | None = None
    view: str | None = None
    orientation: Orientation | None = None


def measure_automatically(options: argparse.Namespace) -> None:
    """Find what is missing, measure, print and write. Raises CineError, UsageError, OSError."""
    from ..measurement.automatic.tracer import load_tracer
    from ..measurement.measure import measure
    from ..measurement.traced_view import check_two_views, check_view
    from ..report.measurement_outputs import write_loop

    loops = _loops(options)
    _check_targets(loops, options)
    read = [_read(loop) for loop in loops]
    for cine, *_ in read:
        check_view(cine.source.name, cine.view)
    if len(read) > 1:
        check_two_views([(cine.source.name, cine.view) for cine, *_ in read])
    tracer = load_tracer()
    measured = [_measured(loop, *parts, tracer) for loop, parts in zip(loops, read, strict=True)]
    measurement = measure(*(one.view for one in measured))
    in_order = sorted(zip(measured, loops, strict=True), key=lambda pair: _place(pair[0], measurement.views))
    for one, loop in in_order:
        write_loop(loop.target, one)
    ordered = [one for one, _ in in_order]
    views = [(one.cine, one.sector) for one in ordered]
    write_results(in_order[0][1].target, views, measurement, options, ordered)


def _place(loop: MeasuredLoop, views: tuple[str | None, ...]) -> int:
    return views.index(loop.view.view)


def _loops(options: argparse.Namespace) -> list[_Loop]:
    """What each CINE comes with. Raises UsageError where two are the same file."""
    from ..batch.inputs import distinct_names
    from ..cine.orientation import CHOICES

    cines = [Path(path).absolute() for path in options.cines]
    names = distinct_names({cine: Path(cine.name) for cine in cines})
    if len(names) < len(cines):
        raise UsageError("the same cine is named twice; biplane needs an A4C and an A2C")
    by_cine = {cine: options.output / name for cine, name in names.items()}
    given = ("keyframes", "contours", "spacing", "fps", "view")
    loops = []
    for index, cine in enumerate(cines):
        known = {name: getattr(options, name)[index] for name in given if getattr(options, name)}
        beside = by_cine[cine].with_name(f"{by_cine[cine].name}.keyframes.json")
        if "keyframes" not in known and beside.exists():
            known["keyframes"] = beside
        loops.append(_Loop(cine, by_cine[cine], **known, orientation=CHOICES[options.orientation]))
    return loops


def _check_targets(loops: list[_Loop], options: argparse.Namespace) -> None:
    """Raises UsageError where results, or those of a detection that is to be made, are there already."""
    from ..report.measurement_outputs import LOOP_SUFFIXES, measurement_paths
    from ..report.outputs import output_paths

    for loop in loops:
        paths = [*measurement_paths(loop.target, LOOP_SUFFIXES), *measurement_paths(loop.target)]
        paths += report_paths(loop.target, options)
        paths += [] if loop.keyframes else output_paths(loop.target)
        refuse_to_overwrite(paths, options)


def _read(loop: _Loop) -> tuple[Cine, KeyframesFile | None, tuple[Contour, ...]]:
    """The cine, its keyframes where they are known, and the contours that are given. Raises CineError."""
    from ..cine.read import read_cine
    from ..measurement.contours_file import read_contours
    from ..report.marked_cine import read_marked_cine

    if loop.keyframes:
        cine, found = read_marked_cine(loop.cine, loop.keyframes, loop.fps, loop.view)
    else:
        cine, found = read_cine(loop.cine, loop.fps, loop.view), None
    if loop.spacing:
        cine = cine.with_spacing(loop.spacing)
    return cine, found, read_contours(loop.contours, cine) if loop.contours else ()


def _measured(
    loop: _Loop, cine: Cine, found: KeyframesFile | None, contours: tuple[Contour, ...], tracer: object
) -> MeasuredLoop:
    from ..cine.sector import find_sector
    from ..measurement.automatic.measured_loop import MeasuredLoop

    sector = find_sector(cine, loop.orientation or (found.given_orientation if found else None))
    with _bar() as progress:
        beats = found.beats if found else _detected(loop, cine, sector, lambda done: progress(done / 2))
        start = 0.0 if found else 0.5
        return MeasuredLoop.of(cine, sector, beats, tracer, contours, lambda done: progress(start + done * (1 - start)))


def _detected(loop: _Loop, cine: Cine, sector: Sector, progress: Callable[[float], None]) -> tuple:
    """Beats of a cine, whose keyframes are written as ``detect`` writes them."""
    from ..detection.catalogue import load_detector
    from ..detection.detect import detect
    from ..report.outputs import write_outputs

    detection = detect(cine, load_detector(), sector=sector, progress=progress)
    write_outputs(loop.target, cine, sector, detection)
    return detection.beats


@contextmanager
def _bar() -> Iterator[Callable[[float], None]]:
    """A bar over the work on one cine where stderr is a terminal."""
    from tqdm import tqdm

    with tqdm(total=1.0, bar_format="{l_bar}{bar}| {elapsed}", disable=None, leave=False) as bar:
        yield lambda done: bar.update(done - bar.n) and None
