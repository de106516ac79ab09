"""The figure: what it shows and what it must not show."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from EchoKeyframeLib.cine.cine import Box, Cine, Source
from EchoKeyframeLib.cine.sector import Sector
from EchoKeyframeLib.detection.beats import form_beats, heart_rate
from EchoKeyframeLib.detection.keyframes import Curves, Detection, Keyframe, Phase
from EchoKeyframeLib.report.figure import COLORS, MOST_BEATS, draw, write_figure
from matplotlib.colors import to_rgb
from PIL import Image


def pulse(beats: int, name: str = "loop.dcm") -> tuple[Cine, Sector, Detection]:
    """A cine with one beat a second at 20 frames a second, its sector in the middle, text burned in at the left."""
    count = beats * 20 + 1
    frames = np.zeros((count, 60, 80, 3), np.uint8)
    frames[:, :, :20] = (255, 0, 255)  # the burned-in text
    frames[:, 10:50, 30:70] = np.arange(count, dtype=np.uint8)[:, None, None, None] + 50
    mask = np.zeros((60, 80), bool)
    mask[10:50, 30:70] = True
    cine = Cine(frames, np.arange(count) / 20, Source(name))
    phase = np.cos(2 * np.pi * cine.times) / 2 + 0.5
    curves = Curves(np.stack([phase, 1 - phase], axis=1).astype(np.float32), cine.times, "motion 1")
    found = [Keyframe(Phase.ED, i * 20, i * 1.0, 0.9, at_edge=i in (0, beats)) for i in range(beats + 1)]
    found += [Keyframe(Phase.ES, i * 20 + 10, i + 0.5, 0.9) for i in range(beats)]
    keyframes, formed = form_beats(found)
    sector = Sector(mask, Box(30, 10, 70, 50), "linear")
    return cine, sector, Detection(curves, keyframes, formed, heart_rate(keyframes), "motion 1", "beats")


def frame_titles(figure) -> list[str]:
    """Above the frames, those that are not in the clip included; each picture is labelled as it is titled."""
    titles = [text.get_text() for text in figure.axes[1].texts if text.get_text() != "not in the clip"]
    assert [image.get_label() for image in figure.axes[1].images] == [title for title in titles if "frame" in title]
    return titles


def test_it_shows_the_right_frames():
    cine, sector, detection = pulse(2)
    figure = draw(cine, sector, detection)
    assert frame_titles(figure)
    shown = {image.get_label(): int(image.get_array().max()) for image in figure.axes[1].images}
    for keyframe in detection.keyframes[:4]:
        start = f"{keyframe.phase} {keyframe.beat}: frame {keyframe.frame},"
        [value] = [value for title, value in shown.items() if title.startswith(start)]
        assert value == keyframe.frame + 50, "each picture is that frame of the cine"


def test_curves_and_markers_are_the_detection():
    cine, sector, detection = pulse(3)
    axes = draw(cine, sector, detection).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_array_equal(lines["ED (4)"].get_ydata(), detection.curves.ed)
    np.testing.assert_array_equal(lines["ES (3)"].get_ydata(), detection.curves.es)
    markers = [line for line in axes.lines if line.get_linestyle() == "None"]
    marked = {(time, line.get_markerfacecolor() == "white") for line in markers for time in line.get_xdata().tolist()}
    assert marked == {(k.time, k.at_edge) for k in detection.keyframes}


def test_many_beats_show_a_few_and_say_so():
    cine, sector, detection = pulse(9)
    figure = draw(cine, sector, detection)
    assert len(frame_titles(figure)) == 2 * MOST_BEATS
    assert f"{MOST_BEATS} of {len(detection.beats)} beats shown" in figure.get_suptitle()
    shown = sorted({int(re.search(r"^E[DS] (\d+)", title)[1]) for title in frame_titles(figure)})
    assert max(np.diff(shown)) - min(np.diff(shown)) <= 1, "evenly chosen"


def test_text_burned_in_outside_the_sector_is_not_shown(tmp_path):
    path = tmp_path / "loop.png"
    write_figure(path, *pulse(1))
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    magenta = (pixels[..., 0] > 200) & (pixels[..., 1] < 60) & (pixels[..., 2] > 200)
    assert not magenta.any()


def test_both_phases_appear_in_print_quality(tmp_path):
    path = tmp_path / "loop.png"
    write_figure(path, *pulse(2))
    image = Image.open(path)
    assert image.width >= 1400 and image.info["dpi"][0] == pytest.approx(200, abs=1)
    pixels = np.asarray(image.convert("RGB")) / 255
    for phase in Phase:
        assert (np.abs(pixels - to_rgb(COLORS[phase])).max(axis=-1) < 0.02).sum() > 500, phase


@pytest.mark.parametrize("name", ["$x_{1$.dcm", "心室 äé.dcm", "n" * 300 + ".avi", "bad\udcff.dcm"])
def test_any_file_name_can_be_drawn(tmp_path, name):
    write_figure(tmp_path / "loop.png", *pulse(1, name))
    assert Image.open(tmp_path / "loop.png").width > 0


def test_nothing_found_still_draws_the_curves(tmp_path):
    cine, sector, detection = pulse(1)
    empty = replace(detection, keyframes=(), beats=(), heart_rate=None)
    assert len(draw(cine, sector, empty).axes) == 1
    write_figure(tmp_path / "loop.png", cine, sector, empty)
    assert Image.open(tmp_path / "loop.png").height > 0


def test_a_missing_keyframe_of_a_beat_leaves_a_blank_of_the_same_size():
    cine, sector, detection = pulse(3)
    keyframes, beats = form_beats([k for k in detection.keyframes if k.frame != 10])
    figure = draw(cine, sector, replace(detection, keyframes=keyframes, beats=beats))
    assert "ES 1" in frame_titles(figure)
    sizes = {tuple(np.round((patch.get_width(), patch.get_height()), 6)) for patch in figure.axes[1].patches}
    assert len(figure.axes[1].patches) == 2 + len(figure.axes[1].images) and len(sizes) == 1


def test_a_lone_keyframe_is_shown_alone():
    cine, sector, detection = pulse(1)
    keyframes, beats = form_beats([k for k in detection.keyframes if k.phase is Phase.ES])
    figure = draw(cine, sector, replace(detection, keyframes=keyframes, beats=beats))
    assert frame_titles(figure) == ["ES 1: frame 10, 0.500 s"]
