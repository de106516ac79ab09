"""What a measurement gives: volumes of each beat's ED and ES, what follows from them, and means over beats."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from statistics import fmean, stdev

from ..detection.keyframes import Phase
from .contour import MANUAL, MIXED
from .disks import Disks
from .unfit import RefusedBeat
from .volume import area_length, biplane, single_plane


class Method(StrEnum):
    """How volumes were measured. Values are what a report prints."""

    SINGLE_PLANE = "method of disks, single plane"
    BIPLANE = "method of disks, biplane"


@dataclass(frozen=True, eq=False)
class PhaseVolume:
    """The ventricle at one phase of one beat.

    disks: one for each view, A4C before A2C in a biplane measurement.
    """

    phase: Phase
    disks: tuple[Disks, ...]

    @property
    def calibrated(self) -> bool:
        """Whether the size of a pixel is known in each view, so that there are mL and mm."""
        return all(d.calibrated for d in self.disks)

    @property
    def relative_volume(self) -> float:
        """By the method of disks, in mL where ``calibrated``, else in a unit that nobody knows: good for ratios."""
        return biplane(*self.disks) if len(self.disks) == 2 else single_plane(self.disks[0])

    @property
    def relative_area_length(self) -> float:
        """The check, in the unit of ``relative_volume``."""
        return area_length(*self.disks)

    @property
    def volume(self) -> float | None:
        """mL, by the method of disks; None where the size of a pixel is not known."""
        return self.relative_volume if self.calibrated else None

    @property
    def area_length(self) -> float | None:
        """mL, the check; None where the size of a pixel is not known."""
        return self.relative_area_length if self.calibrated else None

    @property
    def length(self) -> float | None:
        """mm, the longer long axis of the views; None where the size of a pixel is not known."""
        return max(d.length for d in self.disks) if self.calibrated else None

    @property
    def frames(self) -> tuple[int, ...]:
        """The frame in each view."""
        return tuple(d.contour.frame for d in self.disks)

    @property
    def confidence(self) -> float:
        """That of the contour that is least certain, in ``[0, 1]``."""
        return min(d.contour.confidence for d in self.disks)


@dataclass(frozen=True, eq=False)
class BeatMeasurement:
    """One beat. heart_rate: beats per minute, None if unknown. warnings: one line each, naming the beat.

    unfit: what makes its numbers doubtful, in words (``detection.keyframes.Unfit``, ``Doubt``).
    Volumes, lengths and what follows from them but the ejection fraction are None where the size of a pixel is unknown.
    """

    beat: int
    ed: PhaseVolume
    es: PhaseVolume
    heart_rate: float | None
    warnings: tuple[str, ...] = field(default=())
    unfit: tuple[str, ...] = field(default=())

    @property
    def edv(self) -> float | None:
        """End-diastolic volume in mL."""
        return self.ed.volume

    @property
    def esv(self) -> float | None:
        """End-systolic volume in mL."""
        return self.es.volume

    @property
    def stroke_volume(self) -> float | None:
        """mL, ``EDV - ESV``."""
        return None if self.edv is None or self.esv is None else self.edv - self.esv

    @property
    def ejection_fraction(self) -> float:
        """Per cent, ``SV / EDV``."""
        return 100 * (1 - self.es.relative_volume / self.ed.relative_volume)

    @property
    def ejection_fraction_interval(self) -> tuple[float, float] | None:
        """Per cent: holds the true one in 90 of 100 beats. None where a person traced both phases: of how sure a
        person is, nothing is known."""
        if self.source == MANUAL:
            return None
        from .automatic.uncertainty import ejection_fraction_interval

        return ejection_fraction_interval(self.ed.relative_volume, self.es.relative_volume, self.ed.confidence,
                                          self.es.confidence)  # fmt: skip

    @property
    def cardiac_output(self) -> float | None:
        """Litres per minute, ``SV * heart rate``; None where either is unknown."""
        if self.heart_rate is None or self.stroke_volume is None:
            return None
        return self.stroke_volume * self.heart_rate / 1000

    @property
    def length_ed(self) -> float | None:
        """LV length at end-diastole in mm."""
        return self.ed.length

    @property
    def length_es(self) -> float | None:
        """LV length at end-systole in mm."""
        return self.es.length

    @property
    def area_length_edv(self) -> float | None:
        """mL, the check."""
        return self.ed.area_length

    @property
    def area_length_esv(self) -> float | None:
        """mL, the check."""
        return self.es.area_length

    @property
    def source(self) -> str:
        """Who found its contours: ``"manual"``, ``"auto"``, or ``"mixed"``."""
        sources = {disks.contour.source for volume in (self.ed, self.es) for disks in volume.disks}
        return MIXED if len(sources) > 1 else sources.pop()

    def of(self, phase: Phase) -> PhaseVolume:
        return self.ed if phase is Phase.ED else self.es


@dataclass(frozen=True, eq=False)
class Measurement:
    """All beats that were traced. sources, views: file name and view of each cine. warnings: one line each.

    refused: beats whose contours were found but give no number. index_beat: number of the beat that stands for all in
    an irregular rhythm (``index_beats``), None where there is none. algorithm: name and version of what found the
    contours that no person drew.
    Means are over the beats ``taken``, that of the ejection fraction too; None where no beat has the value.
    """

    method: Method
    sources: tuple[str, ...]
    views: tuple[str | None, ...]
    beats: tuple[BeatMeasurement, ...]
    warnings: tuple[str, ...] = field(default=())
    refused: tuple[RefusedBeat, ...] = field(default=())
    index_beat: int | None = None
    algorithm: str | None = None

    @property
    def taken(self) -> tuple[BeatMeasurement, ...]:
        """Beats that means are over: those that nothing speaks against or that a person traced; all, if there are
        none."""
        return tuple(b for b in self.beats if not b.unfit or b.source == MANUAL) or self.beats

    @property
    def source(self) -> str:
        """Who found the contours, as of a beat."""
        sources = {beat.source for beat in self.beats}
        return sources.pop() if len(sources) == 1 else MIXED

    @property
    def verified(self) -> bool:
        """Whether a person has drawn each contour, or let it stand."""
        return all(disks.contour.source == MANUAL or disks.contour.accepted
                   for beat in self.beats for volume in (beat.ed, beat.es) for disks in volume.disks)  # fmt: skip

    def mean(self, quantity: str) -> float | None:
        """Mean over beats of an attribute of ``BeatMeasurement`` such as ``"edv"``, over those that have it."""
        values = self._values(quantity)
        return fmean(values) if values else None

    def spread(self, quantity: str) -> float | None:
        """Standard deviation over the same beats (n - 1); None of fewer than two."""
        values = self._values(quantity)
        return stdev(values) if len(values) > 1 else None

    def _values(self, quantity: str) -> list[float]:
        return [value for beat in self.taken if (value := getattr(beat, quantity)) is not None]
