"""Frame times of a DICOM cine: which statement is believed, and what is said where two contradict each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_files import beating_frames, write_dicom
from EchoKeyframeLib.cine.cine import Cine
from EchoKeyframeLib.cine.finding import FindingKind
from EchoKeyframeLib.cine.read import read_cine
from pydicom.dataset import Dataset

VECTOR = 0x00181065


@pytest.fixture
def cine_with(tmp_path: Path):
    """Writes ten frames with these elements and reads them back."""

    def make(count: int = 10, raw_vector: str = "", raw_frame_time: str = "", **tags: object) -> Cine:
        path = write_dicom(tmp_path / "clip.dcm", beating_frames(count, 16, 16), **tags)
        # What pydicom does not write is put in the place of the element that follows or stands there.
        if raw_vector:
            put_text(path, b"\x28\x00\x02\x00US", b"\x18\x00\x65\x10DS", raw_vector, replaces=False)
        if raw_frame_time:
            put_text(path, b"\x18\x00\x63\x10DS", b"\x18\x00\x63\x10DS", raw_frame_time, replaces=True)
        return read_cine(path)

    return make


def put_text(path: Path, before: bytes, element: bytes, text: str, replaces: bool) -> None:
    """Write an explicit element of text in front of another, or in its place."""
    data = path.read_bytes()
    at = data.index(before)
    old = 8 + int.from_bytes(data[at + 6 : at + 8], "little") if replaces else 0
    value = text.encode() + b" " * (len(text) % 2)
    path.write_bytes(data[:at] + element + len(value).to_bytes(2, "little") + value + data[at + old :])


def said(cine: Cine, *parts: str) -> bool:
    """Whether one warning contains all the parts."""
    return any(all(part in warning for part in parts) for warning in cine.warnings)


def test_frame_time(cine_with) -> None:
    cine = cine_with(FrameTime="33.333")
    np.testing.assert_allclose(cine.times, np.arange(10) * 0.033333)
    assert cine.timing == "FrameTime" and cine.warnings == ()


def test_vector_gives_each_frame_its_own_interval(cine_with) -> None:
    steps = [0, 20, 30, 20, 30, 25, 22, 41, 20, 30]
    cine = cine_with(FrameTime=None, FrameTimeVector=steps, FrameIncrementPointer=VECTOR)
    np.testing.assert_allclose(cine.times, np.cumsum(steps) / 1000)
    assert cine.timing == "FrameTimeVector" and cine.warnings == ()


def test_vector_with_a_first_increment_starts_at_zero(cine_with) -> None:
    cine = cine_with(FrameTime=None, FrameTimeVector=[40] * 10, FrameIncrementPointer=VECTOR)
    np.testing.assert_allclose(cine.times, np.arange(10) * 0.04)


def test_vector_that_holds_times_is_read_as_times(cine_with) -> None:
    cine = cine_with(FrameTime=None, FrameTimeVector=[i * 40 for i in range(10)], FrameIncrementPointer=VECTOR)
    np.testing.assert_allclose(cine.times, np.arange(10) * 0.04)
    assert said(cine, "FrameTimeVector", "instead of increments")


STEPS = [0, 20, 30, 20, 30, 25, 22, 41, 20, 30, 33, 28]


@pytest.mark.parametrize("start", [0, 33, 1500])
@pytest.mark.parametrize("steps", [[0] + [33.3] * 11, STEPS], ids=["even", "uneven"])
def test_vectors_of_times_start_anywhere(cine_with, steps: list[float], start: float) -> None:
    times = np.cumsum(steps)
    cine = cine_with(12, FrameTime=None, FrameTimeVector=(times + start).tolist(), FrameIncrementPointer=VECTOR)
    np.testing.assert_allclose(cine.times, times / 1000, atol=1e-9)
    assert said(cine, "instead of increments")


def test_increments_that_grow_a_little_are_increments(cine_with) -> None:
    steps = [0] + [40 + 0.5 * i for i in range(11)]
    cine = cine_with(12, FrameTime=None, FrameTimeVector=steps, FrameIncrementPointer=VECTOR)
    np.testing.assert_allclose(cine.times, np.cumsum(steps) / 1000)
    assert cine.warnings == ()


@pytest.mark.parametrize("times", [False, True], ids=["increments", "times"])
@pytest.mark.parametrize("at", [0, 4, 11])
def test_a_vector_with_an_empty_value(cine_with, at: int, times: bool) -> None:
    values = [f"{v:g}" for v in (np.arange(12) * 40 + 40 if times else [0] + [40] * 11)]
    values[at] = ""
    cine = cine_with(12, FrameTime=None, raw_vector="\\".join(values))
    np.testing.assert_allclose(cine.times, np.arange(12) * 0.04, atol=1e-9)
    assert cine.timing == "FrameTimeVector"


@pytest.mark.parametrize(
    "text", ["0" + "\\40" * 11 + "\\", "0" + "\\40" * 9, "40" + "\\40" * 9, "0" + "\\40,0" * 11]
)
def test_vectors_with_a_backslash_two_short_or_with_commas(cine_with, text: str) -> None:
    cine = cine_with(12, FrameTime=None, raw_vector=text)
    np.testing.assert_allclose(cine.times, np.arange(12) * 0.04)
    assert said(cine, "10 values for 12 frames") == (text.count("40") < 11)
    assert said(cine, "decimal comma") == ("," in text)


@pytest.mark.parametrize("tags", [
    {"FrameTime": "400"}, {"FrameTime": None, "FrameTimeVector": [0] + [450] * 9},
    {"FrameTime": None, "FrameTimeVector": [450 * i for i in range(10)]}, {"FrameTime": None, "CineRate": 3},
    {"FrameTime": None, "RecommendedDisplayFrameRate": 4}, {"FrameTime": None, "ActualFrameDuration": 500},
])  # fmt: skip
def test_a_rate_below_any_echo_is_doubted(cine_with, tags: dict) -> None:
    cine = cine_with(FrameIncrementPointer=None, **tags)
    assert said(cine, "too slow for an echo loop")
    assert all(f.kind is FindingKind.TIMING and f.text in cine.timing_warnings for f in cine.findings)


@pytest.mark.parametrize("written", ["40,0", "4,0E1", "40,00 "])
def test_a_decimal_comma_is_read_and_told(cine_with, written: str) -> None:
    cine = cine_with(raw_frame_time=written)
    if "E" in written:
        assert said(cine, "assumed")
        return
    assert cine.fps == pytest.approx(25) and cine.timing == "FrameTime"
    assert said(cine, "decimal comma", "read as 40") and cine.findings[0].kind is FindingKind.TIMING


def test_r_wave_pointer_names_frames_from_one(cine_with) -> None:
    cine = cine_with(count=50, HeartRate=75, RWavePointer=[1, 21, 41])
    assert cine.r_waves == pytest.approx((0.0, 0.8, 1.6)) and cine.warnings == ()


def test_r_wave_pointers_that_cannot_be(cine_with) -> None:
    assert said(cine_with(count=50, RWavePointer=[5, 60]), "names frame 60 of 50")
    cine = cine_with(count=50, RWavePointer=[0, 20])
    assert cine.r_waves == pytest.approx((0.0, 0.8)) and said(cine, "counted from 0")
    cine = cine_with(count=50, RWavePointer=[11], RWaveTimeVector=[500.0])
    assert cine.r_waves == pytest.approx((0.5,))


def test_increment_pointer_decides_between_frame_time_and_vector(cine_with) -> None:
    both = {"FrameTime": "40", "FrameTimeVector": [0] + [20] * 9}
    assert cine_with(**both, FrameIncrementPointer=VECTOR).timing == "FrameTimeVector"
    assert cine_with(**both).timing == "FrameTime"


def test_measured_duration_corrects_the_nominal_frame_time(cine_with) -> None:
    cine = cine_with(FrameTime="47.4", EffectiveDuration=0.457)
    assert cine.frame_interval == pytest.approx(0.0457)
    assert cine.timing == "EffectiveDuration"
    assert said(cine, "47.4", "45.7")


def test_duration_that_contradicts_by_far_does_not_override(cine_with) -> None:
    cine = cine_with(FrameTime="40", EffectiveDuration=0.85)
    assert cine.frame_interval == pytest.approx(0.04)
    assert said(cine, "40 ms", "85 ms")


def test_duration_in_whole_seconds_agrees_within_its_rounding(cine_with) -> None:
    cine = cine_with(count=40, FrameTime="40", EffectiveDuration=2.0)
    assert cine.frame_interval == pytest.approx(0.04) and cine.warnings == ()


@pytest.mark.parametrize(
    ("tags", "interval", "timing"),
    [
        ({"EffectiveDuration": 0.5}, 0.05, "EffectiveDuration"),
        ({"ActualFrameDuration": 25}, 0.025, "ActualFrameDuration"),
        ({"CineRate": 20, "RecommendedDisplayFrameRate": 40}, 0.05, "CineRate"),
        ({"RecommendedDisplayFrameRate": 40}, 0.025, "RecommendedDisplayFrameRate"),
        ({}, 1 / 30, "assumed frame rate"),
    ],
)
def test_order_of_the_other_statements(cine_with, tags: dict, interval: float, timing: str) -> None:
    cine = cine_with(FrameTime=None, FrameIncrementPointer=None, **tags)
    assert cine.frame_interval == pytest.approx(interval) and cine.timing == timing


@pytest.mark.parametrize("value", ["0", "-40", "NaN", "inf", "1e9", "0.0333"])
def test_impossible_frame_time_is_named_and_replaced(cine_with, value: str) -> None:
    cine = cine_with(FrameTime=value)
    assert cine.fps == pytest.approx(30)
    assert said(cine, "FrameTime of", "impossible") and said(cine, "30/s is assumed")


@pytest.mark.parametrize(
    ("steps", "expected", "words"),
    [
        ([0, 40, 40, 0, 40, 40, 40, 40, 40, 40], 40, ("1 of 9", "0 ms", "40 ms")),
        ([0, 40, 40, "NaN", 40, 40, 40, 40, 40, 40], 40, ("1 of 9", "are missing")),
        ([0, 40, 40, -1, 40, 40, 40, 40, 40, 40], 40, ("1 of 9", "-1 ms")),
        ([0] * 10, 25, ("9 of 9", "ignored")),
        ([0, 40, 40], 25, ("3 values for 10 frames",)),
    ],
)
def test_damaged_vectors(cine_with, steps: list, expected: float, words: tuple[str, ...]) -> None:
    cine = cine_with(FrameTime="25", FrameTimeVector=steps, FrameIncrementPointer=VECTOR)
    np.testing.assert_allclose(cine.times, np.arange(10) * expected / 1000)
    assert said(cine, "FrameTimeVector", *words)


def test_vector_without_the_first_zero(cine_with) -> None:
    cine = cine_with(FrameTime=None, FrameTimeVector=[40] * 9, FrameIncrementPointer=VECTOR)
    np.testing.assert_allclose(cine.times, np.arange(10) * 0.04)


def test_frames_out_of_order_are_put_right_by_the_vector(cine_with) -> None:
    order = np.array([0, 1, 2, 4, 3, 5, 6, 8, 7, 9])
    steps = np.diff(order * 40, prepend=0)
    stored = beating_frames(10, 16, 16)
    cine = cine_with(FrameTime=None, FrameTimeVector=steps.tolist(), FrameIncrementPointer=VECTOR)
    np.testing.assert_array_equal(cine.frames, stored[np.argsort(order)])
    np.testing.assert_allclose(cine.times, np.arange(10) * 0.04)
    assert said(cine, "out of order")


def test_frames_out_of_order_are_put_right_by_their_own_times(cine_with) -> None:
    order = np.random.default_rng(5).permutation(10)
    groups = []
    for rank in order:
        content, group = Dataset(), Dataset()
        content.FrameAcquisitionDateTime = f"20240102030405.{int(rank) * 40000:06d}"
        group.FrameContentSequence = [content]
        groups.append(group)
    cine = cine_with(PerFrameFunctionalGroupsSequence=groups)
    np.testing.assert_array_equal(cine.frames, beating_frames(10, 16, 16)[np.argsort(order)])
    assert [cine.source.frame_number(i) for i in range(10)] == (np.argsort(order) + 1).tolist()
    assert [cine.source.frame_index(number) for number in range(1, 11)] == order.tolist()
    np.testing.assert_allclose(cine.times, np.arange(10) * 0.04)
    assert said(cine, "out of order")


def test_r_waves_and_heart_rate_are_passed_on(cine_with) -> None:
    cine = cine_with(count=50, FrameTime="40", HeartRate=60, RWaveTimeVector=[200.0, 1200.0])
    assert cine.heart_rate == 60 and cine.r_waves == pytest.approx((0.2, 1.2)) and cine.warnings == ()


def test_r_waves_that_contradict_the_heart_rate(cine_with) -> None:
    cine = cine_with(count=50, FrameTime="40", HeartRate=60, RWaveTimeVector=[200.0, 700.0, 1200.0])
    assert said(cine, "120 bpm", "60 bpm")


def test_r_waves_outside_the_clip(cine_with) -> None:
    cine = cine_with(count=50, FrameTime="40", RWaveTimeVector=[200.0, 3200.0, float("nan")])
    assert cine.r_waves == pytest.approx((0.2,))
    assert said(cine, "3.2 s", "1.96 s")


@pytest.mark.parametrize("value", [0, -5, 999])
def test_absurd_heart_rate_is_unknown(cine_with, value: int) -> None:
    assert cine_with(HeartRate=value).heart_rate is None


def test_a_clip_too_short_for_its_heart_rate(cine_with) -> None:
    assert said(cine_with(FrameTime="10", HeartRate=60), "0.09 s", "60 bpm")


def test_a_vector_in_pictures_of_a_screen_may_be_a_slowed_replay(cine_with) -> None:
    steps = [0] + [33.333, 33.333, 50.0] * 13
    cine = cine_with(40, FrameTime=None, FrameTimeVector=steps, FrameIncrementPointer=VECTOR, HeartRate=61)
    assert said(cine, "60 Hz screen", "25.7 frames/s", "61 bpm")


def test_replay_rate_that_differs_is_told(cine_with) -> None:
    assert said(cine_with(FrameTime="20", CineRate=25), "50 frames/s", "25/s")


def test_trim_is_told_but_no_frame_is_lost(cine_with) -> None:
    cine = cine_with(StartTrim=3, StopTrim=8)
    assert len(cine) == 10 and said(cine, "3 to 8")


def test_a_given_rate_overrides(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(10, 16, 16))
    cine = read_cine(path, fps=50, view="A2C")
    assert cine.fps == pytest.approx(50) and cine.timing == "given frame rate" and cine.view == "A2C"


def test_the_clip_that_lies_by_a_factor_of_two(development_data: Path) -> None:
    cine = read_cine(development_data / "DIRW0007.dcm")
    assert len(cine) == 65 and not cine.is_color and cine.heart_rate == 61
    assert cine.duration == pytest.approx(2.438, abs=0.001)
    assert said(cine, "60 Hz screen", "26.2 frames/s", "61 bpm")
    settled = read_cine(development_data / "DIRW0007.dcm", fps=52.5)
    assert settled.fps == pytest.approx(52.5) and settled.warnings == ()


def test_a_given_rate_settles_doubts_about_times_and_no_others(tmp_path: Path) -> None:
    tags = {"FrameTime": "0", "HeartRate": 60, "StartTrim": 3, "StopTrim": 8}
    path = write_dicom(tmp_path / "clip.dcm", beating_frames(10, 16, 16), **tags)
    assert said(read_cine(path), "30/s is assumed") and said(read_cine(path), "3 to 8")
    cine = read_cine(path, fps=50)
    assert not said(cine, "assumed") and said(cine, "3 to 8")


@pytest.mark.parametrize("place", [0, 10, 23])
@pytest.mark.parametrize("holds_times", [True, False])
def test_a_vector_with_an_empty_value_anywhere(tmp_path: Path, place: int, holds_times: bool) -> None:
    vector = [round(33.3 * i, 1) for i in range(24)] if holds_times else [0, *[33.3] * 23]
    vector[place] = 77.7
    path = write_dicom(tmp_path / "a.dcm", beating_frames(24), FrameTime=None, FrameTimeVector=vector,
                       FrameIncrementPointer=0x00181065)  # fmt: skip
    path.write_bytes(path.read_bytes().replace(b"77.7", b"    "))
    cine = read_cine(path)
    assert np.diff(cine.times) == pytest.approx(0.0333) and cine.timing == "FrameTimeVector"
    assert not any("nan" in warning or "0 ms" in warning for warning in cine.warnings)
