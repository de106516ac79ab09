"""A labelled set of cines, in whichever form it lies on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np

from ..cine.cine import Cine, CineError
from ..cine.read import read_cine
from ..detection.keyframes import Phase
from ..measurement.contour import Contour
from .clip_labels import ClipLabels, LabelError, check_inside
from .readers import ClipReadings
from .split import Split, split_by_patient

SIMULATED_PREFIX = "simulated-"
"""Every simulated clip's name says what it is."""


class VentricleMasks(Protocol):
    """Left-ventricular cavity on some frames of a cine, read when asked for."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Frames that have one, ascending, 0-based."""

    def mask(self, frame: int) -> np.ndarray:
        """uint8 ``[H, W]`` in the cine's own pixels, 1 inside. Raises CineError where the file cannot be read."""

    def area(self, frame: int) -> float:
        """Area of the cavity in pixels."""

    def fine_mask(self, frame: int, finer: int) -> np.ndarray:
        """The same with each pixel split into ``finer`` squared, bool ``[H * finer, W * finer]``."""

    def contour(self, frame: int, phase: Phase) -> Contour:
        """The cavity's wall. Raises CineError where the file cannot be read, MeasurementError where it shows none."""


@dataclass(frozen=True)
class StatedVolumes:
    """What a set itself says of a patient's left ventricle, None where it does not: ejection fraction in per cent,
    volumes in mL. In CAMUS they are biplane, and the same for both views."""

    ejection_fraction: float | None = None
    edv: float | None = None
    esv: float | None = None


@dataclass(frozen=True, eq=False)
class LabelledCine:
    """One cine of a set.

    labels: its keyframes, view, frame rate and decided frames. patient: a key that tells patients apart, never shown;
    None where the set does not say. split: the one that the set gives. quality: the set's own grade of the image.
    readings: each reader's labels where there are several. stated: volumes and ejection fraction by the set.
    """

    labels: ClipLabels
    path: Path
    patient: str | None = field(default=None, repr=False)
    split: Split | None = None
    quality: str | None = None
    readings: ClipReadings | None = None
    masks: VentricleMasks | None = None
    stated: StatedVolumes | None = None

    @property
    def is_simulated(self) -> bool:
        return self.path.name.startswith(SIMULATED_PREFIX)

    def read(self) -> Cine:
        """Decode it, at the labelled rate where the labels state one.

        Raises CineError where the file cannot be read, LabelError where a label does not fit it.
        """
        labels = self.labels
        cine = read_cine(self.path, fps=labels.fps, view=labels.view)
        if labels.frames is None:
            check_inside(labels, len(cine))
        elif labels.frames != len(cine):
            raise LabelError(labels.file, f"has {len(cine)} frames, its labels say {labels.frames}")
        return cine


class Severity(StrEnum):
    """error: must be mended before training or evaluation. warning: probably wrong. note: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a set. kind: a few words, the same for all of its sort. file: which cine or table.
    message: one line, without anything that names a patient."""

    severity: Severity
    kind: str
    file: str
    message: str


WRONG_LABELS = ("wrong labels", "wrong tracing")
"""Kinds of findings that concern the labels of one cine, which is then not among those of the set."""


class DatasetError(CineError):
    """A folder holds no labelled set that can be used as asked. One line: which folder, why, what to do."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A labelled set.

    form: what it is, such as ``"EchoNet-Dynamic"``. findings: what its tables already show to be wrong; cines that they
    concern are left out where they cannot be used.
    """

    form: str
    folder: Path
    cines: tuple[LabelledCine, ...]
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.cines)

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is Severity.ERROR]

    @property
    def has_published_split(self) -> bool:
        """Whether the set itself says of every cine to which part it belongs."""
        return bool(self.cines) and all(cine.split is not None for cine in self.cines)

    def without_wrong_labels(self) -> Dataset:
        """The cines whose labels can be right, and no complaint about the others."""
        kept = tuple(finding for finding in self.findings if finding.kind not in WRONG_LABELS)
        return replace(self, findings=kept)

    def sound(self) -> Dataset:
        """Itself. Raises DatasetError with the first thing that must be mended, if there is any."""
        errors = self.errors
        if errors:
            more = f" (and {len(errors) - 1} more: 'echokeyframe check' lists them)" if len(errors) > 1 else ""
            raise DatasetError(errors[0].message + more)
        if not self.cines:
            raise DatasetError(self.folder.name, "holds no labelled cine")
        return self

    @property
    def torn_patients(self) -> list[Finding]:
        """One finding for each patient whom the set's own parts tear apart; a division made here never does."""
        by_patient: dict[str, list[LabelledCine]] = {}
        for cine in self.cines if self.has_published_split else ():
            if cine.patient:
                by_patient.setdefault(cine.patient, []).append(cine)
        torn = []
        for first, *others in by_patient.values():
            other = next((cine for cine in others if cine.split is not first.split), None)
            if other:
                message = (f"{other.labels.file}: is in part {other.split}, {first.labels.file} of the same patient in "
                           f"{first.split}; a patient may be in one only")  # fmt: skip
                torn.append(Finding(Severity.ERROR, "patient in two parts", other.labels.file, message))
        return torn

    def splits(self, seed: int = 0) -> list[Split]:
        """The part of each cine: the set's own, or else 4:1 per view by patient (by cine where patients are unknown).

        ``seed`` concerns only the latter.
        """
        if self.has_published_split:
            return [cine.split for cine in self.cines]
        patients = [cine.patient or f"file {cine.labels.file}" for cine in self.cines]
        return split_by_patient(patients, [cine.labels.view for cine in self.cines], seed)

    def part(self, split: Split | None, seed: int = 0) -> Dataset:
        """The cines of one part, or itself for None. Raises DatasetError where the part is empty, or where the set's
        own parts share a patient."""
        if split is None:
            return self
        if self.torn_patients:
            raise DatasetError(self.torn_patients[0].message)
        splits = self.splits(seed)
        chosen = tuple(cine for cine, part in zip(self.cines, splits, strict=True) if part is split)
        if not chosen:
            there = ", ".join(sorted(set(splits)))
            raise DatasetError(self.folder.name, f"has no cines in its part {split.value!r}; it has {there}")
        return replace(self, cines=chosen)


def errors_from(problems: Sequence[LabelError], kind: str) -> tuple[Finding, ...]:
    """Findings for labels that cannot be right; their messages name the file."""
    return tuple(Finding(Severity.ERROR, kind, str(problem).partition(":")[0], str(problem)) for problem in problems)
