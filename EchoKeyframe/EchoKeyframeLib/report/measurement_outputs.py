"""The files that measuring leaves: numbers, a picture, and where contours were found those and the volume curve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..atomic_file import make_folder, written_together
from ..cine.cine import Cine
from ..cine.sector import Sector
from ..measurement.automatic.measured_loop import MeasuredLoop
from ..measurement.contours_file import write_contours
from ..measurement.measurement import Measurement
from .measurement_file import write_measurement_csv, write_measurement_json
from .volumes_file import write_volumes

SUFFIXES = (".measurement.json", ".measurement.csv", ".measurement.png")
"""The JSON comes first: where it lies, the others beside it are known to be ours."""
LOOP_SUFFIXES = (".contours.json", ".volumes.csv")
"""For each cine whose contours were found."""


def measurement_paths(target: Path, suffixes: Sequence[str] = SUFFIXES) -> list[Path]:
    """The files for ``target``, which is DIR/NAME without a suffix."""
    return [target.with_name(target.name + suffix) for suffix in suffixes]


def write_measurement(
    target: Path,
    views: Sequence[tuple[Cine, Sector]],
    measurement: Measurement,
    loops: Sequence[MeasuredLoop] = (),
) -> None:
    """Write the three files of a measurement, whole or not at all. views, loops: in the order of its sources.

    Raises OSError.
    """
    from .measurement_figure import write_measurement_figure  # Matplotlib, which asking for names need not load

    make_folder(target.parent)
    with written_together(measurement_paths(target)) as (json_path, csv_path, figure_path):
        write_measurement_json(json_path, measurement)
        write_measurement_csv(csv_path, measurement)
        write_measurement_figure(figure_path, views, measurement, [loop.curve for loop in loops])


def write_loop(target: Path, loop: MeasuredLoop) -> None:
    """Write the contours of a loop, if there are any, and its volume curve. Raises OSError."""
    make_folder(target.parent)
    contours, volumes = measurement_paths(target, LOOP_SUFFIXES)
    if loop.view.contours:
        write_contours(contours, loop.view.contours)
    write_volumes(volumes, loop.curve)
