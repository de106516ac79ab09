"""Benchmarks of tracing: figures beside masks, keyframes that follow a volume curve, the scatter's picture."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import Cine, Source
from EchoKeyframeLib.cine.sector import whole_frame
from EchoKeyframeLib.detection.keyframes import Curves, Detection, Keyframe, Phase
from EchoKeyframeLib.measurement.automatic.tracing import LoopTracing, TracedFrame
from EchoKeyframeLib.measurement.automatic.volume_curve import VolumeCurve
from PIL import Image
from traced_sets import ED, ES, FRAMES, HALF, HEIGHT, SMALLER, base_of, inside, scale_on

pytest.importorskip("torch")


def script(name: str):
    path = Path(__file__).parents[1] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


contour_sheet, volume_opinion = map(script, ("contour_sheet", "volume_opinion"))
tracing_accuracy = sys.modules["tracing_accuracy"] = script("tracing_accuracy")
tracing_interval = script("tracing_interval")  # imports the one before


@pytest.fixture(scope="module")
def masks():
    found = np.stack([inside(scale_on(frame)) for frame in range(FRAMES)])
    found[0] = False  # nobody segmented it
    return found


def half_ellipse(scale: float) -> np.ndarray:
    x, y = base_of(0)
    angles = np.linspace(-np.pi / 2, np.pi / 2, 61)
    return np.stack([x + HALF * scale * np.sin(angles), y + 0.5 - HEIGHT * scale * np.cos(angles)], axis=1)


def tracing(factor: float) -> LoopTracing:
    points = [half_ellipse(factor * scale_on(frame)) for frame in range(FRAMES)]
    return LoopTracing(tuple(TracedFrame(n, one, tuple(one[30]), 0.7) for n, one in enumerate(points)), 0.9)


def test_masks_are_compared_frame_by_frame(masks):
    beside = contour_sheet.BesideMasks.of(tracing(1.0), masks)
    assert len(beside.dice) == FRAMES - 1 and beside.dice.min() > 0.97 and beside.correlation > 0.999
    assert beside.fractions == pytest.approx((100 * (1 - SMALLER**3),) * 2, abs=1.5)
    assert beside.own == pytest.approx(beside.fractions[0], abs=0.1)
    assert beside.area_changes == pytest.approx((100 * (1 - SMALLER**2),) * 2, abs=1.5)
    smaller = contour_sheet.BesideMasks.of(tracing(0.9), masks)
    assert smaller.dice == pytest.approx(np.full(FRAMES - 1, 2 * 0.81 / 1.81), abs=0.02)
    assert smaller.fractions == pytest.approx(beside.fractions, abs=0.5)  # as much smaller on both frames
    lost = tracing(1.0).frames
    half = contour_sheet.BesideMasks.of(LoopTracing((*lost[: ES + 1], *[None] * (FRAMES - ES - 1)), 0.9), masks)
    assert half.dice[-1] == 0 and half.dice[half.largest] > 0.97
    assert half.area_changes == pytest.approx(beside.area_changes)


def test_keyframes_follow_the_volume_curve_as_far_as_they_may():
    times = np.arange(30) / 30
    volume = 100 - 40 * np.exp(-0.5 * ((np.arange(30) - 15) / 3.0) ** 2)
    volume[5] = 140  # what one frame alone shows is smoothed away
    keys = [Keyframe(Phase.ES, 12, 0.4), Keyframe(Phase.ES, 1, 1 / 30, at_edge=True)]

    def frames(reach: float, share: float) -> list[int]:
        smooth = volume_opinion.smoothed(volume, times, 0.02)
        return [key.frame for key in volume_opinion.moved(keys, smooth, times, reach, share)]

    assert frames(0.12, 1.0) == [15, 1] and frames(0.04, 1.0) == [13, 1] and frames(0.14, 0.5) == [14, 1]
    assert frames(0, 1.0) == [12, 1]
    gone = volume_opinion.smoothed(np.full(30, np.nan), times, 0.02)
    assert np.isnan(gone).all() and volume_opinion.moved(keys, gone, times, 0.1, 1.0) == keys


def test_an_interval_is_fitted_to_beats_and_the_constants_are_left_alone():
    """Beats whose true fraction lies within 6 points of what was found, where the shipped interval reaches farther."""
    beats = [tracing_accuracy.Beat("A4C", True, False, (100, 100 - true), (100, 100 - true - off), (0.9, 0.9), (0, 0),
                                   (0.7, 0.7)) for true in range(30, 70, 2) for off in (-6, 0, 6)]  # fmt: skip
    before = tracing_interval.intervals(beats)
    constants = tracing_interval.fitted(beats[::3] + beats[2::3], starts=1)
    after = tracing_interval.with_constants(constants, beats)
    assert tracing_interval.cost(after, beats) < 0.7 * tracing_interval.cost(before, beats)
    assert np.array_equal(tracing_interval.intervals(beats), before)


def test_the_sheet_and_the_scatter_are_drawn(tmp_path):
    beats = [tracing_accuracy.Beat("A4C", True, False, (100, 100 - ef), (100, 100 - found), (0.9, 0.9), (0, 90))
             for ef, found in ((30, 35), (50, 48), (60, 99))]  # fmt: skip
    tracing_accuracy.draw(beats, "tracer 1", tmp_path / "scatter.png")
    with Image.open(tmp_path / "scatter.png") as picture:
        assert picture.width > 1000
    frames = np.where(np.stack([inside(scale_on(frame)) for frame in range(FRAMES)]), 20, 120).astype(np.uint8)
    cine = Cine(frames, np.arange(FRAMES) / 24, Source("drawn.avi"))
    sheet = _sheet(cine, (Keyframe(Phase.ED, ED, ED / 24),))
    assert contour_sheet._shown(sheet) == [(Phase.ED, ED), (Phase.ES, ES)]  # where the volume is smallest
    figure = contour_sheet.draw(sheet)
    assert [axes.get_title() for axes in figure.axes] == [f"ED {ED}: 0.70", f"ES {ES}: 0.70", ""]
    assert "drawn.avi" in figure.get_suptitle() and "Dice 0.9" in figure.get_suptitle()


def _sheet(cine: Cine, keyframes: tuple[Keyframe, ...]):
    found = tracing(1.0)
    curves = Curves(np.zeros((len(cine), 2), np.float32), cine.times, "none")
    detection = Detection(curves, keyframes, (), None, "none", "beats")
    masks = np.stack([inside(scale_on(frame)) for frame in range(FRAMES)])
    return contour_sheet.Sheet(cine, whole_frame(cine), detection, found, VolumeCurve.of(cine, found), [], masks)
