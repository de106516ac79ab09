"""The motion detector on a contracting speckle pattern of known beats, on real cines, and on what is no heart."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import find_sector, whole_frame
from EchoKeyframeLib.detection import rhythm
from EchoKeyframeLib.detection.detect import detect
from EchoKeyframeLib.detection.keyframes import Phase
from EchoKeyframeLib.detection.motion import MotionDetector, bumps
from EchoKeyframeLib.detection.rhythm import beat_length, level
from EchoKeyframeLib.detection.turning_points import TurningPoint, turning_points
from scipy.signal import find_peaks

SIZE = 112
SYSTOLE = 0.38
DATA = Path(os.environ.get("ECHOKEYFRAME_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def contraction_at(phase: np.ndarray) -> np.ndarray:
    """0 at ED (phase 0), 1 at ES (phase 0.38); fast early filling, diastasis, atrial kick."""
    return np.interp(phase % 1, [0, SYSTOLE, 0.55, 0.80, 1], [0, 1, 0.35, 0.30, 0])


def beating(count, beat, first_ed, center=(56, 50), drift=0.0, fps=30.0, noise=3.0) -> Cine:
    """A wall of speckle around a dark cavity that shrinks by up to 18 % towards ``center``; ``beat`` in frames."""
    rng = np.random.default_rng(3)
    texture = cv2.GaussianBlur(rng.normal(size=(SIZE, SIZE)), (0, 0), 1.3)
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    radius = np.hypot(x - center[0], y - center[1])
    wall = np.clip((radius - 14) / 3, 0.05, 1) * np.clip((48 - radius) / 6, 0.05, 1)
    image = (np.clip(110 + 45 * texture / texture.std(), 0, 255) * wall).astype(np.float32)
    share = contraction_at((np.arange(count) - first_ed) / beat)
    frames = np.empty((count, SIZE, SIZE), np.uint8)
    for t in range(count):
        # Drift of ``drift`` px over the clip, the scale shrinks with distance so that the outside stays where it is.
        dx, dy = x - center[0] - drift * t / count, y - center[1] + 0.6 * drift * t / count
        scale = 1 + 0.22 * share[t] * np.exp(-((dx**2 + dy**2) / 45**2))
        columns, rows = (center[0] + dx * scale).astype(np.float32), (center[1] + dy * scale).astype(np.float32)
        moved = cv2.remap(image, columns, rows, cv2.INTER_LINEAR)
        frames[t] = np.clip(moved + rng.normal(0, noise, moved.shape), 0, 255)
    return Cine(frames, np.arange(count) / fps, Source("beating"))


def found(cine: Cine) -> dict[Phase, list[int]]:
    keyframes = detect(cine, MotionDetector(), sector=whole_frame(cine)).keyframes
    return {phase: [k.frame for k in keyframes if k.phase is phase] for phase in Phase}


def assert_found(cine, beat, first_ed, tolerance=None):
    """All ED and ES well inside the clip are found once, and nothing else there."""
    tolerance = tolerance or max(1.5, 0.06 * beat)
    frames = found(cine)
    for phase, first in ((Phase.ED, first_ed), (Phase.ES, first_ed + SYSTOLE * beat)):
        truth = first + beat * np.arange(-2, len(cine) / beat + 2)
        inside = truth[(truth > 0.1 * beat) & (truth < len(cine) - 1 - 0.1 * beat)]
        near_end = 0.15 * beat
        middle = [f for f in frames[phase] if near_end < f < len(cine) - 1 - near_end]
        for t in inside:
            assert min((abs(f - t) for f in frames[phase]), default=np.inf) <= tolerance, (phase, t, frames)
        for f in middle:
            assert np.abs(truth - f).min() <= tolerance, (phase, f, frames)


@pytest.mark.parametrize("center", [(56, 50), (40, 62), (72, 44)])
def test_finds_every_beat_wherever_the_ventricle_lies(center):
    assert_found(beating(90, 27, 8, center), 27, 8)


@pytest.mark.parametrize("drift", [-14.0, 14.0])
def test_probe_drift_moves_no_keyframe(drift):
    assert_found(beating(90, 27, 8, drift=drift), 27, 8)


@pytest.mark.parametrize("beat", [12, 20, 45, 70])
def test_any_number_of_frames_a_beat(beat):
    assert_found(beating(int(2.6 * beat), beat, 0.3 * beat), beat, 0.3 * beat)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_frame_rate_off_by_two_gives_the_same_keyframes(factor):
    cine = beating(90, 27, 8)
    assert found(cine.with_fps(30 * factor)) == found(cine)


def test_a_clip_shorter_than_a_beat():
    frames = found(beating(26, 36, 6))
    assert [abs(f - 6) <= 2 for f in frames[Phase.ED]] == [True]
    assert any(abs(f - (6 + SYSTOLE * 36)) <= 2 for f in frames[Phase.ES])


def test_contraction_and_relaxation_are_not_exchanged_when_time_runs_backwards():
    cine = beating(90, 27, 8)
    backwards = found(Cine(cine.frames[::-1].copy(), cine.times, cine.source))
    for f in (8, 35, 62):
        assert min(abs(89 - f - g) for g in backwards[Phase.ED]) <= 3


@pytest.mark.parametrize(
    ("kind", "count"),
    [(kind, count) for kind in ("still", "black", "noise") for count in (1, 2, 3, 40) if (kind, count) != ("noise", 3)],
)  # three frames of noise cannot be told from a beat
def test_what_does_not_beat_gives_flat_curves(kind, count):
    rng = np.random.default_rng(count)
    frames = {
        "still": np.repeat(rng.integers(0, 255, (1, 64, 80), dtype=np.uint8), count, axis=0),
        "black": np.zeros((count, 64, 80), np.uint8),
        "noise": rng.integers(0, 255, (count, 64, 80), dtype=np.uint8),
    }[kind]
    cine = Cine(frames, np.arange(count) / 30.0, Source(kind))
    curves = MotionDetector().curves(cine, whole_frame(cine))
    assert curves.probability.shape == (count, 2)
    assert not curves.probability.any()


def test_curves_are_bumps_that_a_decoder_can_read():
    cine = beating(90, 27, 8)
    curves = MotionDetector().curves(cine, whole_frame(cine))
    peak = int(np.argmax(curves.ed[20:50])) + 20
    assert curves.ed[peak] > 0.9
    assert curves.ed[peak - 14] < 0.05
    assert curves.ed[peak + 3] == pytest.approx(np.exp(-0.5 * (3 / 2.7) ** 2), abs=0.12)


def test_progress_reaches_one():
    seen = []
    cine = beating(20, 10, 3)
    MotionDetector().curves(cine, whole_frame(cine), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_early_and_atrial_filling_make_one_beat():
    phase = np.arange(120) / 30
    humps = np.interp(phase % 1, [0, 0.35, 0.5, 0.6, 0.8, 1], [1, 0, 0.9, 0.8, 0.75, 1])
    points, beat = turning_points(humps)
    assert beat == pytest.approx(30, abs=1)
    assert [p.phase for p in points[:4]] == [Phase.ED, Phase.ES, Phase.ED, Phase.ES]
    inside = [p.frame for p in points if p.phase is Phase.ED and 3 < p.frame < 117]
    np.testing.assert_allclose(inside, [30, 60, 90], atol=1)


def test_turning_points_lie_between_frames():
    """Beats of 12 frames that turn at a tenth of a frame, two, ...: found there, not half a frame early."""
    errors = {Phase.ED: [], Phase.ES: []}
    for offset in np.arange(0, 1, 0.1):
        points, _ = turning_points(np.cos(2 * np.pi * (np.arange(100) - offset) / 12))
        for point in points[1:-1]:
            turn = offset + (0 if point.phase is Phase.ED else 6)
            errors[point.phase].append((point.frame - turn + 6) % 12 - 6)
    for late in errors.values():
        # The plateau's end lies a little after the turn: at 1.5 % of the swing, 0.47 frames of a cosine.
        assert abs(np.mean(late) - 0.47) < 0.2 and np.std(late) < 0.3


def test_an_extremum_beyond_the_end_is_placed_there():
    curve = np.cos(2 * np.pi * np.arange(70) / 25)  # tops at 0, 25, 50, 75; bottoms at 12.5, 37.5, 62.5
    points, _ = turning_points(curve)
    last = points[-1]
    assert last.phase is Phase.ED
    assert last.frame == pytest.approx(75, abs=1.5)
    edge = bumps([last], 25, 70)[-1, 0]
    assert 0 < edge < 0.2


def test_a_bump_outside_the_clip_leaves_its_flank():
    curves = bumps([TurningPoint(Phase.ES, -2.0, 1.0)], 20, 10)
    assert np.argmax(curves[:, 1]) == 0
    assert curves[0, 1] == pytest.approx(np.exp(-0.5))
    assert not curves[:, 0].any()


@pytest.mark.parametrize("beat", [9.0, 24.0, 61.0])
def test_beat_length_in_frames(beat):
    steps = np.arange(int(3.4 * beat))
    assert beat_length(contraction_at(steps / beat)) == pytest.approx(beat, abs=1)


def test_leveling_removes_drift_and_keeps_the_beat():
    steps = np.arange(130)
    periodic = contraction_at(steps / 26)
    np.testing.assert_allclose(level(periodic + 0.02 * steps, 26), periodic - periodic.mean(), atol=0.05)


def real_clips():
    labels = DATA / "labels.json"
    return json.loads(labels.read_text(encoding="utf-8")) if labels.exists() else []


@pytest.mark.parametrize("clip", [c for c in real_clips() if c["where"] == "shared/data"], ids=lambda c: c["file"])
def test_labelled_real_clips(clip):
    cine = read_cine(DATA / clip["file"])
    keyframes = detect(cine, MotionDetector()).keyframes
    for phase, key in ((Phase.ED, "ed"), (Phase.ES, "es")):
        for truth in clip[key]:
            assert min(abs(k.frame - truth) for k in keyframes if k.phase is phase) <= 3


def test_pydicoms_apical_four_chamber_view():
    cine = read_cine(Path(pydicom.examples.get_path("ybr_color")))
    detection = detect(cine, MotionDetector(), sector=find_sector(cine))
    confident = [k for k in detection.keyframes if not k.at_edge]
    assert [k.phase for k in confident] == [Phase.ES, Phase.ED]
    assert abs(confident[0].frame - 5) <= 2
    assert abs(confident[1].frame - 21) <= 2


def test_peaks_are_those_that_scipy_finds():
    """The rhythm is asked for in Slicer's own process, where SciPy is not imported."""
    rng = np.random.default_rng(0)
    for length in range(1, 200):
        curve = rng.integers(0, 4, length).astype(float)  # flat tops, too
        assert rhythm._peaks(curve).tolist() == find_peaks(curve)[0].tolist()
