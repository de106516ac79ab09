"""One cine of an archive through reading, preparation and writing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets.identity_words import identity_words, without_words
from ..datasets.manifest import FAILED, PREPARED, ManifestEntry
from ..datasets.preparation import PreparedCine, prepare_cine
from ..datasets.pseudonyms import Pseudonyms, patient_identity
from .job import Job, Outcome, Status, guarded
from .process import check_stop

SUFFIX = ".avi"


@dataclass(frozen=True)
class PrepareSettings:
    """How every cine is prepared; the fields are the options of ``echokeyframe prepare``. size: None for native."""

    pseudonyms: Pseudonyms
    size: int | None
    codec: str
    whole_frame: bool = False
    fps: float | None = None
    view: str | None = None


def run_prepare(job: Job, settings: PrepareSettings) -> Outcome:
    """Write ``job.target`` with the suffix ``.avi``; the outcome's result is its ``ManifestEntry``, None if it failed.

    Raises ``Cancelled`` and nothing else.
    """
    return guarded(job, lambda: _prepare(job, settings))


def failed_entry(outcome: Outcome) -> ManifestEntry:
    """The entry of a cine that failed: why, under its neutral name; its own may name the patient."""
    name = outcome.job.target.name
    return ManifestEntry(name, FAILED, message=f"{name}: {without_words(outcome.message, _words(outcome.job))}")


def _prepare(job: Job, settings: PrepareSettings) -> Outcome:
    from ..cine.read import read_cine
    from ..cine.video_writer import write_video

    check_stop()
    cine = read_cine(job.cine, fps=settings.fps, view=settings.view)
    prepared = prepare_cine(cine, settings.size, settings.whole_frame)
    path = job.target.with_name(job.target.name + SUFFIX)
    words = _words(job) if prepared.warnings else frozenset()
    write_video(path, prepared.frames, prepared.rate, settings.codec)
    entry = ManifestEntry(
        path.name, PREPARED, cine.view or "", settings.pseudonyms.patient(patient_identity(job.cine)),
        heart_rate=cine.heart_rate or None,
        warnings=" | ".join(without_words(warning, words) for warning in prepared.warnings),
        **_measures(prepared),
    )  # fmt: skip
    # The neutral name is not told: beside the cine's own, a log would be a mapping.
    return Outcome(job, Status.DONE, warnings=prepared.warnings, result=entry)


def _words(job: Job) -> frozenset[str]:
    return identity_words(job.cine, job.below or Path(job.cine.name))


def _measures(prepared: PreparedCine) -> dict[str, Any]:
    frames, height, width = prepared.frames.shape
    row, column = prepared.spacing or (None, None)
    # The codecs need even sides.
    return {"frames": frames, "fps": prepared.rate, "height": height + height % 2, "width": width + width % 2,
            "row_spacing": row, "column_spacing": column, "sector": prepared.sector}  # fmt: skip
