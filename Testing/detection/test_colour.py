"""Colour Doppler: told, and left out of what moves."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn_ventricle import beating_frames
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.finding import FindingKind
from EchoKeyframeLib.cine.prepare import MOST_COLOURED, moving_frames, prepare
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.detection import motion, network
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.detection.detect import detect
from EchoKeyframeLib.detection.film import Film
from EchoKeyframeLib.detection.film_curves import film_curves
from EchoKeyframeLib.detection.motion import FRAME_SIZE, MotionDetector

COUNT, FPS = 60, 30.0


def loop(frames: np.ndarray) -> Cine:
    return Cine(frames, np.arange(len(frames)) / FPS, Source("loop.avi"))


@pytest.fixture(scope="module")
def gray() -> Cine:
    return loop(beating_frames(COUNT, FPS))


@pytest.fixture(scope="module")
def flow(gray) -> Cine:
    """The same heart behind clouds of flow that run up and down in a box, another rhythm than its own."""
    frames = np.repeat(gray.frames[..., None], 3, axis=3)
    height, width = gray.size
    rows, columns = np.mgrid[:height, :width]
    box = (abs(columns - width / 2) < 0.11 * width) & (abs(rows - 0.55 * height) < 0.15 * height)
    for i, frame in enumerate(frames):
        shift = 0.25 * height * np.sin(2 * np.pi * i / 20)
        cloud = box & (np.sin(2 * np.pi * (rows + shift) / (0.2 * height)) > -0.3)
        speckle = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 60, gray.size), (0, 0), 1.5)
        bright = np.clip(170 + np.roll(speckle, -int(shift), axis=0), 60, 255).astype(np.uint8)
        frame[cloud] = np.stack([bright, bright // 4, bright // 8], axis=-1)[cloud]
    return loop(frames)


def test_a_gray_cine_is_seen_as_before(gray):
    sector = find_sector(gray)
    assert moving_frames(gray, sector, FRAME_SIZE) is prepare(gray, sector, FRAME_SIZE)
    same, detector = loop(np.repeat(gray.frames[..., None], 3, axis=3)), load_detector("fused", "cpu")
    one, other = (detector.curves(cine, sector) for cine in (gray, same))
    assert np.array_equal(one.probability, other.probability)


@pytest.mark.parametrize("model", ["motion", "fused"])
def test_flow_does_not_count_as_motion(model, gray, flow, monkeypatch):
    sector, detector = find_sector(gray), load_detector(model, "cpu")
    true, seen = (detect(cine, detector, sector=sector).keyframes for cine in (gray, flow))
    assert [k.phase for k in seen] == [k.phase for k in true] != []
    assert max(abs(one.frame - other.frame) for one, other in zip(true, seen, strict=True)) <= 2
    for module in (motion, network):
        monkeypatch.setattr(module, "moving_frames", prepare)
    misled = detect(flow, detector, sector=sector).keyframes
    assert [k.phase for k in misled] != [k.phase for k in true]


def test_what_is_not_coloured_stays(gray, flow):
    sector = find_sector(gray)
    before, after = prepare(flow, sector, FRAME_SIZE), moving_frames(flow, sector, FRAME_SIZE)
    changed = before != after
    assert 0.01 < changed.mean() < 0.1 and after[changed].mean() < before[changed].mean() - 20
    assert not changed[:, :, :30].any() and not changed[:, :, -30:].any()  # the walls beside the box


def test_colour_over_the_whole_sector_hides_nothing(gray):
    tinted = loop(np.repeat(gray.frames[..., None], 3, axis=3) // np.array([1, 4, 8], np.uint8))
    sector = find_sector(gray)
    assert (np.ptp(tinted.frames.astype(int), axis=3) > 40)[:, sector.mask].mean() > MOST_COLOURED
    assert np.array_equal(moving_frames(tinted, sector, FRAME_SIZE), prepare(tinted, sector, FRAME_SIZE))


def test_upside_down_the_same_is_hidden(flow):
    turned = replace(flow, frames=np.ascontiguousarray(flow.frames[:, ::-1]))
    sectors = find_sector(flow), find_sector(turned)
    assert [sector.apex_down for sector in sectors] == [False, True]
    one, other = (moving_frames(c, s, FRAME_SIZE) for c, s in zip((flow, turned), sectors, strict=True))
    assert (one != other).mean() < 0.001 < (one != prepare(flow, sectors[0], FRAME_SIZE)).mean()


def test_a_film_with_repeated_frames_keeps_its_colour(flow):
    twice = replace(flow, frames=np.repeat(flow.frames, 2, axis=0), times=np.arange(2 * COUNT) / (2 * FPS))
    sector, shown = find_sector(flow), []

    class Looks:
        name, device = "looks", "cpu"

        def curves(self, cine, sector, progress=None):
            shown.append(moving_frames(cine, sector, FRAME_SIZE))
            return MotionDetector().curves(cine, sector)

    film = Film.of(twice, sector)
    assert 0 < film.new.sum() <= COUNT
    film_curves(twice, sector, film, Looks())
    new = loop(twice.frames[film.new])
    assert np.array_equal(shown[0], moving_frames(new, sector, FRAME_SIZE))
    assert not np.array_equal(shown[0], prepare(new, sector, FRAME_SIZE))


def test_the_reader_tells(flow, gray, tmp_path):
    for cine, kinds in ((flow, [FindingKind.COLOUR]), (gray, [])):
        path = tmp_path / f"{len(kinds)}.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, cine.size[::-1])
        for frame in cine.frames:
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR if cine.is_color else cv2.COLOR_GRAY2BGR))
        writer.release()
        read = read_cine(path)
        assert [finding.kind for finding in read.findings] == kinds
        assert all(finding.text in read.warnings for finding in read.findings)
