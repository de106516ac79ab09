"""How far two ways of measuring the same agree (Bland and Altman, Lancet 1986;327:307-310)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LIMITS = 1.96
"""Standard deviations to either side of the bias: 95 of 100 differences lie within."""


@dataclass(frozen=True)
class Agreement:
    """n: pairs. mae, rmse: mean absolute and root mean square difference. bias: mean of found less true. sd: its
    standard deviation (n - 1). low, high: limits of agreement. r: Pearson's correlation. NaN where n is too small."""

    n: int
    mae: float
    rmse: float
    bias: float
    sd: float
    low: float
    high: float
    r: float

    @classmethod
    def of(cls, found: Sequence[float], true: Sequence[float]) -> Agreement:
        """Of pairs; those with a value that is not finite are left out."""
        pairs = np.array([found, true], np.float64).reshape(2, -1)
        found, true = pairs[:, np.isfinite(pairs).all(axis=0)]
        error = found - true
        if not len(error):
            return cls(0, *[float("nan")] * 7)
        bias, sd = float(error.mean()), float(error.std(ddof=1)) if len(error) > 1 else float("nan")
        varied = len(error) > 2 and np.ptp(found) > 0 and np.ptp(true) > 0
        r = float(np.corrcoef(found, true)[0, 1]) if varied else float("nan")
        return cls(len(error), float(np.abs(error).mean()), float(np.sqrt((error**2).mean())), bias, sd,
                   bias - LIMITS * sd, bias + LIMITS * sd, r)  # fmt: skip
