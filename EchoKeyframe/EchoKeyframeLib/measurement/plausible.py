"""Numbers that no ventricle has, or hardly one."""

from __future__ import annotations

import numpy as np

from .contour import Contour
from .measurement import BeatMeasurement
from .unfit import Doubt

EJECTION_FRACTION = 3.0, 85.0
"""Per cent. Below, ED and ES are the same image to a reader; above, the cavity is all but closed."""
LENGTH = 15.0, 140.0
"""mm of the long axis at ED, from a newborn's to a greatly dilated ventricle's."""
VOLUME = 2.0, 700.0
"""mL at ED."""
LENGTH_RATIO = 0.65, 1.04
"""ES over ED of a view. The base comes down by 10 to 25 % of the length; an axis that grows, or loses a third, does not
end at the same apex on both frames."""


def one_chamber(ed: Contour, es: Contour) -> bool:
    """Whether the middle of the ES cavity lies within the ED cavity: a heart swings by less than its own width."""
    x, y = es.points.mean(axis=0)
    start, end = ed.points, np.roll(ed.points, -1, axis=0)
    cross = (start[:, 1] > y) != (end[:, 1] > y)
    start, end = start[cross], end[cross]
    right = start[:, 0] + (y - start[:, 1]) / (end[:, 1] - start[:, 1]) * (end[:, 0] - start[:, 0]) > x
    return bool(right.sum() % 2)


def implausible(beat: BeatMeasurement) -> list[tuple[str, str]]:
    """What a beat's numbers make doubtful: a word and one line each."""
    found = []
    if not EJECTION_FRACTION[0] <= beat.ejection_fraction <= EJECTION_FRACTION[1]:
        low, high = EJECTION_FRACTION
        found.append((str(Doubt.IMPLAUSIBLE), f"an ejection fraction of {beat.ejection_fraction:.0f} % is hardly that "
                      f"of a ventricle ({low:.0f} to {high:.0f})"))  # fmt: skip
    if beat.edv is not None and not VOLUME[0] <= beat.edv <= VOLUME[1]:
        found.append((str(Doubt.IMPLAUSIBLE), f"an EDV of {beat.edv:.3g} mL is hardly that of a ventricle; is the size "
                      "of a pixel right?"))  # fmt: skip
    if beat.length_ed is not None and not LENGTH[0] <= beat.length_ed <= LENGTH[1]:
        found.append((str(Doubt.IMPLAUSIBLE), f"an LV {beat.length_ed:.0f} mm long is hardly a ventricle; is the size "
                      "of a pixel right?"))  # fmt: skip
    for ed, es in zip(beat.ed.disks, beat.es.disks, strict=True):
        ratio = es.length / ed.length
        if not LENGTH_RATIO[0] <= ratio <= LENGTH_RATIO[1]:
            found.append((str(Doubt.FORESHORTENED), f"the LV is {ratio:.0%} as long at ES as at ED, so one of them is "
                          "likely to be foreshortened"))  # fmt: skip
    return found
