"""Volumes of bodies whose volume is known: within 1 % of the closed form, however tilted and sampled."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.measurement.contour import Contour, MeasurementError, through
from EchoKeyframeLib.measurement.disks import cut
from EchoKeyframeLib.measurement.volume import area_length, biplane, single_plane
from hypothesis import given, settings
from hypothesis import strategies as st
from ventricle_shapes import SHAPES, SLANTED, Shape, cone, ellipsoid, slanted

tilts = st.floats(-180, 180)
spacings = st.tuples(st.floats(0.3, 0.9), st.floats(0.3, 0.9))


def error(shape: Shape, number: int, tilt: float = 0.0, spacing=(1.0, 1.0)) -> float:
    """Measured over true volume, less 1."""
    return single_plane(cut(shape.contour(number, tilt, spacing), spacing)) / shape.volume - 1


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.3, 0.3), (0.4, 0.9)], ids=str)
@pytest.mark.parametrize("tilt", [0, -25, 90, 180])
@pytest.mark.parametrize("shape", [*SHAPES, *SLANTED], ids=lambda shape: shape.name)
def test_volume_and_length_are_those_of_the_closed_form(shape, tilt, spacing):
    disks = cut(shape.contour(41, tilt, spacing), spacing)
    assert single_plane(disks) == pytest.approx(shape.volume, rel=0.01)
    assert disks.length == pytest.approx(shape.length, rel=0.01)


@settings(max_examples=60, deadline=None)
@given(a=st.floats(35, 90), ratio=st.floats(0.2, 0.5), below=st.floats(0, 0.8), tilt=tilts, spacing=spacings)
def test_any_ellipsoid_at_any_tilt_and_pixel_size(a, ratio, below, tilt, spacing):
    assert abs(error(ellipsoid(a, a * ratio, below), 61, tilt, spacing)) < 0.01


@settings(max_examples=40, deadline=None)
@given(a=st.floats(40, 90), ratio=st.floats(0.2, 0.5), below=st.floats(0, 0.8), tilt=tilts)
def test_errors_shrink_smoothly_with_more_points(a, ratio, below, tilt):
    """Straight lines between points cut corners: twice as many cut off a quarter, down to what 20 disks leave."""
    shape = ellipsoid(a, a * ratio, below)
    found = [abs(error(shape, number, tilt)) for number in (9, 17, 33, 65, 129)]
    assert all(finer <= 0.5 * coarser + 0.001 for coarser, finer in pairwise(found))
    assert found[0] < 0.15


@settings(max_examples=40, deadline=None)
@given(shape=st.sampled_from((*SHAPES, slanted(70, 22, 15))), tilt=tilts, spacing=spacings)
def test_neither_direction_nor_tilt_nor_pixel_size_changes_the_volume(shape, tilt, spacing):
    here = cut(shape.contour(51), (1.0, 1.0))
    contour = shape.contour(51, tilt, spacing)
    there = cut(Contour(contour.phase, contour.frame, contour.points[::-1]), spacing)
    assert single_plane(there) == pytest.approx(single_plane(here), rel=1e-6)
    assert area_length(there) == pytest.approx(area_length(here), rel=1e-6)
    assert there.length == pytest.approx(here.length, rel=1e-6)


def test_biplane_knows_three_semi_axes():
    four, two = (cut(ellipsoid(80, b).contour(101, tilt, (0.5, 0.7)), (0.5, 0.7)) for b, tilt in ((26, 12), (20, -30)))
    assert biplane(four, two) == pytest.approx(2 / 3 * math.pi * 80 * 26 * 20 / 1000, rel=0.01)
    assert area_length(four, two) == pytest.approx(2 / 3 * math.pi * 80 * 26 * 20 / 1000, rel=0.01)


def test_a_shorter_view_takes_the_longer_length():
    """Lang et al. 2015: the longer LV length of the two views. Either order of the views gives the same."""
    four, two = (cut(ellipsoid(length, 25).contour(101), (1.0, 1.0)) for length in (85, 60))
    expected = 2 / 3 * math.pi * 85 * 25 * 25 / 1000
    assert biplane(four, two) == pytest.approx(expected, rel=0.01)
    assert biplane(two, four) == biplane(four, two)


def test_area_length_is_no_copy_of_the_disks():
    """A cone is not the ellipsoid that area-length takes it for: 8 / (3 pi) (r h)^2 / h to pi / 3 r^2 h."""
    disks = cut(cone(85, 28).contour(101), (1.0, 1.0))
    assert area_length(disks) / single_plane(disks) == pytest.approx(8 / math.pi**2, rel=0.01)


def test_the_long_axis_starts_amid_the_annulus_and_ends_farthest_from_it():
    contour = ellipsoid(70, 25).contour(101, tilt=20, spacing=(0.5, 0.8))
    disks = cut(contour, (0.5, 0.8))
    assert disks.base == pytest.approx(contour.annulus.mean(axis=0))
    assert disks.apex == pytest.approx(contour.points[50])
    assert disks.height == pytest.approx(70 / 20, rel=1e-3)


def test_a_person_may_move_the_apex():
    points = ellipsoid(70, 25).points(101)
    tip = points[50] + (0, 7)  # 7 mm toward the base
    disks = cut(Contour(Phase.ED, 3, points, apex=tuple(tip)), (1.0, 1.0))
    assert disks.apex == pytest.approx(tip)
    assert disks.length == pytest.approx(63)


def test_disks_meet_the_wall():
    contour = ellipsoid(70, 25, 0.3).contour(201, tilt=33)
    for chord, diameter in zip(*(lambda d: (d.chords, d.diameters))(cut(contour, (1.0, 1.0))), strict=True):
        assert np.hypot(*(chord[1] - chord[0])) == pytest.approx(diameter)
        for end in chord:
            assert np.hypot(*(contour.points - end).T).min() < 2


def test_a_smooth_curve_needs_fewer_points_than_a_polyline():
    shape = ellipsoid(80, 25, 0.4)
    clicked = shape.points(11)
    rough, smooth = (single_plane(cut(Contour(Phase.ED, 0, points), (1.0, 1.0))) / shape.volume - 1
                     for points in (clicked, through(clicked)))  # fmt: skip
    assert abs(smooth) < 0.02 < abs(rough)


def test_without_a_spacing_disks_are_good_for_ratios_alone():
    one, other = cut(SHAPES[0].contour(), None), cut(SHAPES[1].contour(), None, assumed=0.3)
    assert not one.calibrated and not other.calibrated and cut(SHAPES[0].contour(), (1, 1)).calibrated
    assert single_plane(one) * 0.3**3 / single_plane(other) == pytest.approx(
        SHAPES[0].volume * 0.3**3 / (SHAPES[1].volume * 0.3**3), rel=0.02)  # fmt: skip


def test_an_apex_on_the_annulus_is_refused():
    shape = SHAPES[0]
    with pytest.raises(MeasurementError, match="apex lies on the mitral annulus"):
        cut(Contour(Phase.ED, 0, shape.points(), apex=(150.0, 150.0)), (1.0, 1.0))


def test_an_apex_far_from_the_wall_is_refused():
    points = ellipsoid(70, 25).points(101)
    beside = points[50] + (40, 0)
    with pytest.raises(MeasurementError, match=r"ED contour on frame 3: the apex lies \d+ mm from the contour"):
        cut(Contour(Phase.ED, 3, points, apex=tuple(beside)), (1.0, 1.0))
