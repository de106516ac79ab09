"""Loads, detections and comparisons under way: from a request to the worker to nodes, a little at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...cine.cine import CineError
from ...cine.orientation import AUTO
from ...datasets.clip_labels import ClipLabels
from ...detection.keyframes import Detection, Keyframe
from ...scene import (
    SceneError,
    SourceComparison,
    add_curves,
    as_labelled,
    bookmark_labels,
    compare_with_source,
    put_found,
    read_keyframes,
    write_detection,
    write_volume_curve,
)
from ...scene.loop.cine_sequence import stem
from ...worker.process import Event, Worker, WorkerError
from .detection_request import detection_from, detection_request, tracing_request
from .loading import Loading

STEP_SECONDS = 0.03
"""Time that one ``poll`` may give to adding frames to the scene."""


@dataclass(frozen=True)
class DetectorChoice:
    """What to detect with: a detector's name or weights file, a device as ``choose_device`` takes it, and where the
    apex is, a word of ``orientation.CHOICES``."""

    model: str
    device: str = "auto"
    orientation: str = AUTO


@dataclass
class Job:
    """One load, detection, comparison or tracing. number: the worker's. sequence: None until the first frame of a load
    is in it. labels: of a labelled cine, which become its keyframes."""

    kind: str
    number: int
    name: str
    sequence: Any | None = None
    choice: DetectorChoice | None = None
    warnings: tuple[str, ...] = ()
    labels: ClipLabels | None = None


@dataclass(frozen=True)
class Report:
    """What a person is told. kind: ``"progress"``, ``"begun"`` (the first frame of a file can be seen), ``"loaded"``,
    ``"detected"``, ``"compared"``, ``"traced"``, ``"failed"`` or ``"cancelled"``.

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
        self._loads: dict[int, tuple[Job, Loading]] = {}

    @property
    def busy(self) -> bool:
        return bool(self._jobs or self._loads)

    @property
    def waiting(self) -> int:
        """Number of jobs that are not finished."""
        return len(self._jobs.keys() | self._loads.keys())

    def prepare(self) -> None:
        """Start the background process before anything is asked of it, so that a file is not kept waiting for it.

        Raises WorkerError.
        """
        self.worker.start()

    def is_under_way(self, sequence: Any) -> bool:
        """Whether this sequence is being loaded, or a detection or comparison of it runs or waits."""
        jobs = [*self._jobs.values(), *(job for job, _ in self._loads.values())]
        return any(job.sequence is sequence for job in jobs)

    def load(
        self, path: str | Path, then: DetectorChoice | None = None, labels: ClipLabels | None = None
    ) -> Job:
        """Queue the loading of a file; ``then`` detects in it, ``labels`` become its keyframes. Raises CineError or
        WorkerError."""
        job = self._read("load", Path(path), choice=then)
        job.labels = labels
        self._loads[job.number] = job, Loading(self._scene(), stem(job.name))
        return job

    def compare(self, sequence: Any, path: str | Path) -> Job:
        """Queue the comparison of a sequence with the file it came from. Raises CineError or WorkerError."""
        return self._read("compare", Path(path), sequence)

    def detect(self, sequence: Any, choice: DetectorChoice) -> Job:
        """Queue a detection. Raises SceneError or WorkerError."""
        if self.is_under_way(sequence):
            raise SceneError(f"{sequence.GetName()}: is being worked on already; wait for it, or cancel")
        request, warnings = detection_request(sequence, choice.model, choice.device, choice.orientation)
        job = Job("detect", self.worker.submit(request), sequence.GetName(), sequence, choice, warnings)
        self._jobs[job.number] = job
        return job

    def trace(self, sequence: Any, wanted: Mapping[int, tuple[Keyframe, ...]], choice: DetectorChoice) -> Job:
        """Queue the finding of contours: of beats, by their number, on these keyframes. Of the choice, device and
        orientation count. Raises as ``detect``."""
        if self.is_under_way(sequence):
            raise SceneError(f"{sequence.GetName()}: is being worked on already; wait for it, or cancel")
        request = tracing_request(sequence, wanted, choice.device, choice.orientation)
        job = Job("trace", self.worker.submit(request), sequence.GetName(), sequence)
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
        for number in self._jobs:
            self.worker.cancel(number)
        return [
            self._end_load(number, "cancelled", f"{job.name}: loading was cancelled")
            for number, (job, _) in list(self._loads.items())
            if number not in self._jobs  # the worker has nothing to do with it any more
        ]

    def stop(self) -> None:
        """Drop everything and end the worker, without reports."""
        self._jobs.clear()
        for number in list(self._loads):
            self._end_load(number, "cancelled", "")
        self.worker.stop()

    def poll(self) -> list[Report]:
        """What happened since the last call."""
        reports = []
        for event in self.worker.poll():
            job = self._jobs.get(event.number)
            if job is not None:
                reports += self._answer(job, event)
        return reports + self._add_frames()

    def wait(self, let_work: Callable[[], Any], seconds: float) -> list[Report]:
        """Poll until nothing is under way, with ``let_work`` called between; the reports but progress. Raises
        TimeoutError."""
        deadline, reports = time.monotonic() + seconds, []
        while self.busy:
            if time.monotonic() > deadline:
                raise TimeoutError(f"a load or detection took longer than {seconds:g} s")
            reports += [report for report in self.poll() if report.kind != "progress"]
            let_work()
            time.sleep(0.01)
        return reports

    def _answer(self, job: Job, event: Event) -> list[Report]:
        load = self._loads.get(job.number)
        if event.kind == "progress":
            if load is not None and event.arrived is not None:
                load[1].arrive(event.arrived)
            return [Report("progress", job, event.stage, event.fraction)]
        del self._jobs[job.number]
        if event.kind in ("cancelled", "failed"):
            message = f"{job.name}: cancelled" if event.kind == "cancelled" else event.message
            if load is not None:
                return [self._end_load(job.number, event.kind, message)]
            return [Report(event.kind, job, message)]
        if load is not None:
            return self._finish_load(job, load[1], event)
        if job.sequence.GetScene() is None:
            return [Report("failed", job, f"{job.name}: the sequence was removed meanwhile, the result is dropped")]
        finish = {"compare": self._compare, "trace": self._draw}.get(job.kind, self._take_over)
        return [finish(job, event)]

    def _finish_load(self, job: Job, loading: Loading, event: Event) -> list[Report]:
        try:
            cine = as_labelled(event.cine, job.labels) if job.labels is not None else event.cine
        except CineError as error:
            return [self._end_load(job.number, "failed", str(error))]
        loading.finish(cine, event.arrived, event.changed)
        job.warnings = cine.warnings
        return []

    def _compare(self, job: Job, event: Event) -> Report:
        """Set a file that was read against its sequence. Changes nothing."""
        try:
            comparison = compare_with_source(job.sequence, event.cine)
        except SceneError as error:
            return Report("failed", job, str(error))
        return Report("compared", job, f"{job.name}: compared", 1.0, comparison=comparison)

    def _draw(self, job: Job, event: Event) -> Report:
        """Put the contours that were found into the scene."""
        told = event.contours
        try:
            write_volume_curve(job.sequence, told.curve)
            curves = put_found(job.sequence, told.found, told.algorithm)
        except CineError as error:
            return Report("failed", job, str(error))
        lines = [f"{job.name}: {len(curves)} contour{'s' * (len(curves) != 1)} found; check them against the image, "
                 "drag what is wrong"] if curves else [f"{job.name}: no contour could be found"]  # fmt: skip
        lines += [f"beat {one.beat}: {one.reason}" for one in told.found.refused]
        return Report("traced", job, "\n".join(dict.fromkeys([*lines, *told.found.notes])), 1.0)

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

    def _add_frames(self) -> list[Report]:
        """Give the oldest load some time."""
        number, (job, loading) = next(iter(self._loads.items()), (None, (None, None)))
        if number is None:
            return []
        before = loading.sequence
        try:
            complete = loading.step(STEP_SECONDS)
        except CineError as error:
            self.worker.cancel(number)
            return [self._end_load(number, "failed", str(error))]
        except MemoryError:
            self.worker.cancel(number)
            return [self._end_load(number, "failed", f"{job.name}: not enough memory for this cine; close other data")]
        except OSError as error:
            self.worker.cancel(number)
            why = error.strerror or type(error).__name__
            return [self._end_load(number, "failed", f"{job.name}: its frames were lost ({why}); load it again")]
        job.sequence = loading.sequence
        if complete:
            del self._loads[number]
            return self._loaded(job)
        if loading.sequence is not before:
            return [Report("begun", job, f"{job.name}: loading")]
        return [Report("progress", job, "adding frames to the scene", loading.fraction)] if loading.read else []

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

    def _end_load(self, number: int, kind: str, message: str) -> Report:
        job, loading = self._loads.pop(number)
        self._jobs.pop(number, None)
        loading.discard()
        job.sequence = None
        return Report(kind, job, message)
