"""A number in a cell of somebody else's table."""

from __future__ import annotations

import math


def table_number(text: str) -> float:
    """The number that a cell states; NaN where it states none, or one that is not finite."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
