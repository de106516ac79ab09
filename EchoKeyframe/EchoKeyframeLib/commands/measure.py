"""``echokeyframe measure``: LV volumes and ejection fraction from contours on ED and ES frames, drawn or found."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from . import UsageError
from .cine_jobs import add_output, add_sample, cines, folder_if_filled
from .extras import needs_extra
from .options import VIEWS, add_debug, add_orientation, frame_rate, pixel_size
from .terminal import say, tell_error, tell_failed, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..cine.cine import Cine
    from ..cine.sector import Sector
    from ..measurement.automatic.measured_loop import MeasuredLoop
    from ..measurement.measurement import Measurement
    from ..measurement.traced_view import TracedView

REPORT_SUFFIX = ".measurement.dcm"


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "measure", help="measure LV volumes and ejection fraction, from contours or from the loop alone",
        description="Measures LV length, EDV, ESV, stroke volume, ejection fraction and cardiac output by the method "
        "of disks (Lang et al. 2015) from contours on ED and ES frames; prints them and writes NAME.measurement.json, "
        ".csv and .png. Contours are those of --contours, or with --auto are found: of each beat, keyframes first "
        "where NAME.keyframes.json is not in the output folder; NAME.contours.json and NAME.volumes.csv, the volume of "
        "every frame, are written besides. One cine: single plane. Two, an A4C and an A2C: biplane; then name "
        "contours, and what else is given, once for each cine, in their order.",
    )
    parser.add_argument("cines", nargs="*", metavar="CINE", help="one or two DICOM or video files")
    add_sample(parser)
    parser.add_argument("--contours", nargs="+", type=Path, metavar="FILE",
                        help="contours file of each cine (JSON)")
    parser.add_argument("--auto", action="store_true", help="find the contours that --contours does not give; they are "
                        "to be looked at, and a person's stay as they are")
    parser.add_argument("--keyframes", nargs="+", type=Path, metavar="FILE", help="NAME.keyframes.json of each cine, "
                        "from detect; without, the traced frames are taken for ED and ES (with --auto: "
                        "NAME.keyframes.json in the output folder, else ED and ES are detected)")
    add_output(parser)
    parser.add_argument("--spacing", nargs=2, type=pixel_size, action="append", metavar=("ROW", "COLUMN"),
                        help="size of a pixel in mm that you vouch for, instead of the file's own")
    parser.add_argument("--view", nargs="+", type=str.upper, choices=VIEWS, help="view, where the file does not say")
    parser.add_argument("--fps", nargs="+", type=frame_rate, metavar="RATE", help="frames per second, instead of the "
                        "file's own")
    add_orientation(parser)
    parser.add_argument("--start", action="store_true", help="measure nothing: where only ED or only ES of a beat is "
                        "traced, carry the contour to the other and write NAME.contours.json, to be looked at and "
                        "corrected")
    parser.add_argument("--sr", action="store_true", help="write NAME.measurement.dcm, too: a DICOM structured report "
                        "in the study of the cines, which must be DICOM; it holds the patient's name")
    parser.add_argument("--force", action="store_true", help="overwrite results that are there")
    add_debug(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure, print and write; 1 where a cine or contour cannot be measured. Raises UsageError for the arguments."""
    from ..cine.cine import CineError

    options.cines = cines(options)
    _check(options)
    try:
        with folder_if_filled(options.output) as options.output:
            _measure(options)
    except BrokenPipeError:  # of what is printed: no fault of the output folder
        raise
    except OSError as error:
        tell_failed(Path(options.output).name, error.strerror or type(error).__name__)
        return 1
    except CineError as error:  # of a cine, its contours or its keyframes, whichever it names
        tell_error(error.name or Path(options.cines[0]).name, error, options.debug)
        return 1
    return 0


def _measure(options: argparse.Namespace) -> None:
    if options.auto:
        from .automatic_measurement import measure_automatically

        measure_automatically(options)
        return
    traced = [_traced(options, index) for index in range(len(options.cines))]
    if options.start:
        for cine, view in traced:
            _write_starts(cine, view, options)
    else:
        _write_results(traced, options)


def _check(options: argparse.Namespace) -> None:
    if not options.cines:
        raise UsageError("name a CINE, or --sample")
    if len(options.cines) > 2:
        raise UsageError("one cine is measured single plane, two biplane; more cannot be combined")
    if not (options.auto or options.contours):
        raise UsageError("name the --contours of each cine, or find them with --auto")
    if options.auto and options.start:
        raise UsageError("--start carries a contour on, --auto finds each for itself: give one of them")
    for name in ("contours", "keyframes", "spacing", "view", "fps"):
        given = getattr(options, name)
        if given is not None and len(given) != len(options.cines):
            raise UsageError(f"--{name} is needed once for each cine, in their order")
    if options.sr:
        with needs_extra("dicom", "--sr"):
            import highdicom  # noqa: F401 - missing, it is to be told before any work
    if options.start and not options.keyframes:
        raise UsageError("--start needs --keyframes, which say where the other contour is to lie")


def _traced(options: argparse.Namespace, index: int) -> tuple[Cine, TracedView]:
    """One cine and what was traced in it."""
    from ..cine.read import read_cine
    from ..measurement.contours_file import read_contours
    from ..measurement.traced_view import NoKeyframe, TracedView, beats_of_contours
    from ..report.marked_cine import read_marked_cine

    fps, view, spacing, keyframes = (getattr(options, name) and getattr(options, name)[index]
                                     for name in ("fps", "view", "spacing", "keyframes"))  # fmt: skip
    path = Path(options.cines[index])
    if keyframes:
        cine, found = read_marked_cine(path, keyframes, fps, view)
    else:
        cine = read_cine(path, fps, view)
        cine = cine.with_warnings("no keyframes file: the traced frames are taken for ED and ES")
    if spacing:
        cine = cine.with_spacing(tuple(spacing))
    contours = read_contours(options.contours[index], cine)
    beats = found.beats if keyframes else beats_of_contours(contours, cine.times)
    try:
        return cine, TracedView.of(cine, beats, contours)
    except NoKeyframe as error:
        if options.start:
            raise
        way_out = "or leave out --keyframes: the traced frames are then taken for ED and ES"
        raise NoKeyframe(error.name, f"{error.reason}, {way_out}") from error


def _write_starts(cine: Cine, traced: TracedView, options: argparse.Namespace) -> None:
    """The contours of a cine, and a start for each keyframe that lacks one."""
    from ..batch.inputs import without_suffix
    from ..measurement.contours_file import write_contours
    from ..measurement.propagation import completed

    contours = completed(traced.contours, traced.beats, cine)
    target = options.output / f"{without_suffix(cine.source.name)}.contours.json"
    refuse_to_overwrite([target], options)
    write_contours(target, contours)
    for contour in contours[len(traced.contours) :]:
        say(f"{target.name}: {contour} is a start; look at it and correct it")


def _write_results(traced: list[tuple[Cine, TracedView]], options: argparse.Namespace) -> None:
    from ..batch.inputs import without_suffix
    from ..cine.orientation import CHOICES
    from ..cine.sector import find_sector
    from ..measurement.measure import measure
    from ..report.measurement_outputs import measurement_paths

    measurement = measure(*(view for _, view in traced))
    target = options.output / without_suffix(measurement.sources[0])
    refuse_to_overwrite([*measurement_paths(target), *report_paths(target, options)], options)
    by_view = {view.view: (cine, find_sector(cine, CHOICES[options.orientation])) for cine, view in traced}
    write_results(target, [by_view[view] for view in measurement.views], measurement, options)


def write_results(
    target: Path,
    views: list[tuple[Cine, Sector]],
    measurement: Measurement,
    options: argparse.Namespace,
    loops: Sequence[MeasuredLoop] = (),
) -> None:
    """Write the files of a measurement, and say what was measured. views, loops: in the order of its sources."""
    from ..measurement.summary import as_text
    from ..report.measurement_outputs import write_measurement

    for path in report_paths(target, options):
        _write_report(path, measurement, [cine for cine, _ in views])
    write_measurement(target, views, measurement, loops)
    for line in as_text(measurement).splitlines():
        say(line)


def report_paths(target: Path, options: argparse.Namespace) -> list[Path]:
    """Where the structured report goes, if one is asked for."""
    return [target.with_name(target.name + REPORT_SUFFIX)] if options.sr else []


def _write_report(path: Path, measurement: Measurement, cines: list[Cine]) -> None:
    from ..export.measurement_report import write_measurement_report

    for warning in write_measurement_report(path, measurement, [cine.source for cine in cines]):
        warn(f"warning: {warning}")


def refuse_to_overwrite(targets: list[Path], options: argparse.Namespace) -> None:
    """Raise UsageError for the first of these files that is there already, unless --force is given."""
    from ..report.outputs import OutputExists
    from ..report.outputs import refuse_to_overwrite as refuse

    try:
        if not options.force:
            refuse(targets)
    except OutputExists as error:
        raise UsageError(str(error)) from error
