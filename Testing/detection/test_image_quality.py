"""Frames without a usable image, and what becomes of the beats in them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from drawn_ventricle import beating_frames
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.prepare import prepare
from EchoKeyframeLib.cine.read import read_cine
from EchoKeyframeLib.cine.sector import find_sector, whole_frame
from EchoKeyframeLib.detection.beats import form_beats
from EchoKeyframeLib.detection.detect import detect
from EchoKeyframeLib.detection.image_quality import REACH, degraded_frames, mark_degraded
from EchoKeyframeLib.detection.keyframes import LEAST_CONFIDENCE, Keyframe, Phase, Unfit
from EchoKeyframeLib.detection.motion import MotionDetector
from EchoKeyframeLib.report.keyframes_file import KeyframesFile, read_json, write_json

SPELL = slice(40, 58)


def cine(frames, fps=30.0):
    return Cine(np.asarray(frames, np.uint8), np.arange(len(frames)) / fps, Source("loop.dcm"), timing="made here")


def found(frames):
    loop = cine(frames)
    return np.flatnonzero(degraded_frames(prepare(loop, whole_frame(loop), 112))).tolist()


@pytest.fixture(scope="module")
def beating():
    """Four drawn beats of 30 frames with receiver noise: ED at 0, 30, 60, 90; ES at 15, 45, 75, 105."""
    frames = beating_frames(120)
    noise = np.random.default_rng(5).normal(0, 4, frames.shape)
    return np.clip(frames + noise * (frames > 0), 0, 255).astype(np.uint8)


def spoilt(frames, kind):
    frames = frames.copy()
    part = frames[SPELL]
    frames[SPELL] = {
        "black": 0,
        "gray": 90,
        "noise": np.random.default_rng(2).integers(0, 256, part.shape),
        "frozen": frames[SPELL.start - 1],
        "dark": part * 0.15,
    }[kind]
    return frames


@pytest.mark.parametrize("kind", ["black", "gray", "noise", "frozen", "dark"])
def test_exactly_the_spoilt_frames_are_found(beating, kind):
    assert found(spoilt(beating, kind)) == list(range(SPELL.start, SPELL.stop))


def test_a_sound_loop_has_none_however_dim_fast_or_slowly_sampled(beating):
    assert found(beating) == []
    assert found(beating * 0.2) == []
    assert found(beating[::3]) == []  # 10 frames a beat
    assert found(beating_frames(60, fps=15, rate=160)) == []


def test_real_loops_have_none(sample_clip):
    loop = read_cine(sample_clip)  # its last frame is there twice
    assert not degraded_frames(prepare(loop, find_sector(loop), 112)).any()


def test_a_loop_that_fades_slowly_is_not_called_unfit(beating):
    fading = beating * np.linspace(1, 0.4, len(beating))[:, None, None]
    assert found(fading) == []


@pytest.mark.parametrize(("repeated", "expected"), [(1, []), (2, []), (3, [117, 118, 119]), (9, list(range(111, 120)))])
def test_a_last_frame_may_be_there_three_times(beating, repeated, expected):
    beating = beating.copy()
    beating[-repeated:] = beating[-repeated - 1]
    assert found(beating) == expected


def test_frames_that_all_stand_there_several_times_are_not_frozen(beating):
    assert found(np.repeat(beating[:40], 4, axis=0)) == []


def test_one_black_frame_leaves_its_neighbours_alone(beating):
    beating = beating.copy()
    beating[50] = 0
    assert found(beating) == [50]


@pytest.mark.parametrize("frames", [np.zeros((20, 64, 64)), np.zeros((1, 64, 64)), np.full((2, 64, 64), 9)])
def test_loops_that_show_nothing_at_all_do_no_harm(frames):
    found(frames)


def test_noise_throughout_is_degraded_throughout():
    assert found(np.random.default_rng(0).integers(0, 256, (30, 96, 96))) == list(range(30))


def test_keyframes_in_and_beside_degraded_frames_are_marked():
    degraded = np.zeros(60, bool)
    degraded[20:25] = True
    frames = [20 - REACH - 1, 20 - REACH, 22, 24 + REACH, 24 + REACH + 1]
    marked = mark_degraded([Keyframe(Phase.ED, f, f / 30) for f in frames], degraded)
    assert [k.degraded for k in marked] == [False, True, True, True, False]


def test_an_ed_and_an_es_with_degraded_frames_between_them_are_marked_and_the_next_are_not():
    degraded = np.zeros(100, bool)
    degraded[30] = True
    keyframes = [Keyframe(p, f, f / 30) for p, f in zip([Phase.ED, Phase.ES] * 2, [20, 40, 60, 80], strict=True)]
    assert [k.degraded for k in mark_degraded(keyframes, degraded)] == [True, True, False, False]
    assert not any(k.degraded for k in mark_degraded(keyframes[1:], degraded))  # in diastole, far from either


@pytest.mark.parametrize("kind", ["black", "frozen", "dark"])
def test_the_beat_in_spoilt_frames_is_unfit_and_the_others_are_not(beating, kind):
    detection = detect(cine(spoilt(beating, kind)), MotionDetector())
    for beat in detection.beats:
        shown = [k.frame for k in (beat.ed, beat.es) if k]
        near = min(shown) - REACH < SPELL.stop and max(shown) + REACH >= SPELL.start
        assert (Unfit.DEGRADED_IMAGE in beat.unfit) == near
    assert any(Unfit.DEGRADED_IMAGE in beat.unfit for beat in detection.beats)
    assert any(beat.measurable for beat in detection.beats)
    [warning] = [w for w in detection.warnings if "usable" in w]
    assert "frames 40 to 57" in warning


def test_a_sound_loop_is_measured_in_every_whole_beat(beating):
    detection = detect(cine(beating), MotionDetector())
    assert sum(beat.measurable for beat in detection.beats) >= 3
    assert not any("usable" in warning for warning in detection.warnings)


def key(phase, frame, **more):
    return Keyframe(Phase(phase), frame, frame / 30, **more)


@pytest.mark.parametrize(("keyframes", "reasons"), [
    ([key("ED", 5), key("ES", 15), key("ED", 35)], [[], ["cut"]]),
    ([key("ES", 5), key("ED", 20), key("ED", 50), key("ES", 60)], [["cut"], ["incomplete"], []]),
    ([key("ED", 0, at_edge=True, confidence=0.2), key("ES", 15)], [["cut", "low confidence"]]),
    ([key("ED", 5, degraded=True), key("ES", 15, confidence=LEAST_CONFIDENCE)], [["degraded image"]]),
])  # fmt: skip
def test_a_beat_tells_why_it_is_unfit(keyframes, reasons):
    beats = form_beats(keyframes)[1]
    assert [[str(reason) for reason in beat.unfit] for beat in beats] == reasons
    assert [beat.measurable for beat in beats] == [not unfit for unfit in reasons]


def test_files_keep_the_reason_and_those_written_before_are_read(tmp_path, beating):
    loop = cine(spoilt(beating, "black"))
    written = KeyframesFile.of(loop, detect(loop, MotionDetector()))
    path = tmp_path / "loop.keyframes.json"
    write_json(path, written)
    found = read_json(path)
    assert [beat.unfit for beat in found.beats] == [beat.unfit for beat in written.beats]
    assert any(Unfit.DEGRADED_IMAGE in beat.unfit for beat in found.beats)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert [beat["unfit"] for beat in document["beats"]] == [list(beat.unfit) for beat in written.beats]
    for keyframe in document["keyframes"]:
        del keyframe["degraded"]
    for beat in document["beats"]:
        del beat["unfit"]
    path.write_text(json.dumps(document), encoding="utf-8")
    assert read_json(path).keyframes == tuple(replace(k, degraded=False) for k in found.keyframes)
