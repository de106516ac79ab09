"""Which end of the picture the apex is at. Screens and ventricle are drawn."""

from dataclasses import replace

import numpy as np
import pytest
from EchoKeyframeLib.cine.orientation import Orientation
from EchoKeyframeLib.cine.prepare import prepare
from EchoKeyframeLib.cine.sector import find_sector
from sector_images import SCREENS, draw


def upside_down(cine):
    return replace(cine, frames=np.ascontiguousarray(cine.frames[:, ::-1]))


@pytest.mark.parametrize("name", ["phased", "phased, tilted", "phased, cut corners", "curved", "two frames"])
def test_a_fan_is_found_with_its_apex_at_either_end(name):
    cine, truth, _ = draw(SCREENS[name])
    upright, turned = find_sector(cine), find_sector(upside_down(cine))
    assert (upright.orientation, turned.orientation) == (Orientation.UPRIGHT, Orientation.APEX_DOWN)
    assert turned.shape == upright.shape
    assert (turned.mask == upright.mask[::-1]).mean() > 0.995
    assert turned.mask[truth[::-1]].mean() > 0.99, "sector pixels are lost"


@pytest.mark.parametrize("name", ["linear", "smallest"])
def test_what_is_alike_at_both_ends_is_not_guessed(name):
    cine, _, _ = draw(SCREENS[name])
    flat = replace(cine, frames=np.full_like(cine.frames, 60)) if name != "linear" else cine
    for shown in (flat, upside_down(flat)):
        assert find_sector(shown).orientation is Orientation.UNKNOWN


def test_a_person_knows_better():
    cine, _, _ = draw(SCREENS["linear"])
    found = find_sector(cine, Orientation.APEX_DOWN)
    assert found.orientation is Orientation.APEX_DOWN and found.orientation_given
    assert not find_sector(cine).orientation_given
    turned = find_sector(upside_down(draw(SCREENS["phased"])[0]), Orientation.UPRIGHT)
    assert turned.orientation is Orientation.UPRIGHT


def test_detectors_are_shown_the_picture_the_right_way_up():
    cine, _, _ = draw(SCREENS["phased"])
    turned = upside_down(cine)
    as_shown, right_way_up = prepare(cine, find_sector(cine), 64), prepare(turned, find_sector(turned), 64)
    assert right_way_up.astype(int) == pytest.approx(as_shown.astype(int), abs=1)
