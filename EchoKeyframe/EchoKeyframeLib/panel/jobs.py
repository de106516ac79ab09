"""Loads, detections and comparisons under way: from a request to the worker to nodes, a little at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..cine.cine import Cine, CineError
from ..datasets.labels import ClipLabels
from ..detection.keyframes import Detection
from ..scene import (
    SceneError,
    SourceComparison,
    add_cine_stepwise,
    add_curves,
    as_labelled,
    bookmark_labels,
    compare_with_source,
    read_keyframes,
    write_detection,
)
from ..worker.process import Event, Worker, WorkerError
from .detection_request import detection_from, detection_request

STEP_SECONDS = 0.03
"""Time that one ``poll`` may give to adding frames to the scene."""


@dataclass(frozen=True)
class DetectorChoice:
    """What to detect with: a detector's name or weights file, and a device as ``choose_device`` takes it."""

    model: str
    device: str = "auto"


@dataclass
class Job:
    """One load, detection or comparison. number: the worker's. sequence: None until a load has made it.
    labels: of a labelled cine, which become its keyframes."""

    kind: str
    number: int
    name: str
    sequence: Any | None = None
    choice: DetectorChoice | None = None
    warnings: tuple[str, ...] = ()
    labels: ClipLabels | None = None


@dataclass(frozen=True)
class Report:
    """What a person is told. kind: ``"progress"``, ``"loaded"``, ``"detected"``, ``"compared"``, ``"failed"`` or
    ``"cancelled"``.

    message: one line. fraction: of this job, in [0, 1]. sequence: the node concerned, if there is one by now.
    """

    kind: str
    job: Job
    message: str = ""
    fraction: float = 0.0
    detection: Detection | None = None
    comparison: SourceComparison | None = None

    @property
    def sequence(self) -> Any | None:
        return self.job.sequence


class Jobs:
    """Everything under way for one scene. Driven by a timer: ``poll`` returns what happened and never takes long.

    Results for nodes that left the scene meanwhile are dropped, with a report that says so.
    """

    def __init__(self, scene: Callable[[], Any], worker: Worker) -> None:
        """``scene`` gives the scene into which files are loaded."""
        self._scene, self.worker = scene, worker
        self._jobs: dict[int, Job] = {}
        self._import: tuple[Job, Generator[float, None, tuple[Any, Any]]] | None = None

    @property
    def busy(self) -> bool:
        return bool(self._jobs) or self._import is not None

    @property
    def waiting(self) -> int:
        """Number of jobs that are not finished."""
        return len(self._jobs) + (self._import is not None)

    def is_under_way(self, sequence: Any) -> bool:
        """Whether a detection or comparison of this sequence runs or waits."""
        return any(job.sequence is sequence for job in self._jobs.values())

    def load(
        self, path: str | Path, then: DetectorChoice | None = None, labels: ClipLabels | None = None
    ) -> Job:
        """Queue the loading of a file; ``then`` detects in it, ``labels`` become its keyframes. Raises CineError or
        WorkerError."""
        job = self._read("load", Path(path), choice=then)
        job.labels = labels
        return job

    def compare(self, sequence: Any, path: str | Path) -> Job:
        """Queue the comparison of a sequence with the file it came from. Raises CineError or WorkerError."""
        return self._read("compare", Path(path), sequence)

    def detect(self, sequence: Any, choice: DetectorChoice) -> Job:
        """Queue a detection. Raises SceneError or WorkerError."""
        if self._import is not None and self._import[0].sequence is sequence:
            raise SceneError(f"{sequence.GetName()}: is still loading; detect when it is complete")
        if self.is_under_way(sequence):
            raise SceneError(f"{sequence.GetName()}: is being worked on already; wait for it, or cancel")
        request, warnings = detection_request(sequence, choice.model, choice.device)
        job = Job("detect", self.worker.submit(request), sequence.GetName(), sequence, choice, warnings)
        self._jobs[job.number] = job
        return job

    def _read(self, kind: str, path: Path, sequence: Any = None, choice: DetectorChoice | None = None) -> Job:
        if not path.is_file():
            raise CineError(path.name or "the path", "there is no such file; choose a DICOM or video file")
        job = Job(kind, self.worker.read(path), path.name, sequence, choice)
        self._jobs[job.number] = job
        return job

    def cancel(self) -> list[Report]:
        """Give everything up: reports for what ends at once, the others follow from ``poll`` within half a second."""
        for number in list(self._jobs):
            self.worker.cancel(number)
        return [self._end_import("cancelled", "loading was cancelled")] if self._import is not None else []

    def stop(self) -> None:
        """Drop everything and end the worker, without reports."""
        self._jobs.clear()
        if self._import is not None:
            self._end_import("cancelled", "")
        self.worker.stop()

    def poll(self) -> list[Report]:
        """What happened since the last call."""
        if self._import is not None:
            return self._import_frames()
        reports = []
        for event in self.worker.poll():
            job = self._jobs.get(event.number)
            if job is not None:
                reports.append(self._answer(job, event))
        return reports

    def _answer(self, job: Job, event: Event) -> Report:
        if event.kind == "progress":
            return Report("progress", job, event.stage, event.fraction)
        del self._jobs[job.number]
        if event.kind == "cancelled":
            return Report("cancelled", job, f"{job.name}: cancelled")
        if event.kind == "failed":
            return Report("failed", job, event.message)
        if job.kind == "load":
            return self._begin_import(job, event.cine)
        if job.sequence.GetScene() is None:
            return Report("failed", job, f"{job.name}: the sequence was removed meanwhile, the result is dropped")
        return self._compare(job, event) if job.kind == "compare" else self._take_over(job, event)

    def _begin_import(self, job: Job, cine: Cine) -> Report:
        try:
            cine = as_labelled(cine, job.labels) if job.labels is not None else cine
        except CineError as error:
            return Report("failed", job, str(error))
        self._import = job, add_cine_stepwise(self._scene(), cine)
        job.warnings = cine.warnings
        return Report("progress", job, "adding frames to the scene", 0.0)

    def _compare(self, job: Job, event: Event) -> Report:
        """Set a file that was read against its sequence. Changes nothing."""
        try:
            comparison = compare_with_source(job.sequence, event.cine)
        except SceneError as error:
            return Report("failed", job, str(error))
        return Report("compared", job, f"{job.name}: compared", 1.0, comparison=comparison)

    def _take_over(self, job: Job, event: Event) -> Report:
        """Put a detection's result into the scene."""
        detection = detection_from(event.result, event.curves, job.warnings)
        try:
            table = write_detection(job.sequence, detection)
            detection = replace(detection, keyframes=read_keyframes(table))
            add_curves(job.sequence, detection.curves, detection.keyframes)
        except SceneError as error:
            return Report("failed", job, str(error))
        return Report("detected", job, f"{job.name}: detection finished", 1.0, detection)

    def _import_frames(self) -> list[Report]:
        job, steps = self._import
        deadline = time.monotonic() + STEP_SECONDS
        try:
            while True:
                fraction = next(steps)
                if time.monotonic() > deadline:
                    return [Report("progress", job, "adding frames to the scene", fraction)]
        except StopIteration as finished:
            self._import = None
            job.sequence, _ = finished.value
            return self._loaded(job)
        except SceneError as error:
            self._import = None
            return [Report("failed", job, str(error))]
        except MemoryError:
            self._import = None
            return [Report("failed", job, f"{job.name}: not enough memory for this cine; close other data")]

    def _loaded(self, job: Job) -> list[Report]:
        note = ""
        if job.labels is not None:
            try:
                note = bookmark_labels(job.sequence, job.labels)
            except SceneError as error:
                note = str(error)
        return [Report("loaded", job, note or f"{job.name}: loaded", 1.0), *self._detect_next(job)]

    def _detect_next(self, job: Job) -> list[Report]:
        if job.choice is None:
            return []
        try:
            self.detect(job.sequence, job.choice)
        except (CineError, WorkerError) as error:
            return [Report("failed", job, str(error))]
        return []

    def _end_import(self, kind: str, message: str) -> Report:
        job, steps = self._import
        self._import = None
        steps.close()
        return Report(kind, job, f"{job.name}: {message}")
