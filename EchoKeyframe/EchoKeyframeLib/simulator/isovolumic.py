"""How the walls move while both valves are closed, and shortly before: the volume stands still there, they do not.

Fibres begin to shorten before the mitral leaflets meet, and go on until the aortic valve opens; after its closure the
ventricle recoils and untwists before the mitral leaflets part, or, in some walls, shortens a little further. In tissue
Doppler both are spikes: before ejection 3 to 8 cm/s for 40 to 60 ms, 1 to 3 mm of the annulus' 12 to 15 mm, begun 10 to
40 ms before mitral closure; after it 2 to 5 cm/s the other way for 30 to 50 ms (Remme et al., Circulation
2008;118:373). A third to a half of the twist is gone when the mitral valve opens (Notomi et al., Circulation
2006;113:2524).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .rhythm import HeartBeat

Knots = list[tuple[float, float]]

BEAT_SPREAD = 0.2
"""SD of a beat's motion around that of its clip, relative."""


@dataclass(frozen=True)
class IsovolumicMotion:
    """Motion of the walls of one beat beyond that of the volume. Shares are of the beat's stroke.

    onset: s before ED at which the walls begin to move inwards. shortening: share that they have moved when ejection
    begins. by_closure: share of that shortening at ED. turn: s after aortic closure at which the walls turn.
    recoil: share that they move back until ES; below 0 they are that far from their turn at ``turn`` and reach it at ES
    (post-systolic shortening). untwist: share of the twist that is gone at ES.
    """

    onset: float
    shortening: float
    by_closure: float
    turn: float
    recoil: float
    untwist: float

    def walls(self, beat: HeartBeat, next_onset: float) -> Knots:
        """Knots of the walls' contraction, on the scale of ``HeartBeat.contraction``.

        next_onset: of the next beat, whose walls begin to move before this one is over.
        """
        return self._moved(beat, next_onset, self.recoil)

    def twist(self, beat: HeartBeat, next_onset: float) -> Knots:
        """Knots of the twist, 0 at rest ED and 1 where it is largest."""
        return self._moved(beat, next_onset, self.untwist)

    def _moved(self, beat: HeartBeat, next_onset: float, recoil: float) -> Knots:
        stroke = beat.peak - beat.at_start
        ejected, back = self.shortening * stroke, max(recoil, 0.0) * stroke
        # Early filling goes on from where the recoil ends.
        back = min(back, 0.5 * (beat.peak - beat.after_early))
        turn = (beat.aortic_closure + self.turn, beat.peak + min(recoil, 0.0) * stroke)
        volume = beat.contraction()
        ejection = [k for k in volume if beat.ejection < k[0] < beat.aortic_closure - 0.03]
        filling = [k for k in volume if beat.mitral_opening < k[0] < beat.length - next_onset - 0.01]
        return [
            (0.0, beat.at_start + self.by_closure * ejected),
            (beat.ejection, beat.at_start + ejected),
            *ejection,
            turn,
            (beat.es, beat.peak - back),
            (beat.mitral_opening, beat.peak - back - 0.01 * stroke),
            *((t, min(value, beat.peak - back - 0.02 * stroke)) for t, value in filling),
            (beat.length - next_onset, volume[-1][1]),
        ]


def draw_isovolumic(rng: np.random.Generator, beats: int) -> list[IsovolumicMotion]:
    """The motion of each of a clip's beats, alike but not the same."""
    onset, by_closure = rng.uniform(0.025, 0.058), rng.uniform(0.4, 0.8)
    shortening, recoil = rng.uniform(0.08, 0.32), rng.uniform(-0.02, 0.14)
    turn, untwist = rng.uniform(-0.015, 0.01), rng.uniform(0.2, 0.5)

    def beat() -> IsovolumicMotion:
        def around(value: float) -> float:
            return value * float(np.clip(1 + BEAT_SPREAD * rng.standard_normal(), 0.4, 1.6))

        return IsovolumicMotion(
            onset=around(onset),
            shortening=around(shortening),
            by_closure=by_closure,
            turn=turn,
            recoil=around(recoil),
            untwist=around(untwist),
        )

    return [beat() for _ in range(beats)]
