"""What a measurement gives: volumes of each beat's ED and ES, what follows from them, and means over beats."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from statistics import fmean

from ..detection.keyframes import Phase
from .disks import Disks
from .volume import area_length, biplane, single_plane


class Method(StrEnum):
    """How volumes were measured. Values are what a report prints."""

    SINGLE_PLANE = "method of disks, single plane"
    BIPLANE = "method of disks, biplane"


@dataclass(frozen=True, eq=False)
class PhaseVolume:
    """The ventricle at one phase of one beat.

    disks: one for each view, A4C before A2C in a biplane measurement. volume: mL, by the method of disks.
    area_length: mL, the check. length: mm, the longer long axis of the views.
    """

    phase: Phase
    disks: tuple[Disks, ...]

    @property
    def volume(self) -> float:
        return biplane(*self.disks) if len(self.disks) == 2 else single_plane(self.disks[0])

    @property
    def area_length(self) -> float:
        return area_length(*self.disks)

    @property
    def length(self) -> float:
        return max(d.length for d in self.disks)

    @property
    def frames(self) -> tuple[int, ...]:
        """The frame in each view."""
        return tuple(d.contour.frame for d in self.disks)


@dataclass(frozen=True, eq=False)
class BeatMeasurement:
    """One beat. heart_rate: beats per minute, None if unknown. warnings: one line each, naming the beat."""

    beat: int
    ed: PhaseVolume
    es: PhaseVolume
    heart_rate: float | None
    warnings: tuple[str, ...] = field(default=())

    @property
    def edv(self) -> float:
        """End-diastolic volume in mL."""
        return self.ed.volume

    @property
    def esv(self) -> float:
        """End-systolic volume in mL."""
        return self.es.volume

    @property
    def stroke_volume(self) -> float:
        """mL, ``EDV - ESV``."""
        return self.edv - self.esv

    @property
    def ejection_fraction(self) -> float:
        """Per cent, ``SV / EDV``."""
        return 100 * self.stroke_volume / self.edv

    @property
    def cardiac_output(self) -> float | None:
        """Litres per minute, ``SV * heart rate``; None where the heart rate is unknown."""
        return None if self.heart_rate is None else self.stroke_volume * self.heart_rate / 1000

    @property
    def length_ed(self) -> float:
        """LV length at end-diastole in mm."""
        return self.ed.length

    @property
    def length_es(self) -> float:
        """LV length at end-systole in mm."""
        return self.es.length

    @property
    def area_length_edv(self) -> float:
        """mL, the check."""
        return self.ed.area_length

    @property
    def area_length_esv(self) -> float:
        """mL, the check."""
        return self.es.area_length

    def of(self, phase: Phase) -> PhaseVolume:
        return self.ed if phase is Phase.ED else self.es


@dataclass(frozen=True, eq=False)
class Measurement:
    """All beats that were traced. sources, views: file name and view of each cine. warnings: one line each.

    Means are over beats, that of the ejection fraction too; None where no beat has the value.
    """

    method: Method
    sources: tuple[str, ...]
    views: tuple[str | None, ...]
    beats: tuple[BeatMeasurement, ...]
    warnings: tuple[str, ...] = field(default=())

    def mean(self, quantity: str) -> float | None:
        """Mean over beats of an attribute of ``BeatMeasurement`` such as ``"edv"``, over those that have it."""
        values = [value for beat in self.beats if (value := getattr(beat, quantity)) is not None]
        return fmean(values) if values else None
