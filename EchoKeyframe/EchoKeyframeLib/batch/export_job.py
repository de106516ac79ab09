"""One cine through reading, detection (or keyframes that are known) and export."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..cine.cine import CineError
from ..cine.orientation import AUTO, CHOICES
from .job import Job, Outcome, Status, guarded
from .process import check_stop, own_detector

if TYPE_CHECKING:
    from ..export.record import Request


@dataclass(frozen=True)
class ExportSettings:
    """How every cine is exported; the fields are the options of ``echokeyframe export``.

    keyframes: the folder into which ``detect`` wrote, or a NAME.keyframes.json; None: detect with ``model``.
    """

    formats: tuple[str, ...]
    model: str
    decoder: str = "beats"
    keyframes: Path | None = None
    beats: tuple[int, ...] | None = None
    measurable: bool = False
    whole_frame: bool = False
    fps: float | None = None
    view: str | None = None
    force: bool = False
    orientation: str = AUTO


def run_export(job: Job, settings: ExportSettings, output: Path) -> Outcome:
    """Export a cine; ``output`` is the folder that mirrors the cines' own. Raises ``Cancelled`` and nothing else."""
    return guarded(job, lambda: _export(job, settings, output))


def _export(job: Job, settings: ExportSettings, output: Path) -> Outcome:
    from ..cine.read import read_cine
    from ..cine.sector import find_sector
    from ..detection.detect import detect
    from ..export.export_cine import export_cine
    from ..export.record import is_exported
    from ..report.marked_cine import read_marked_cine

    if settings.keyframes is not None:  # for which none are there
        _pass_stills_over(job)
    path = _keyframes_path(job, settings.keyframes, output)
    request = _request(job, settings, path)
    if not settings.force and is_exported(job.target, request):
        return Outcome(job, Status.SKIPPED)
    check_stop()
    if path is None:
        cine = read_cine(job.cine, fps=settings.fps, view=settings.view)
        sector = find_sector(cine, CHOICES[settings.orientation])
        detector = own_detector(settings.model, "cpu")
        found = detect(cine, detector, settings.decoder, sector, check_stop)
    else:
        cine, found = read_marked_cine(job.cine, path, settings.fps, settings.view)
        sector = find_sector(cine, CHOICES[settings.orientation] or found.given_orientation)
    try:
        files, warnings = export_cine(job.target, cine, sector, found.beats, request, settings.force)
    except OSError as error:
        reason = error.strerror or type(error).__name__  # a library's own text may be a whole traceback
        raise CineError(job.cine.name, f"cannot be exported to the output folder ({reason})") from error
    told = f"{len(files)} file{'s' * (len(files) > 1)}" if files else "nothing to export: no measurable beat"
    return Outcome(job, Status.DONE, told,
                   warnings=tuple(dict.fromkeys([*found.warnings, *warnings])))  # fmt: skip


def _pass_stills_over(job: Job) -> None:
    """Raise StillError for a file that its header, and then its frames, show to be no loop."""
    from ..cine.read import read_cine, read_header
    from ..detection.detect import FEWEST_FRAMES, check_loop

    if (read_header(job.cine).frames or FEWEST_FRAMES) < FEWEST_FRAMES:
        cine = read_cine(job.cine, fps=1.0)
        check_loop(job.cine.name, len(cine), cine.findings)


def _keyframes_path(job: Job, keyframes: Path | None, output: Path) -> Path | None:
    """Where the keyframes of a job lie, which ``detect`` named as the job's own files are named."""
    if keyframes is None or keyframes.is_file():
        return keyframes
    relative = job.target.relative_to(output)
    path = keyframes / relative.with_name(f"{relative.name}.keyframes.json")
    if not path.is_file():
        raise CineError(
            job.cine.name, f"{path.name} is not in the folder of --keyframes; run detect on the same arguments first"
        )
    return path


def _request(job: Job, settings: ExportSettings, keyframes: Path | None) -> Request:
    from ..export.record import Request
    from ..report.keyframes_file import readable

    if keyframes is None:
        origin = f"{Path(settings.model).name}, {settings.decoder}"
    else:
        origin = f"file {hashlib.sha256(keyframes.read_bytes()).hexdigest()[:16]}"
    return Request(
        readable(job.cine.name), settings.formats, origin, settings.beats, settings.measurable, settings.whole_frame,
        settings.fps, settings.view, orientation=settings.orientation,
    )  # fmt: skip
