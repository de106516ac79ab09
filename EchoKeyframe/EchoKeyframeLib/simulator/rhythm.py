"""When the heart beats, and how volume and valves follow: the truth of a simulated clip.

Convention (the same as ``Phase``): ED is the moment when the mitral leaflets have just closed and the LV is
largest. ES is the volume's minimum, ``ES_BEFORE_OPENING`` seconds before the mitral leaflets part, that is at the
end of isovolumic relaxation and not at aortic closure, which comes earlier: by 35 to 90 ms at 60 beats per minute,
by 15 to 50 ms at 150.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from .config import PhantomConfig
from .isovolumic import draw_isovolumic

ES_BEFORE_OPENING = 0.02
MITRAL_CLOSES_BEFORE_ED = 0.008
ATRIAL_END_BEFORE_ED = 0.025


@dataclass(frozen=True)
class Rates:
    """What the beats of one clip have in common. Times in s at a cycle length of 1 s, scaled to the actual one."""

    cycle: float
    systole_factor: float
    isovolumic_contraction: float
    isovolumic_rise: float
    isovolumic_relaxation: float
    early: float
    atrial: float
    early_share: float
    diastasis_drop: float
    fibrillation: bool
    ectopic_rate: float
    leaflet_drift: float
    atrial_opening: float

    @classmethod
    def draw(cls, rng: np.random.Generator, config: PhantomConfig) -> Rates:
        low, high = config.heart_rate
        cycle = 60.0 / np.exp(rng.uniform(np.log(low), np.log(high)))
        impaired = rng.random() < 0.2
        fibrillation, ectopic = rng.random() < 0.12, rng.random() < 0.12
        return cls(
            cycle=cycle,
            systole_factor=float(np.clip(rng.normal(1.0, 0.09), 0.78, 1.22)),
            isovolumic_contraction=rng.uniform(0.03, 0.07),
            isovolumic_rise=rng.uniform(0.005, 0.06),
            isovolumic_relaxation=rng.uniform(0.055, 0.11),
            early=rng.uniform(0.13, 0.22),
            atrial=rng.uniform(0.09, 0.14),
            early_share=rng.uniform(0.3, 0.5) if impaired else rng.uniform(0.5, 0.88),
            diastasis_drop=rng.uniform(0.0, 0.12),
            fibrillation=bool(fibrillation and config.arrhythmia),
            ectopic_rate=0.25 if ectopic and config.arrhythmia else 0.0,
            leaflet_drift=rng.uniform(0.3, 0.65),
            atrial_opening=rng.uniform(0.55, 0.95),
        )


@dataclass(frozen=True)
class HeartBeat:
    """One cycle from ED to the next ED. Times in s from its own ED, contraction 0 at rest ED and 1 at a usual ES."""

    start: float
    length: float
    ejection: float
    isovolumic_rise: float
    aortic_closure: float
    mitral_opening: float
    early_end: float
    atrial_start: float
    has_atrial: bool
    at_start: float
    peak: float
    after_early: float
    before_atrial: float
    at_end: float

    @property
    def es(self) -> float:
        return self.mitral_opening - ES_BEFORE_OPENING

    @property
    def fused(self) -> bool:
        """Early and atrial filling run into one another: no diastasis between them."""
        return self.atrial_start - self.early_end < 0.04

    def contraction(self) -> list[tuple[float, float]]:
        """Knots of the contraction: 0 where the LV is as large as at rest ED, 1 where it is as small as at ES."""
        rise, end = self.peak - self.at_start, self.length
        eject = self.aortic_closure - self.ejection
        fill = self.mitral_opening + 0.45 * (self.early_end - self.mitral_opening)
        knots = [
            (0.0, self.at_start),
            (self.ejection, self.at_start + self.isovolumic_rise * rise),
            (self.ejection + 0.38 * eject, self.at_start + 0.52 * rise),
            (self.ejection + 0.7 * eject, self.at_start + 0.85 * rise),
            (self.aortic_closure, self.at_start + 0.955 * rise),
            (self.es, self.peak),
            (self.mitral_opening, self.peak - 0.01 * rise),
            (fill, self.peak - 0.55 * (self.peak - self.after_early)),
            (self.early_end, self.after_early),
        ]
        if self.has_atrial:
            remains = self.after_early if self.fused else self.before_atrial
            if not self.fused:
                knots.append((self.atrial_start, self.before_atrial))
            middle = 0.45 * self.atrial_start + 0.55 * end
            knots.append((middle, self.at_end + 0.4 * (remains - self.at_end)))
        else:
            knots.append((end - 0.07, self.at_end + 0.01))
        knots.append((end - ATRIAL_END_BEFORE_ED, self.at_end + 0.003))
        return knots

    def mitral(self, rates: Rates) -> list[tuple[float, float]]:
        """Knots of the mitral opening, 0 closed and 1 wide open."""
        drift, close = rates.leaflet_drift, self.length - MITRAL_CLOSES_BEFORE_ED
        wide = self.mitral_opening + 0.35 * (self.early_end - self.mitral_opening)
        knots = [(0.0, 0.0), (self.mitral_opening, 0.0), (wide, 1.0)]
        if not self.fused or not self.has_atrial:
            knots.append((self.early_end, drift))
        if self.has_atrial:
            if self.atrial_start - self.early_end > 0.06:
                knots.append((self.atrial_start, 0.8 * drift))
            knots.append((0.55 * self.atrial_start + 0.45 * close, rates.atrial_opening))
        else:
            knots.append((close - 0.07, 0.7 * drift))
        return [*(k for k in knots if k[0] < close), (close, 0.0)]

    def aortic(self) -> list[tuple[float, float]]:
        """Knots of the aortic opening, 0 closed and 1 wide open."""
        closes = self.aortic_closure
        opens = min(self.ejection + 0.035, closes - 0.03)
        return [(0.0, 0.0), (self.ejection, 0.0), (opens, 1.0), (closes - 0.02, 0.85), (closes, 0.0)]


def draw_beats(rng: np.random.Generator, rates: Rates, duration: float) -> list[HeartBeat]:
    """Beats from before 0 s to beyond ``duration``, so that at least one ED and one ES lie outside on either side."""
    beats: list[HeartBeat] = []
    start, at_start = -rates.cycle * (1.6 + rng.random()), 0.0
    premature = paused = False
    previous = rates.cycle
    while start < duration + 2.2 * rates.cycle:
        spread = 0.22 if rates.fibrillation else 0.025
        length = rates.cycle * float(np.clip(1 + spread * rng.standard_normal(), 0.55, 1.8))
        next_premature = rng.random() < rates.ectopic_rate and not premature
        if next_premature:
            length *= rng.uniform(0.6, 0.8)
        if premature:
            length *= rng.uniform(1.2, 1.4)
        peak = 1 + 0.03 * rng.standard_normal()
        if rates.fibrillation:
            peak += 0.25 * float(np.clip(previous / rates.cycle - 1, -0.5, 0.5))
        if premature:
            peak *= rng.uniform(0.55, 0.85)
        elif paused:
            peak *= rng.uniform(1.03, 1.12)
        at_end = 0.02 * rng.standard_normal() + (rng.uniform(0.05, 0.2) if next_premature else 0.0)
        beats.append(_beat(rng, rates, start, max(length, 0.3), at_start, peak, at_end))
        start, at_start, previous = start + beats[-1].length, at_end, beats[-1].length
        paused, premature = premature, next_premature
    return beats


def _beat(rng, rates: Rates, start: float, length: float, at_start: float, peak: float, at_end: float) -> HeartBeat:
    root = np.sqrt(length)
    # Systole shortens with the heart rate (Weissler's regression of QS2, less the time from Q to mitral closure).
    systole = (0.49 - 0.0018 * 60 / rates.cycle) * rates.systole_factor * (1 + 0.02 * rng.standard_normal())
    ejection = rates.isovolumic_contraction * root
    relaxation = max(rates.isovolumic_relaxation * root, ES_BEFORE_OPENING + 0.015)
    closure = float(np.clip(systole, ejection + 0.1, 0.6 * length))
    opening = closure + relaxation
    early, atrial = rates.early, 0.0 if rates.fibrillation else rates.atrial * min(1.0, root)
    room = length - opening - ATRIAL_END_BEFORE_ED - 0.005
    shrink = min(1.0, room / (early + atrial))
    after_early = at_end + (peak - at_end) * (1 - rates.early_share) * (0.4 if rates.fibrillation else 1.0)
    return HeartBeat(
        start=start,
        length=length,
        ejection=ejection,
        isovolumic_rise=rates.isovolumic_rise,
        aortic_closure=closure,
        mitral_opening=opening,
        early_end=opening + early * shrink,
        atrial_start=length - atrial * shrink - ATRIAL_END_BEFORE_ED,
        has_atrial=atrial > 0,
        at_start=at_start,
        peak=peak,
        after_early=after_early,
        before_atrial=max(after_early - rates.diastasis_drop, at_end + 0.02),
        at_end=at_end,
    )


def _curve(knots: Iterable[tuple[float, float]]) -> PchipInterpolator:
    """A monotone cubic through the knots; a knot less than 2 ms after the one before is left out."""
    times, values = [], []
    for time, value in knots:
        if not times or time > times[-1] + 0.002:
            times.append(time)
            values.append(value)
    return PchipInterpolator(times, values)


class Rhythm:
    """The beats of one clip that starts at 0 s, and its curves over time.

    ed, es: times in s of all ED and ES, float64, also of those outside the clip (at least one on either side).
    contraction, mitral, aortic: callables from times in s to values; see ``HeartBeat``. ``contraction`` is that of the
    volume; ``walls`` and ``twist`` differ from it in the isovolumic phases (``IsovolumicMotion``).
    isovolumic: that motion of each beat; empty where it is switched off.
    """

    def __init__(self, rng: np.random.Generator, config: PhantomConfig, duration: float) -> None:
        self.rates = Rates.draw(rng, config)
        self.beats = draw_beats(rng, self.rates, duration)
        self.ed = np.array([b.start for b in self.beats])
        self.es = np.array([b.start + b.es for b in self.beats[:-1]])
        self.contraction = _curve((b.start + t, v) for b in self.beats for t, v in b.contraction())
        # From a generator of their own: switched off, they leave the beats as they were.
        self.isovolumic = draw_isovolumic(rng.spawn(1)[0], len(self.beats)) if config.isovolumic else []
        self.walls, self.twist = self._moving("walls"), self._moving("twist")
        self.mitral = _curve((b.start + t, v) for b in self.beats for t, v in b.mitral(self.rates))
        self.aortic = _curve((b.start + t, v) for b in self.beats for t, v in b.aortic())

    def _moving(self, part: str) -> PchipInterpolator:
        if not self.isovolumic:
            return self.contraction
        onsets = [motion.onset for motion in (*self.isovolumic[1:], self.isovolumic[-1])]
        return _curve(
            (beat.start + t, value)
            for beat, motion, onset in zip(self.beats, self.isovolumic, onsets, strict=True)
            for t, value in getattr(motion, part)(beat, onset)
        )

    def heart_rate(self, duration: float) -> float:
        """Beats per minute over the beats that the clip touches."""
        touched = [b.length for b in self.beats if b.start + b.length > 0 and b.start < duration]
        return 60.0 / float(np.mean(touched))
