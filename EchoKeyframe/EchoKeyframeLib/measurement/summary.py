"""A measurement as rows of numbers and as text to copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .contour import MANUAL
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
    if measurement.source != MANUAL:
        lines.append(found_by(measurement))
    lines += [f"Beat {beat.beat} (frames {frames_shown(beat)}): {_line(beat)}{_doubts(beat)}"
              for beat in measurement.beats]  # fmt: skip
    lines += _over_beats(measurement)
    lines += [f"Note: {warning}" for warning in measurement.warnings]
    return "\n".join([*lines, f"After {CITATION}. For research and teaching, not a medical device."])


def found_by(measurement: Measurement) -> str:
    """What found contours that no person drew, and whether a person has accepted them."""
    verified = "accepted by a person" if measurement.verified else "not verified by a person"
    return f"Contours found by {measurement.algorithm or 'EchoKeyframe'}, {verified}"


def frames_shown(beat: BeatMeasurement) -> str:
    """ED and ES frame of a beat, those of two views with a slash: ``"ED 21/30, ES 5/12"``."""
    return ", ".join(f"{volume.phase} {'/'.join(map(str, volume.frames))}" for volume in (beat.ed, beat.es))


def numbers_shown(beats: Iterable[BeatMeasurement]) -> str:
    """Numbers of beats: ``"1, 2, 4"``."""
    return ", ".join(str(beat.beat) for beat in beats)


def interval_shown(beat: BeatMeasurement) -> str:
    """The 90 % interval of the ejection fraction: ``"58 to 74 %"``; empty where there is none."""
    interval = beat.ejection_fraction_interval
    return "" if interval is None else f"{interval[0]:.0f} to {interval[1]:.0f} %"


def _over_beats(measurement: Measurement) -> list[str]:
    """Mean and spread of several beats, and which they are."""
    taken = measurement.taken
    lines = []
    if len(taken) > 1:
        which = "" if len(taken) == len(measurement.beats) else f" ({numbers_shown(taken)})"
        lines.append(f"Mean of {len(taken)} beats{which}: {_line(measurement)}")
        lines.append(f"Standard deviation: {_joined(measurement.spread)}")
    elif len(measurement.beats) > 1:
        lines.append(f"Only beat {numbers_shown(taken)} is fit for measurement")
    if measurement.index_beat is not None and len(measurement.beats) > 1:
        lines.append(f"Index beat, after two intervals alike: {measurement.index_beat}")
    return lines


def _doubts(beat: BeatMeasurement) -> str:
    interval = interval_shown(beat)
    told = f"; EF in 9 of 10 such beats {interval}" if interval else ""
    return f"{told}; doubtful: {', '.join(beat.unfit)}" if beat.unfit and beat.source != MANUAL else told


def _line(one: BeatMeasurement | Measurement) -> str:
    return _joined(one.mean if isinstance(one, Measurement) else lambda attribute: getattr(one, attribute))


def _joined(value: Callable[[str], float | None]) -> str:
    return ", ".join(f"{q.label} {q.shown(value(q.attribute))}" for q in QUANTITIES)
