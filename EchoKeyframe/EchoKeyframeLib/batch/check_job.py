"""One labelled cine, decoded and compared with its labels, as a job of a batch."""

from __future__ import annotations

from dataclasses import dataclass

from ..datasets.cine_check import check_cine
from ..datasets.dataset import LabelledCine
from .job import Job, Outcome, Status, guarded


@dataclass(frozen=True)
class CheckJob(Job):
    """A labelled cine; nothing is written for it."""

    labelled: LabelledCine


def run_check(job: CheckJob) -> Outcome:
    """The outcome's result is the ``CineCheck`` of the decoded cine."""
    return guarded(job, lambda: Outcome(job, Status.DONE, result=check_cine(job.labelled, decode=True)))
