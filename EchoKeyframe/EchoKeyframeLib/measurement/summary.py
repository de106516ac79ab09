"""A measurement as rows of numbers and as text to copy."""

from __future__ import annotations

from dataclasses import dataclass

from .measurement import BeatMeasurement, Measurement

CITATION = "Lang et al., J Am Soc Echocardiogr 2015;28:1-39"
"""The recommendation that the numbers follow."""


@dataclass(frozen=True)
class Quantity:
    """One number of a beat. attribute: of ``BeatMeasurement``. label, unit, decimals: how clinicians read it."""

    attribute: str
    label: str
    unit: str
    decimals: int = 0

    def number(self, value: float | None) -> str:
        """A value without its unit, ``"-"`` where it is not known."""
        return "-" if value is None else f"{value:.{self.decimals}f}"

    def shown(self, value: float | None) -> str:
        """A value with its unit, ``"-"`` where it is not known."""
        return "-" if value is None else f"{self.number(value)} {self.unit}"


QUANTITIES = (
    Quantity("edv", "EDV", "mL"),
    Quantity("esv", "ESV", "mL"),
    Quantity("stroke_volume", "SV", "mL"),
    Quantity("ejection_fraction", "EF", "%"),
    Quantity("heart_rate", "HR", "beats/min"),
    Quantity("cardiac_output", "CO", "L/min", 1),
    Quantity("length_ed", "LV length ED", "mm"),
    Quantity("length_es", "LV length ES", "mm"),
    Quantity("area_length_edv", "EDV by area-length", "mL"),
    Quantity("area_length_esv", "ESV by area-length", "mL"),
)
"""What a table of results shows, in its order."""


def as_text(measurement: Measurement) -> str:
    """Lines to paste into a report: method, each beat, the mean of several beats, warnings, the recommendation."""
    views = " + ".join(view or "view unknown" for view in measurement.views)
    lines = [f"LV volumes, {measurement.method} ({views})"]
    lines += [f"Beat {beat.beat} (frames {frames_shown(beat)}): {_line(beat)}" for beat in measurement.beats]
    if len(measurement.beats) > 1:
        lines.append(f"Mean of {len(measurement.beats)} beats: {_line(measurement)}")
    lines += [f"Note: {warning}" for warning in measurement.warnings]
    return "\n".join([*lines, f"After {CITATION}. For research and teaching, not a medical device."])


def frames_shown(beat: BeatMeasurement) -> str:
    """ED and ES frame of a beat, those of two views with a slash: ``"ED 21/30, ES 5/12"``."""
    return ", ".join(f"{volume.phase} {'/'.join(map(str, volume.frames))}" for volume in (beat.ed, beat.es))


def _line(one: BeatMeasurement | Measurement) -> str:
    value = one.mean if isinstance(one, Measurement) else lambda attribute: getattr(one, attribute)
    return ", ".join(f"{q.label} {q.shown(value(q.attribute))}" for q in QUANTITIES)
