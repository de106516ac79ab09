"""Contours: which are refused, from segmentations, from files, and carried from one keyframe to the other."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import Cine, CineError, Source
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.detection.beats import form_beats
from EchoKeyframeLib.detection.keyframes import Keyframe, Phase
from EchoKeyframeLib.measurement.contour import Contour, MeasurementError, evenly_spaced, through
from EchoKeyframeLib.measurement.contours_file import read_contours, write_contours
from EchoKeyframeLib.measurement.disks import cut
from EchoKeyframeLib.measurement.propagation import completed, propagate
from EchoKeyframeLib.measurement.segmentation import contour_of_mask
from EchoKeyframeLib.measurement.volume import single_plane
from matplotlib.path import Path
from ventricle_shapes import SHAPES, cone, ellipsoid

WALL = ellipsoid(80, 25, 0.2).points(41)


def by_row(points: np.ndarray) -> np.ndarray:
    """From wall to wall and back, as points sorted by their row would run."""
    return points[np.argsort(points[:, 1])]


REFUSED = {
    "two points": (WALL[::20], "3 points; trace the wall"),
    "too many": (np.repeat(WALL, 60, axis=0), "2460 points"),
    "no pairs": (np.zeros((30, 3)), "shape"),
    "not numbers": ([["a", "b"]] * 30, "pairs of numbers"),
    "ragged": ([[1, 2], [3]], "pairs of numbers"),
    "not finite": (np.where(np.arange(41)[:, None] == 9, np.nan, WALL), "not a finite"),
    "far off": (WALL * 1e9, "not a finite"),
    "closed": (np.vstack([WALL, WALL[:1]]), r"ends lie only 0\.0 px apart; trace the wall alone"),
    "sorted by row": (by_row(WALL), "put the points in order"),
    "from the apex on": (np.vstack([WALL[20:], WALL[:20]]), "ends lie only"),
    "from within a wall": (np.vstack([WALL[9:], WALL[:9]]), "ends lie only"),
    "shuffled": (np.random.default_rng(0).permutation(WALL), "put the points in order"),
    "one point astray": (np.where(np.arange(41)[:, None] == 5, WALL[35] - (3, 0), WALL), "put the points in order"),
    "all in one place": (np.ones((30, 2)), "ends lie only"),
    "on a line": (np.stack([np.arange(30.0), np.zeros(30)], axis=1), "put the points in order"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_contour_is_refused_in_one_line(name):
    points, message = REFUSED[name]
    with pytest.raises(MeasurementError, match=message) as caught:
        Contour(Phase.ES, 12, points, view="A4C")
    assert isinstance(caught.value, CineError)
    assert str(caught.value).startswith("A4C ES contour on frame 12: ")
    assert "\n" not in str(caught.value)


def test_a_contour_keeps_its_points_to_itself():
    points = WALL.copy()
    contour = Contour(Phase.ED, 0, points)
    points[:] = 0
    assert np.array_equal(contour.points, WALL)
    with pytest.raises(ValueError, match="read-only"):
        contour.points[0] = 0


def test_a_point_given_twice_does_no_harm():
    doubled = Contour(Phase.ED, 0, np.repeat(WALL, 2, axis=0))
    assert single_plane(cut(doubled, (1, 1))) == pytest.approx(single_plane(cut(Contour(Phase.ED, 0, WALL), (1, 1))))


@pytest.mark.parametrize("points", [np.zeros((9, 2)), np.zeros((0, 2)), np.full((9, 2), np.nan), np.zeros(9)], ids=repr)
def test_a_smooth_curve_needs_different_points(points):
    with pytest.raises(MeasurementError):
        through(points)


def mask_of(points: np.ndarray, size: tuple[int, int] = (420, 420)) -> np.ndarray:
    """What another tool would segment: pixels whose centres lie inside the contour, closed by its base."""
    rows, columns = np.indices(size)
    return Path(points).contains_points(np.stack([columns.ravel(), rows.ravel()], axis=1)).reshape(size)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.6, 1.0)], ids=str)
@pytest.mark.parametrize("tilt", [0, 25, -50, 90, 180])
@pytest.mark.parametrize("shape", [ellipsoid(80, 28), ellipsoid(55, 27, 0.4), cone(85, 28)], ids=lambda s: s.name)
def test_a_segmentation_gives_the_volume_of_its_contour(shape, tilt, spacing):
    drawn = shape.contour(201, tilt, spacing)
    found = contour_of_mask(mask_of(drawn.points), Phase.ED, 4, spacing)
    assert single_plane(cut(found, spacing)) == pytest.approx(shape.volume, rel=0.05)  # pixels of 1 mm
    for end in drawn.annulus:
        assert (np.hypot(*((found.annulus - end) * spacing[::-1]).T)).min() < 3  # mm


def test_a_person_may_give_the_annulus():
    shape = ellipsoid(60, 28, 0.9)  # so round at its base that this is not certain
    drawn = shape.contour(201, tilt=15)
    found = contour_of_mask(mask_of(drawn.points), Phase.ED, 4, annulus=drawn.annulus + 0.7)
    assert single_plane(cut(found, (1, 1))) == pytest.approx(shape.volume, rel=0.04)


def test_of_several_parts_the_largest_counts_and_holes_are_filled():
    mask = mask_of(ellipsoid(80, 28).points(201))
    alone = contour_of_mask(mask, Phase.ES, 0)
    mask[100:104, 148:152] = False
    mask[5:20, 5:20] = True
    assert np.array_equal(contour_of_mask(mask, Phase.ES, 0).points, alone.points)


ROUND = np.hypot(*(np.mgrid[:200, :200] - 100)) < 60


@pytest.mark.parametrize(("mask", "annulus", "message"), [
    (np.zeros((50, 50), bool), None, "fewer than 100 pixels"),
    (np.eye(50, dtype=bool), None, "fewer than 100 pixels"),
    (np.ones((50, 50)), None, "must be a bool mask"),
    (np.ones((2, 50, 50), bool), None, "must be a bool mask"),
    (ROUND, None, "neither end is clearly the flat base"),
    (ROUND, [[100, 100]], "two pixel positions"),
    (ROUND, [[40, 100], [40, 100]], "same place"),
])  # fmt: skip
def test_a_mask_that_is_no_ventricle_is_refused(mask, annulus, message):
    with pytest.raises(MeasurementError, match=message):
        contour_of_mask(mask, Phase.ED, 0, annulus=annulus)


def test_a_file_gives_back_what_was_written(tmp_path):
    path = tmp_path / "Kammer ü.contours.json"
    written = (Contour(Phase.ED, 21, WALL, apex=(150.0, 70.0), view="A2C"), Contour(Phase.ES, 5, WALL[::2], view="A2C"))
    write_contours(path, written)
    for before, after in zip(written, read_contours(path), strict=True):
        for name in ("phase", "frame", "apex", "view"):
            assert getattr(before, name) == getattr(after, name)
        assert np.abs(before.points - after.points).max() <= 0.005


def test_clicked_points_may_be_joined_by_a_smooth_curve(tmp_path):
    path = tmp_path / "clicked.json"
    clicked = [{"phase": "ED", "frame": 1, "curve": "spline", "points": WALL[::4].tolist()}]
    path.write_text(json.dumps({"schema": 1, "view": "a4c", "contours": clicked}), encoding="utf-8")
    (contour,) = read_contours(path)
    assert contour.view == "A4C"
    assert len(contour.points) > 50
    assert np.hypot(*(contour.points[0] - WALL[0])) < 1e-6
    assert max(np.hypot(*(contour.points - p).T).min() for p in WALL[::4]) < 2


def test_a_segmentation_may_lie_beside_the_file(tmp_path):
    mask = mask_of(ellipsoid(80, 28).points(201), (240, 320))
    (tmp_path / "Höhle.png").write_bytes(cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes())
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"schema": 1, "contours": [{"phase": "ES", "frame": 3, "mask": "Höhle.png"}]}))
    (contour,) = read_contours(path)
    assert single_plane(cut(contour, (1, 1))) == pytest.approx(ellipsoid(80, 28).volume, rel=0.04)
    cine = Cine(np.zeros((4, 100, 100), np.uint8), np.arange(4) / 30, Source("small.avi"))
    with pytest.raises(MeasurementError, match="320x240 pixels, but a frame 100x100"):
        read_contours(path, cine)


GOOD = {"phase": "ED", "frame": 1, "points": WALL.tolist()}


@pytest.mark.parametrize(("content", "message"), [
    ("", "cannot be read"),
    ("[" * 100_000, "cannot be read"),
    ("[]", "no contours file"),
    ('{"contours": []}', '"schema": 1 is missing'),
    ('{"schema": 2, "contours": []}', "is of schema 2; this EchoKeyframe understands 1"),
    ('{"schema": 1}', "missing required field contours"),
    ('{"schema": 1, "contours": []}', r"length >= 1 - at \$\.contours"),
    ('{"schema": 1, "contours": [7]}', r"got int - at \$\.contours\[0\]"),
    ('{"schema": 1, "view": 4, "contours": [{}]}', r"got int - at \$\.view|missing required field"),
    (json.dumps({"schema": 1, "contours": [{**GOOD, "phase": "EX"}]}), r"at \$\.contours\[0\]\.phase"),
    (json.dumps({"schema": 1, "contours": [GOOD, {**GOOD, "frame": 2.5}]}), r"got float - at \$\.contours\[1\]\.frame"),
    (json.dumps({"schema": 1, "contours": [{**GOOD, "frame": True}]}), r"got bool - at \$\.contours\[0\]\.frame"),
    (json.dumps({"schema": 1, "contours": [{**GOOD, "curve": "bezier"}]}), r"at \$\.contours\[0\]\.curve"),
    (json.dumps({"schema": 1, "contours": [{**GOOD, "apex": [1]}]}), r"at \$\.contours\[0\]\.apex"),
    (json.dumps({"schema": 1, "contours": [{**GOOD, "points": [[1, 2], "x"]}]}), r"at \$\.contours\[0\]\.points\[1\]"),
    (json.dumps({"schema": 1, "contours": [{"phase": "ED", "frame": 1}]}), "contour 1: has neither points nor a mask"),
    (json.dumps({"schema": 1, "contours": [{"phase": "ED", "frame": 1, "mask": "x.png"}]}), "x.png cannot be read"),
    (json.dumps({"schema": 1, "contours": [{"phase": "ED", "frame": 1, "mask": "broken.json"}]}), "is no picture"),
])  # fmt: skip
def test_a_broken_file_is_one_line_that_names_it(tmp_path, content, message):
    path = tmp_path / "broken.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(MeasurementError, match=message) as caught:
        read_contours(path)
    assert str(caught.value).startswith("broken.json: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(MeasurementError, match=r"gone\.json"):
        read_contours(tmp_path / "gone.json")


@pytest.fixture(scope="module")
def contracting() -> tuple[Cine, list[np.ndarray]]:
    """A simulated ventricle in speckle that contracts to 0.72 of its size in 9 frames, and its contour in each."""
    rng = np.random.default_rng(1)
    speckle = cv2.GaussianBlur(rng.rayleigh(1.0, (300, 300)).astype(np.float32), (0, 0), 1.5)
    wall = ellipsoid(90, 35, 0.2).points(81) + np.array([0, 40])
    inside = mask_of(wall, (300, 300))
    inside[int(wall[0, 1]) :, 100:200] = True
    texture = speckle / speckle.max() * np.where(inside, 25, 220).astype(np.float32)
    frames, contours = [], []
    for size in np.linspace(1, 0.72, 9):
        shrink = np.array([[size, 0, 150 * (1 - size)], [0, size, 150 * (1 - size)]])
        frames.append(cv2.warpAffine(texture, shrink, (300, 300), borderMode=cv2.BORDER_REFLECT).astype(np.uint8))
        contours.append(wall @ shrink[:, :2].T + shrink[:, 2])
    return Cine(np.stack(frames), np.arange(9) / 30, Source("contracting.avi"), spacing=(1.0, 1.0)), contours


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean distance in pixels of two curves' points from the other curve."""
    a, b = evenly_spaced(one, 300), evenly_spaced(other, 300)
    apart = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    return float(apart.min(axis=0).mean() + apart.min(axis=1).mean()) / 2


@pytest.mark.parametrize(("start", "end"), [(0, 8), (8, 0)])
def test_a_contour_follows_the_wall(contracting, start, end):
    cine, walls = contracting
    carried = propagate(Contour(Phase.ED, start, walls[start], view="A4C"), cine, end, Phase.ES)
    assert (carried.phase, carried.frame, carried.view) == (Phase.ES, end, "A4C")
    assert distance(carried.points, walls[end]) < 0.3 * distance(walls[start], walls[end])


def test_edges_bring_a_contour_closer(contracting):
    cine, walls = contracting
    off = Contour(Phase.ED, 0, (walls[0] - 150) * (0.93, 1) + 150)
    moved, snapped = (propagate(off, cine, 8, Phase.ES, snap) for snap in (False, True))
    assert distance(snapped.points, walls[8]) < 0.8 * distance(moved.points, walls[8])


@pytest.mark.parametrize(("start", "end"), [(0, 1), (1, 0)])
def test_a_start_on_a_real_loop_is_nearer_than_the_other_frames_contour(sample_clip, repository, start, end):
    cine = read_cine(sample_clip)
    contours = read_contours(repository / "Resources" / "measure-a4c.contours.json")
    carried = propagate(contours[start], cine, contours[end].frame, contours[end].phase)
    before = distance(contours[start].points, contours[end].points)
    assert distance(carried.points, contours[end].points) < 0.5 * before


def test_only_missing_contours_are_started(contracting):
    cine, walls = contracting
    keys = [Keyframe(phase, frame, frame / 30) for phase, frame in ((Phase.ED, 0), (Phase.ES, 4), (Phase.ED, 8))]
    beats = form_beats(keys)[1]
    ed = Contour(Phase.ED, 0, walls[0])
    both = completed((ed,), beats, cine)
    assert both[0] is ed
    assert [(c.phase, c.frame) for c in both] == [(Phase.ED, 0), (Phase.ES, 4)]
    assert completed(both, beats, cine) == both


def test_there_is_no_carrying_beyond_the_clip(contracting):
    cine, walls = contracting
    with pytest.raises(MeasurementError, match=r"contracting.avi: has no frame 9 \(0 to 8\)"):
        propagate(Contour(Phase.ED, 0, walls[0]), cine, 9, Phase.ES)


def test_shapes_of_other_tests_are_contours():
    assert all(len(shape.contour(21).points) == 21 for shape in SHAPES)
