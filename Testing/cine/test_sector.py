"""The scan sector is found whole, and what scanners draw around it is left out. All screens here are simulated."""

import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest
from EchoKeyframeLib.cine.array import cine_from_array
from EchoKeyframeLib.cine.cine import Box, Cine
from EchoKeyframeLib.cine.prepare import prepare
from EchoKeyframeLib.cine.sector import bounding_box, find_sector
from EchoKeyframeLib.cine.sector_geometry import place_fan
from EchoKeyframeLib.report.sector_picture import outline_picture
from sector_images import SCREENS, Screen, draw


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    return (mask & truth).sum() / (mask | truth).sum()


def assert_found(cine: Cine, truth: np.ndarray, least_overlap: float = 0.93) -> None:
    sector = find_sector(cine)
    assert sector.found
    assert sector.mask[truth].mean() > 0.99, "sector pixels are lost"
    assert overlap(sector.mask, truth) > least_overlap


@pytest.mark.parametrize("name", SCREENS)
def test_the_sector_is_found_whole_and_overlays_are_left_out(name):
    cine, truth, drawn = draw(SCREENS[name])
    sector = find_sector(cine)
    assert sector.mask.shape == cine.size and sector.mask.dtype == bool
    assert sector.shape == {"curved": "curved", "linear": "linear"}.get(name, "sector")
    assert sector.mask[truth].mean() > 0.99, "sector pixels are lost"
    assert overlap(sector.mask, truth) > 0.93
    beside = drawn & ~truth
    assert sector.mask[beside].mean() < 0.005 if beside.any() else True
    assert sector.box == bounding_box(sector.mask) and not sector.note


@pytest.mark.parametrize("seed", range(9))
def test_random_screens_in_jpeg(seed):
    rng = np.random.default_rng(seed)
    half, tilt = rng.uniform(22, 48), rng.choice([0, rng.uniform(-10, 10)])
    screen = Screen(
        size=[(240, 320), (456, 576), (600, 800)][seed % 3],
        apex=(rng.uniform(0.47, 0.53), 0.07),
        angles=(tilt - half, tilt + half),
        near=rng.uniform(0.01, 0.06),
        far=rng.uniform(0.6, 0.8),
        extras=tuple(np.array(["text", "bar", "ticks", "logo", "border", "ecg"])[rng.random(6) < 0.6]),
        frames=(3, 16)[seed % 2],
    )
    cine, truth, _ = draw(screen, seed)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))]
    coded = [cv2.imdecode(cv2.imencode(".jpg", frame, quality)[1], cv2.IMREAD_GRAYSCALE) for frame in cine.frames]
    assert_found(cine_from_array(np.stack(coded), fps=30), truth, least_overlap=0.85)


def test_noise_of_a_screen_recording_is_no_echo():
    cine, truth, _ = draw(SCREENS["phased"])
    noise = np.random.default_rng(0).normal(12, 4, cine.frames.shape)
    assert_found(cine_from_array(np.clip(cine.frames + noise, 0, 255).astype(np.uint8), fps=30), truth)


def test_a_frozen_clip_is_found_like_a_still():
    cine, truth, _ = draw(SCREENS["one frame"])
    assert_found(cine_from_array(np.repeat(cine.frames, 20, axis=0), fps=30), truth)


def test_a_spectral_strip_beside_the_sector_is_left_out():
    cine, truth, _ = draw(Screen(size=(240, 320)))
    frames, inside = np.zeros((16, 480, 640), np.uint8), np.zeros((480, 640), bool)
    frames[:, :240, 160:480], inside[:240, 160:480] = cine.frames, truth
    strip = np.random.default_rng(0).integers(0, 200, (200, 640), dtype=np.uint8)
    for i in range(16):
        frames[i, 270:470] = np.roll(strip, -8 * i, axis=1)
    screen = cine_from_array(frames, fps=30)
    assert_found(screen, inside)
    assert_found(replace(screen, region=Box(160, 0, 480, 245)), inside)


@pytest.mark.parametrize(
    ("region", "said"),
    [
        (Box(40, 20, 600, 420), ""),
        (Box(0, 0, 640, 480), ""),
        (Box(600, 300, 640, 480), "shows no echoes"),
        (Box(-40, 900, 5000, 2000), "shows no echoes"),
        (Box(320, 0, 640, 480), "cuts through"),
    ],
)
def test_region_tags_help_only_where_they_fit(region, said):
    cine, truth, _ = draw(SCREENS["phased"])
    cine = replace(cine, region=region)
    assert_found(cine, truth)
    note = find_sector(cine).note
    assert said in note and bool(note) == bool(said)


NOISE = np.random.default_rng(0)


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((20, 240, 320), np.uint8),
        np.full((5, 64, 64), 255, np.uint8),
        np.zeros((1, 1, 1), np.uint8),
        NOISE.integers(0, 255, (20, 120, 160), dtype=np.uint8),
        NOISE.integers(0, 255, (1, 120, 160), dtype=np.uint8),
        NOISE.integers(0, 255, (3, 2, 3), dtype=np.uint8),
        NOISE.integers(0, 255, (3, 4, 900), dtype=np.uint8),
        NOISE.integers(0, 255, (3, 900, 2, 3), dtype=np.uint8),
    ],
    ids=["black", "white", "one pixel", "noise", "noise in one frame", "six pixels", "a strip", "a colored column"],
)
def test_without_a_sector_the_whole_frame_is_used_and_that_is_said(frames):
    sector = find_sector(cine_from_array(frames, fps=30))
    assert sector.shape == "frame" and not sector.found and sector.mask.all()
    assert sector.box == Box(0, 0, frames.shape[2], frames.shape[1])
    assert "whole frame" in sector.note


@pytest.mark.parametrize("trace", ["ecg", "scroll"])
def test_panels_and_an_ecg_alone_are_no_sector(trace):
    cine, _, _ = draw(Screen(probe="none", extras=("text", "panels", "bar", "logo", trace)))
    assert find_sector(cine).shape == "frame"


def test_the_fan_is_that_which_was_drawn():
    y, x = np.mgrid[:300, :400] + 0.5
    radius, angle = np.hypot(x - 190, y - 20), np.degrees(np.arctan2(x - 190, y - 20))
    drawn = (radius > 30) & (radius < 240) & (angle > -35) & (angle < 40)
    fan = place_fan(drawn).fan
    assert fan.apex == pytest.approx((190, 20), abs=2.5)
    assert (fan.near, fan.far) == pytest.approx((30, 240), abs=2.5)
    sides = np.degrees(np.arctan([fan.left.slope, fan.right.slope]))
    assert sides == pytest.approx([-35, 40], abs=0.6)


def test_a_long_cine_costs_no_more_memory_than_a_short_one():
    cine, truth, _ = draw(SCREENS["phased"])
    many = cine_from_array(np.tile(cine.frames, (40, 1, 1)), fps=30)
    tracemalloc.start()
    sector = find_sector(many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 << 20
    assert sector.mask[truth].mean() > 0.99


def test_prepared_frames_hold_the_tissue_and_nothing_else():
    cine, truth, drawn = draw(SCREENS["bright border"])
    prepared = prepare(cine, find_sector(cine), 112)
    assert prepared.shape == (len(cine), 112, 112)
    assert prepared[:, :, :3].max() < prepared.max() and not prepared[:, 0, 0].any()
    assert drawn[~truth].any()


def test_the_picture_outlines_the_mask():
    cine, truth, drawn = draw(SCREENS["color Doppler"])
    sector = find_sector(cine)
    picture = outline_picture(cine, sector)
    assert picture.shape == (*cine.size, 3) and picture.dtype == np.uint8
    yellow = (picture == (255, 200, 0)).all(axis=2)
    edge = cv2.morphologyEx(sector.mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
    assert yellow.sum() > 800 and edge[yellow].mean() > 0.99
    text = drawn & ~truth
    assert picture[text & ~edge].max() < 200, "what lies outside is dimmed"


@pytest.mark.parametrize("name", ["sample", "apical-long-axis.mp4"])
def test_real_clips(name, request):
    """No truth is known here: the mask must hold nearly all that moves strongly and leave out the corners."""
    if name == "sample":
        from EchoKeyframeLib.cine.dicom import read_dicom as read

        path = request.getfixturevalue("sample_clip")
    else:
        from EchoKeyframeLib.cine.video import read_video as read

        path = request.getfixturevalue("development_data") / name
    cine = read(path)
    sector = find_sector(cine)
    assert sector.shape == "sector" and not sector.note.startswith("the sector's sides")
    moves = cine.gray()[::2].std(axis=0) > 12
    assert sector.mask[moves].mean() > 0.99
    assert not sector.mask[-1, 0] and not sector.mask[-1, -1] and 0.25 < sector.mask.mean() < 0.7
