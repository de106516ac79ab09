"""How far volumes of traced borders may be off, and what follows for the ejection fraction.

Fitted on simulated loops that the network did not learn from (Docs/tracing.md#how-sure); after another training
``Testing/benchmarks/tracing_interval.py`` fits the interval anew.
"""

from __future__ import annotations

import math
from statistics import NormalDist

WITHIN = 0.25
"""Share of the volume that ``confidence`` speaks of."""
LEAST_ERROR, LARGEST_ERROR = 0.05, 1.0
"""Standard deviation of a volume's relative error, at least and at most."""
USUAL_ERROR, USUAL_REST = 0.2, 0.5
"""Volumes' errors, and the share of the blood that stays, for which the next ones hold."""
HALF_WIDTH = 11.1
"""Points to either side of the interval's middle that hold the truth in 90 of 100 beats."""
LEAN, MIDDLE, MOST_LEAN = 0.2, 51.5, 0.8
"""Share of the way from the ejection fraction that was found to this one, in per cent, at which the interval's middle
lies: what is uncertain is likely to be less extreme than it was found. It grows with the error."""
BY_ERROR, BY_REST = 1.01, 0.188
"""Powers with which it grows with the volumes' errors and with the share of the blood that stays. Errors of a beat's
two volumes go together, so that much of them cancels."""
_NORMAL = NormalDist()


def confidence_of(error: float) -> float:
    """Probability that a volume lies within 25 % of the truth, from the standard deviation of its relative error."""
    return 2 * _NORMAL.cdf(WITHIN / min(max(error, LEAST_ERROR), LARGEST_ERROR)) - 1


def volume_error(confidence: float) -> float:
    """The reverse of ``confidence_of``: standard deviation of a volume's relative error, ``LEAST_ERROR`` to
    ``LARGEST_ERROR``. Raises ValueError for a confidence outside [0, 1]."""
    if not 0 <= confidence <= 1:
        raise ValueError(f"a confidence lies between 0 and 1, got {confidence}")
    least, most = (confidence_of(error) for error in (LARGEST_ERROR, LEAST_ERROR))
    if confidence >= most:  # where the reverse is too steep to be exact
        return LEAST_ERROR
    return WITHIN / _NORMAL.inv_cdf((1 + max(confidence, least)) / 2)


def ejection_fraction_interval(
    edv: float, esv: float, ed_confidence: float, es_confidence: float
) -> tuple[float, float]:
    """The 90 % interval of the ejection fraction in per cent, from both volumes in mL and their frames' confidences.

    It holds the fraction itself, which need not be its middle, and depends on the volumes' ratio alone, so that any
    unit will do. Raises ValueError for a volume that is not positive or a confidence outside [0, 1].
    """
    if not (edv > 0 and esv > 0):
        raise ValueError(f"volumes must be positive, got {edv} and {esv}")
    error = math.sqrt((volume_error(ed_confidence) ** 2 + volume_error(es_confidence) ** 2) / 2)
    rest = min(max(esv / edv, 0.1), 1.2)
    reach = HALF_WIDTH * (error / USUAL_ERROR) ** BY_ERROR * (rest / USUAL_REST) ** BY_REST
    fraction = 100 * (1 - esv / edv)
    middle = fraction + min(LEAN * error / USUAL_ERROR, MOST_LEAN) * (MIDDLE - fraction)
    return min(middle - reach, fraction), min(max(middle + reach, fraction), 100.0)
