"""Tells pixel sizes that were measured from those that a file holds because nobody measured."""

from __future__ import annotations

import math

from .finding import Finding, FindingKind

_SCREENS = (72, 90, 96, 100, 120, 144, 150, 192, 200, 300, 600)  # dots per inch
_INCH = 25.4
_ROUNDING = 2e-4  # of the size: files hold 0.2646 or 0.35278 mm


def unmeasured_spacing(spacing: tuple[float, float] | None) -> Finding | None:
    """Why a pixel size in mm (row, column) is not to be believed; None where it may be.

    1 x 1 mm is what MetaImage, NIfTI and secondary captures hold by default, and 25.4 / 72, / 96 and so on is the pixel
    of a screen or printer.
    """
    if spacing is None:
        return None
    row, column = spacing
    if not math.isclose(row, column, rel_tol=_ROUNDING):
        return None
    if math.isclose(row, 1.0, rel_tol=1e-6):
        what = "is what such files hold where nobody measured"
    else:
        dots = next((n for n in _SCREENS if math.isclose(row, _INCH / n, rel_tol=_ROUNDING)), None)
        if dots is None:
            return None
        what = f"is that of a screen or printer ({dots} dots per inch)"
    return Finding(
        FindingKind.SPACING,
        f"a pixel size of {row:.4g} x {column:.4g} mm {what}; it is not believed, and no lengths or volumes follow "
        "unless a person gives the size (--spacing)",
    )  # fmt: skip
