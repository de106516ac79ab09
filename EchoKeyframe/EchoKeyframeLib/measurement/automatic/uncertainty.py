"""How far volumes of traced borders may be off, and what follows for the ejection fraction."""

from __future__ import annotations

import math
from statistics import NormalDist

WITHIN = 0.15
"""Share of the volume that ``confidence`` speaks of."""
LEAST_ERROR, LARGEST_ERROR = 0.05, 1.0
"""Standard deviation of a volume's relative error, at least and at most."""
CORRELATION = 0.5
"""Between the errors of a beat's two volumes: what makes one border too wide often does so to the other."""
LEVEL = 0.9
_NORMAL = NormalDist()


def confidence_of(error: float) -> float:
    """Probability that a volume lies within 15 % of the truth, from the standard deviation of its relative error."""
    return 2 * _NORMAL.cdf(WITHIN / min(max(error, LEAST_ERROR), LARGEST_ERROR)) - 1


def volume_error(confidence: float) -> float:
    """The reverse of ``confidence_of``: standard deviation of a volume's relative error, ``LEAST_ERROR`` to
    ``LARGEST_ERROR``. Raises ValueError for a confidence outside [0, 1]."""
    if not 0 <= confidence <= 1:
        raise ValueError(f"a confidence lies between 0 and 1, got {confidence}")
    least, most = (confidence_of(error) for error in (LARGEST_ERROR, LEAST_ERROR))
    return WITHIN / _NORMAL.inv_cdf((1 + min(max(confidence, least), most)) / 2)


def ejection_fraction_interval(
    edv: float, esv: float, ed_confidence: float, es_confidence: float
) -> tuple[float, float]:
    """The 90 % interval of the ejection fraction in per cent, from both volumes in mL and their frames' confidences.

    Volumes' errors are taken for log-normal, and those of a beat's two volumes for correlated. Raises ValueError for a
    volume that is not positive or a confidence outside [0, 1].
    """
    if not (edv > 0 and esv > 0):
        raise ValueError(f"volumes must be positive, got {edv} and {esv}")
    ed, es = volume_error(ed_confidence), volume_error(es_confidence)
    spread = math.sqrt(max(ed**2 + es**2 - 2 * CORRELATION * ed * es, 0.0))
    reach = _NORMAL.inv_cdf((1 + LEVEL) / 2) * spread
    ratio = esv / edv
    return 100 * (1 - ratio * math.exp(reach)), 100 * (1 - ratio * math.exp(-reach))
