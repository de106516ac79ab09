"""LV volume from disks: the method of disks in one plane and in two, and area-length as a check.

R. M. Lang et al., Recommendations for cardiac chamber quantification by echocardiography in adults: an update from the
American Society of Echocardiography and the European Association of Cardiovascular Imaging, J Am Soc Echocardiogr
2015;28:1-39, doi:10.1016/j.echo.2014.10.003.
"""

from __future__ import annotations

import math

import numpy as np

from .contour import MeasurementError
from .disks import Disks

_ML = 1e-3  # per mm^3


def single_plane(disks: Disks) -> float:
    """mL: round disks, ``pi / 4 * sum(d^2) * L / n``."""
    return math.pi / 4 * float(np.square(disks.diameters).sum()) * disks.height * _ML


def biplane(four: Disks, two: Disks) -> float:
    """mL: elliptical disks, ``pi / 4 * sum(a * b) * L / n``, diameters of equal rank from the A4C and the A2C view.

    Lang et al. 2015 on views whose long axes differ: "The use of the longer LV length between the apical two- and
    four-chamber views is recommended." Raises MeasurementError where the views are cut into unequal numbers of disks.
    """
    if len(four.diameters) != len(two.diameters):
        raise MeasurementError(f"{len(four.diameters)} disks in one view and {len(two.diameters)} in the other")
    height = max(four.length, two.length) / len(four.diameters)
    return math.pi / 4 * float(four.diameters @ two.diameters) * height * _ML


def area_length(four: Disks, two: Disks | None = None) -> float:
    """mL: the ellipsoid of equal area and length, ``8 A^2 / (3 pi L)``; ``8 A1 A2 / (3 pi Lmin)`` in two planes.

    H. T. Dodge et al., Am Heart J 1960;60:762-776. The shorter length in two planes comes from each area being
    divided by its own length, and the ellipsoid being as long as the longer one. A check on the disks: it knows
    nothing of the ventricle's shape.
    """
    two = two or four
    return 8 * four.area * two.area / (3 * math.pi * min(four.length, two.length)) * _ML
