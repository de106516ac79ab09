"""Why the borders of a loop are not to be trusted, in a person's words.

Limits are wide enough for nearly all sound simulated loops (Docs/tracing.md); parasternal ones are told by the view.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...detection.keyframes import Unfit
from ..unfit import Doubt, LoopDoubt
from .outline import Wall
from .signs import Signs

LEAST_APICAL = 0.5
"""Probability of an apical view; below it a loop whose view nobody named is not measured."""
LEAST_FOUND = 0.8
"""Share of frames with a border."""
MOST_OUTSIDE = 0.15
"""Share of the cavity outside the scan sector, in the median frame."""
WIDEST_ANNULUS, WIDEST_APEX = 0.22, 0.18
"""Spread of the places that the network gives them, over the ventricle's length, in the median frame."""
ANNULUS_APART, APEX_APART = 0.14, 0.26
"""From those places to the cavity's corners and its tip, over the ventricle's length, in the median frame."""
MOST_BLUR = 0.6
"""Width over which the border is unsure, over the square root of the cavity's area, in the median frame."""
LEAST_CONFIDENCE = 0.3
"""In the median frame."""
MOST_RIVAL = 0.4
"""Mass of another place where the cavity may lie, over its own."""
FARTHEST_MOVED = 0.35
"""From a frame's cavity to where it usually lies, over the ventricle's length, in the 95th percentile of frames."""
ROUNDEST = 0.56
"""Half width over length: above, the long axis is cut short."""
LEAST_MOVING = 0.5
"""Gray levels of 255 by which frames differ, on average inside the sector."""
ROUGHEST = 0.28
"""Relative change of the area beside that of the frames around, in the 90th percentile of frames."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of a loop. walls, signs, confidences: of the frames looked at. rival: mass of the next likely
    cavity over the likeliest. moving: mean difference of neighbouring frames inside the sector, gray levels."""

    walls: list[Wall | None]
    signs: list[Signs | None]
    confidences: list[float]
    apical: float
    rival: float
    moving: float

    def middle(self, name: str) -> float:
        """Median of a sign over the frames that have a border."""
        return float(np.median([getattr(sign, name) for sign in self.signs if sign is not None]))


def doubts_of(seen: Evidence) -> tuple[LoopDoubt, ...]:
    """Reasons, the gravest first; none for a loop that may be measured."""
    return tuple(LoopDoubt(str(word), text) for word, text in _doubts(seen))


def _doubts(seen: Evidence) -> Iterator[tuple[Doubt | Unfit, str]]:
    walls = [wall for wall in seen.walls if wall is not None]
    if seen.moving < LEAST_MOVING:
        yield Unfit.DEGRADED_IMAGE, "the picture stands still"
    if seen.apical < LEAST_APICAL:
        yield Doubt.NOT_APICAL, "the loop does not look like an apical view of the left ventricle"
    if not walls:
        yield Doubt.BROKEN, "no left ventricle was found"
        return
    if len(walls) < LEAST_FOUND * len(seen.walls):
        yield Doubt.BORDER, f"the border was lost in {len(seen.walls) - len(walls)} of {len(seen.walls)} frames"
    if seen.rival > MOST_RIVAL or _moved(walls) > FARTHEST_MOVED:
        yield Doubt.SIDES, "two chambers could be the left ventricle: left and right are uncertain"
    if seen.middle("outside") > MOST_OUTSIDE:
        yield Doubt.LEAVES_SECTOR, "the cavity leaves the scan sector"
    if seen.middle("annulus") > WIDEST_ANNULUS or seen.middle("annulus_apart") > ANNULUS_APART:
        yield Doubt.ENDS, "the base is uncertain: the ends of the mitral annulus are not clearly seen"
    if seen.middle("apex") > WIDEST_APEX or seen.middle("apex_apart") > APEX_APART:
        yield Doubt.ENDS, "the apex is uncertain"
    if seen.middle("blur") > MOST_BLUR or np.median(seen.confidences) < LEAST_CONFIDENCE:
        yield Doubt.BORDER, "the border is not clear enough"
    if np.median([_roundness(wall) for wall in walls]) > ROUNDEST:
        yield Doubt.FORESHORTENED, "the ventricle is too round for an apical view: it may be foreshortened"
    if np.percentile([sign.rough for sign in seen.signs if sign is not None], 90) > ROUGHEST:
        yield Doubt.BORDER, "the border jumps from frame to frame"


def _moved(walls: list[Wall]) -> float:
    """How far the cavity's middle strays, over the ventricle's length, in the 95th percentile of frames."""
    middles = np.array([wall.points.mean(axis=0) for wall in walls])
    away = np.hypot(*(middles - np.median(middles, axis=0)).T)
    return float(np.percentile(away, 95) / max(np.median([wall.length for wall in walls]), 1e-6))


def _roundness(wall: Wall) -> float:
    """Half width over length."""
    base, apex = wall.points[[0, -1]].mean(axis=0), wall.points[wall.apex]
    axis = (apex - base) / max(wall.length, 1e-6)
    across = (wall.points - base) @ np.array([axis[1], -axis[0]])
    return float(np.ptp(across)) / 2 / max(wall.length, 1e-6)
