"""Measuring a cine of a batch once its ED and ES are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..cine.cine import Cine
from ..detection.keyframes import Beat
from ..measurement.automatic.measured_loop import MeasuredLoop
from ..measurement.contour import AUTO, MeasurementError
from ..measurement.contours_file import read_contours
from ..measurement.measure import NothingMeasured, measure
from ..measurement.measurement import Measurement
from ..measurement.traced_view import WrongView
from ..measurement.unfit import Doubt, RefusedBeat
from ..report.keyframes_file import read_json
from ..report.measurement_file import read_measured_beats, write_refusal
from ..report.measurement_outputs import LOOP_SUFFIXES, measurement_paths, write_loop, write_measurement
from ..report.outputs import output_paths, refuse_to_overwrite
from .job import Job, Settings
from .process import own_tracer

if TYPE_CHECKING:
    from ..cine.sector import Sector
    from ..detection.detector import Progress


def is_measured(target: Path) -> bool:
    """Whether a measurement, or that there is none to be had, is written for these results.

    One whose contours were all found counts only as long as its beats' keyframes are those of NAME.keyframes.json: a
    person may have corrected them since. Raises CineError where one of the files is damaged.
    """
    path = measurement_paths(target)[0]
    if not path.exists():
        return False
    measured = read_measured_beats(path)[0]
    beats = {beat.number: beat for beat in read_json(output_paths(target)[0]).beats}
    return all(one.source != AUTO or (number in beats and one.is_of(beats[number]))
               for number, one in measured.items())  # fmt: skip


def measure_job(
    job: Job, settings: Settings, cine: Cine, sector: Sector, beats: Sequence[Beat], progress: Progress | None
) -> str:
    """Find the contours of a cine whose beats are known, measure them and write the files. Returns what came of it.

    A cine that cannot be measured is none that failed: NAME.measurement.json then says why. Raises OutputExists where a
    person's contours would be overwritten, OSError.
    """
    if not settings.force:
        _spare_drawn(job.target)
    path, *others = measurement_paths(job.target)
    for outdated in others:
        outdated.unlink(missing_ok=True)
    try:
        loop = MeasuredLoop.of(cine, sector, beats, own_tracer(settings.device, settings.runtime), progress=progress)
        measurement = measure(loop.view)
    except MeasurementError as error:
        write_refusal(path, cine.source.name, cine.view, error.reason, _refused(error, beats))
        return f"not measured: {error.reason}"
    write_loop(job.target, loop)
    write_measurement(job.target, [(cine, sector)], measurement, [loop])
    return _told(measurement)


def _spare_drawn(target: Path) -> None:
    contours = measurement_paths(target, LOOP_SUFFIXES)[0]
    if contours.exists() and any(contour.source != AUTO for contour in read_contours(contours)):
        refuse_to_overwrite([contours])


def _refused(error: MeasurementError, beats: Sequence[Beat]) -> tuple[RefusedBeat, ...]:
    if isinstance(error, NothingMeasured):
        return error.refused
    word = Doubt.VIEW if isinstance(error, WrongView) else Doubt.BROKEN
    return tuple(RefusedBeat(beat.number, (str(word),), error.reason) for beat in beats)


def _told(measurement: Measurement) -> str:
    """Such as ``EF 54 % (3 beats)``."""
    number = len(measurement.taken)
    doubt = "" if any(not beat.unfit for beat in measurement.taken) else ", doubtful"
    return f"EF {measurement.mean('ejection_fraction'):.0f} % ({number} beat{'s' * (number > 1)}{doubt})"
