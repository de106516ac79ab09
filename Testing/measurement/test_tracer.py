"""The left ventricle traced in whole loops: on the real sample, on simulated hearts, and where there is none."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import Sector, find_sector, whole_frame
from EchoKeyframeLib.detection.keyframes import DetectionError, Phase
from EchoKeyframeLib.measurement.automatic.outline import TRACED_POINTS, landmarks_of, trace_wall
from EchoKeyframeLib.measurement.automatic.tracer import load_tracer, looked_at
from EchoKeyframeLib.measurement.automatic.uncertainty import (
    LARGEST_ERROR,
    LEAST_ERROR,
    confidence_of,
    ejection_fraction_interval,
    volume_error,
)
from EchoKeyframeLib.measurement.contour import Contour
from EchoKeyframeLib.measurement.contours_file import read_contours
from EchoKeyframeLib.measurement.disks import cut
from EchoKeyframeLib.measurement.unfit import Doubt
from EchoKeyframeLib.measurement.volume import single_plane

ED, ES = 21, 5
VIEWS = ("A4C", "A2C", "PLAX", "PSAX")


@pytest.fixture(scope="module")
def tracer():
    return load_tracer("onnxruntime")


@pytest.fixture(scope="module")
def sample(sample_clip) -> tuple[Cine, Sector]:
    cine = read_cine(sample_clip)
    return cine, find_sector(cine)


@pytest.fixture(scope="module")
def tracing(tracer, sample):
    return tracer.trace(*sample, keyframes=(ED, ES))


def volume(points: np.ndarray, apex: tuple[float, float] | None = None) -> float:
    """mL at 1 mm a pixel."""
    return single_plane(cut(Contour(Phase.ED, 0, points, apex), (1.0, 1.0)))


def gray(frames: np.ndarray, name: str = "made here") -> Cine:
    return Cine(frames, np.arange(len(frames)) / 30.0, Source(name))


def test_the_real_sample_is_traced_as_a_person_did(tracing, repository):
    assert tracing.doubts == () and tracing.apical > 0.8
    assert [frame.frame for frame in tracing.frames] == list(range(30))
    by_hand = {c.phase: c for c in read_contours(repository / "Resources" / "measure-a4c.contours.json")}
    found = {}
    for phase, frame in ((Phase.ED, ED), (Phase.ES, ES)):
        traced = tracing.frames[frame]
        assert traced.points.shape == (TRACED_POINTS, 2) and 0.3 < traced.confidence <= 1
        ends, hand = traced.points[[0, -1]], by_hand[phase].annulus
        assert np.hypot(*(ends - hand[np.argsort(hand[:, 0])]).T).max() < 15  # of 240 rows
        assert volume(traced.points, traced.apex) == pytest.approx(volume(by_hand[phase].points), rel=0.3)
        found[phase] = volume(traced.points)
    by_hand_ef = 1 - volume(by_hand[Phase.ES].points) / volume(by_hand[Phase.ED].points)
    assert 1 - found[Phase.ES] / found[Phase.ED] == pytest.approx(by_hand_ef, abs=0.12)


def test_curves_are_smooth_and_begin_at_the_left(tracing):
    for traced in tracing.frames:
        steps = np.diff(traced.points, axis=0)
        turns = np.diff(np.unwrap(np.arctan2(*steps.T)))
        assert np.abs(turns).max() < np.deg2rad(45)
        assert traced.points[0, 0] < traced.points[-1, 0]
        assert np.hypot(*(traced.points - traced.apex).T).min() == 0


def test_upside_down_it_is_the_same_ventricle(tracer, sample, tracing):
    cine, _ = sample
    turned = replace(cine, frames=np.ascontiguousarray(cine.frames[:, ::-1]), region=None)
    below = tracer.trace(turned, find_sector(turned))
    assert below.apical > 0.5
    for frame in (ED, ES):
        assert below.frames[frame].apex[1] > below.frames[frame].points[0, 1]
        assert volume(below.frames[frame].points) == pytest.approx(volume(tracing.frames[frame].points), rel=0.35)


def test_both_runtimes_trace_alike(sample, tracing):
    pytest.importorskip("torch")
    other = load_tracer("torch", "cpu").trace(*sample, keyframes=(ED, ES))
    apart = [np.abs(a.points - b.points).max() for a, b in zip(tracing.frames, other.frames, strict=True)]
    assert np.median(apart) < 0.05 and other.apical == pytest.approx(tracing.apical, abs=1e-3)


@pytest.mark.parametrize("view", VIEWS)
def test_simulated_hearts_are_traced_in_apical_views_and_doubted_in_others(tracer, view):
    pytest.importorskip("torch")
    from EchoKeyframeLib.simulator.config import RARE, PhantomConfig
    from EchoKeyframeLib.simulator.phantom import simulate

    clear = dict.fromkeys(RARE, 0.0) | {"degradation": False, "dropout": False}
    config = PhantomConfig(frames=16, fps=(16, 18), heart_rate=(60, 80), views=(view,), traced=True, **clear)
    batch, together = simulate(range(900, 904), config), []
    for index in range(len(batch)):
        frames = batch.frames[index].numpy()
        cine = Cine(frames, np.arange(16) / float(batch.fps[index]), Source(f"{view} {index}"))
        loop = tracer.trace(cine, find_sector(cine))
        if view in ("PLAX", "PSAX"):
            assert loop.doubts and loop.doubts[0].word == Doubt.NOT_APICAL
            continue
        assert loop.apical > 0.5
        true = [volume(contour) for contour in batch.contour[index].numpy()]
        found = [volume(frame.points) for frame in loop.frames]
        together.append(np.corrcoef(true, found)[0, 1])
    assert view in ("PLAX", "PSAX") or np.median(together) > 0.85


def test_where_there_is_no_heart_there_are_doubts_and_no_failure(tracer):
    random = np.random.default_rng(0)
    blank = np.zeros((12, 90, 120), np.uint8)
    noise = random.integers(0, 255, (12, 90, 120), np.uint8)
    still = np.repeat(noise[:1], 12, axis=0)
    colour = np.zeros((12, 90, 120, 3), np.uint8)
    colour[..., 0] = cv2.GaussianBlur(noise[0], (0, 0), 9) * 2
    colour[..., 2] = random.integers(60, 255, (12, 1, 1))
    for frames in (blank, noise, still, colour, blank[:1], noise[:1, :20, :20]):
        cine = gray(frames)
        for sector in (find_sector(cine), whole_frame(cine)):
            loop = tracer.trace(cine, sector)
            assert loop.doubts and len(loop.frames) == len(frames)


def test_a_still_of_a_real_heart_is_doubted(tracer, sample):
    cine, sector = sample
    still = replace(cine, frames=np.repeat(cine.frames[ED : ED + 1], 30, axis=0))
    assert "the picture stands still" in [doubt.text for doubt in tracer.trace(still, sector).doubts]


def test_keyframes_are_looked_at_and_frames_between_follow_their_neighbours(tracer, sample):
    cine, sector = sample
    fast = cine.with_fps(120)
    plain, asked = tracer.trace(fast, sector), tracer.trace(fast, sector, keyframes=[ES - 2])
    before, after = plain.frames[0], plain.frames[5]  # of 120 frames/s every fifth
    assert np.allclose(plain.frames[ES - 2].points, 0.4 * before.points + 0.6 * after.points)
    assert np.abs(asked.frames[ES - 2].points - plain.frames[ES - 2].points).max() > 0.2
    assert np.allclose(asked.frames[24].points, plain.frames[24].points)  # out of its reach
    with pytest.raises(DetectionError, match="no frame 30"):
        tracer.trace(cine, sector, keyframes=[30])


@pytest.mark.parametrize(("rate", "stride"), [(12, 1), (28, 1), (29.97, 2), (30, 2), (50, 2), (60, 3), (120, 5)])
def test_fewer_frames_are_looked_at_where_there_are_many_a_second(sample, rate, stride):
    cine, _ = sample
    assert looked_at(cine.with_fps(rate)).tolist() == sorted({*range(0, 30, stride), 29})
    assert looked_at(cine.with_fps(rate), [ED, ES]).tolist() == sorted({*range(0, 30, stride), 29, ED, ES})


def test_progress_grows_to_the_end_and_can_stop_it(tracer, sample):
    told: list[float] = []
    tracer.trace(*sample, progress=told.append)
    assert told == sorted(told) and told[-1] == 1

    class StoppedHere(Exception):
        pass

    def stop(share: float) -> None:
        raise StoppedHere

    with pytest.raises(StoppedHere):
        tracer.trace(*sample, progress=stop)


def test_memory_hardly_grows_with_the_frames(tracer):
    """Of a frame its prepared image is kept, its maps and its curve; no images or logits of the whole loop."""
    frames = np.random.default_rng(1).integers(0, 200, (1, 64, 64), np.uint8).repeat(240, axis=0)
    cine = gray(frames)
    tracemalloc.start()
    tracer.trace(cine, whole_frame(cine))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 240 * (112 * 112 + 8_000) + 25e6


def test_unusable_weights_and_runtimes_are_told(tmp_path: Path):
    with pytest.raises(DetectionError, match="not one of"):
        load_tracer("tensorflow")


def drawn_cavity(x: float, y: float, across: float, along: float) -> np.ndarray:
    """Half an ellipse that stands on a flat base: probability float32 ``[56, 56]`` in pixels of the maps."""
    rows, columns = np.mgrid[:56, :56]
    depth = 1 - np.hypot((columns - x) / across, (rows - y) / along)
    return (1 / (1 + np.exp(-60 * depth)) * (rows <= y)).astype(np.float32)


def test_a_wall_runs_from_annulus_to_annulus_along_the_cavity():
    cavity = drawn_cavity(28, 40, 10, 25)
    corners = np.array([[36.5, 80.5], [76.5, 80.5], [56.5, 30.5]])
    wall = trace_wall(cavity, corners)
    assert np.allclose(wall.points[[0, -1]], corners[:2])  # not where the map's round corners end
    assert np.hypot(*(wall.points[wall.apex] - corners[2])) < 3
    assert wall.area == pytest.approx(4 * np.pi / 2 * 10 * 25.5, rel=0.05)
    assert wall.apart[0] < 4 and wall.apart[1] < 3
    away = trace_wall(cavity, corners + np.array([[-20, -20], [20, -20], [0, 0]]))
    assert away.apart[0] > 15
    assert np.hypot(*(away.points[[0, -1]] - wall.points[[0, -1]]).T).max() < 20  # no spike to a stray place
    assert trace_wall(np.zeros((56, 56), np.float32), corners) is None
    tiny = np.zeros((56, 56), np.float32)
    tiny[20:23, 20:23] = 1
    assert trace_wall(tiny, corners) is None


def test_landmarks_are_where_the_maps_peak_and_a_second_peak_widens_their_spread():
    rows, columns = np.mgrid[:56, :56]
    sharp = -((columns - 20) ** 2 + (rows - 30.5) ** 2) / 4.0
    twice = np.logaddexp(sharp, -((columns - 45) ** 2 + (rows - 30.5) ** 2) / 4.0 - 0.1)
    found = landmarks_of(np.stack([sharp, twice, sharp])[None].astype(np.float32))
    assert np.abs(found.places[0] - [40.5, 61.5]).max() < 0.2
    assert found.spread[0, 0] < 4 < 20 < found.spread[0, 1]


def test_confidence_is_an_error_told_otherwise():
    for error in (LEAST_ERROR, 0.1, 0.2, 0.5, LARGEST_ERROR):
        assert volume_error(confidence_of(error)) == pytest.approx(error, rel=1e-6)
    assert confidence_of(0.01) == confidence_of(LEAST_ERROR) <= 1
    assert volume_error(0.0) == pytest.approx(LARGEST_ERROR) and volume_error(1.0) == pytest.approx(LEAST_ERROR)
    with pytest.raises(ValueError, match="between 0 and 1"):
        volume_error(1.2)


def test_the_interval_holds_the_fraction_and_widens_with_doubt():
    sure, unsure = (ejection_fraction_interval(120, 50, *pair) for pair in ((0.95, 0.95), (0.6, 0.5)))
    assert unsure[0] < sure[0] < 100 * (1 - 50 / 120) < sure[1] < unsure[1]
    assert unsure[1] < 100
    with pytest.raises(ValueError, match="positive"):
        ejection_fraction_interval(0, 50, 0.9, 0.9)


def test_the_interval_of_an_extreme_fraction_leans_to_the_middle_the_more_the_less_is_known():
    for esv, outward in ((85, 0), (25, 1)):  # 15 and 75 %
        fraction = 100 * (1 - esv / 100)
        leans = []
        for confidence in (0.95, 0.7, 0.4):
            interval = ejection_fraction_interval(100, esv, confidence, confidence)
            assert interval[0] <= fraction <= interval[1]
            assert abs(interval[outward] - fraction) < 0.5 * (interval[1] - interval[0])
            leans.append(abs(sum(interval) / 2 - fraction))
        assert 0 < leans[0] < leans[1] < leans[2]
    low, high = ejection_fraction_interval(100, 120, 0.3, 0.3)  # no ventricle's
    assert low < -19 < high <= 100
