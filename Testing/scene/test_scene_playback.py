"""A loop is played as fast as asked, by Slicer's own sequences logic with its time kept here."""

import time
from itertools import pairwise

import pytest

pytest.importorskip("mrml_scene")

from EchoKeyframeLib import scene as layer
from EchoKeyframeLib.scene.loop.playback_clock import PlaybackClock
from mrml_scene import new_scene, random_cine

FRAMES = 40


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """A loop and the logic that plays it."""
    kept = new_scene(tmp_path_factory.mktemp("cache"))
    _, browser = layer.add_cine_sequence(kept.scene, random_cine(FRAMES, 8, 8, color=False))
    logic = next(logic for logic in kept.logics if logic.IsA("vtkSlicerSequencesLogic"))
    yield kept, browser, logic
    browser.SetPlaybackActive(False)


@pytest.fixture
def play(loop):
    """Play for some ticks of 20 ms, as the application's timer asks for them: (time, frame) of each change."""
    _, browser, logic = loop
    seen, started = [], time.monotonic()

    def seconds():
        return time.monotonic() - started

    def play(rate, ticks=30, skipping=True):
        browser.SetPlaybackRateFps(rate)
        browser.SetPlaybackLooped(True)
        browser.SetPlaybackItemSkippingEnabled(skipping)
        browser.SetSelectedItemNumber(0)
        clock = PlaybackClock(browser, seconds)
        browser.SetPlaybackActive(True)
        seen.append((seconds(), 0))
        for _ in range(ticks):
            time.sleep(0.02)
            logic.UpdateAllProxyNodes()
            seen.append((seconds(), browser.GetSelectedItemNumber()))
        browser.SetPlaybackActive(False)
        clock.stop()
        return seen

    return play


@pytest.mark.parametrize("rate", [15, 30, 60, 100])
def test_each_frame_stands_where_the_clock_says(play, rate):
    seen = play(rate)
    (began, _), (ended, last) = seen[0], seen[-1]
    # A frame stays on show until Slicer's next look for which half a frame has passed.
    slack = 1.5 + rate * 0.02 + max((b - a) for (a, _), (b, _) in pairwise(seen)) * rate
    due = (ended - began) * rate
    assert min((last - due) % FRAMES, (due - last) % FRAMES) <= slack


def test_no_frame_is_left_out_where_none_may_be(play):
    frames = [frame for _, frame in play(100, ticks=12, skipping=False)]
    assert max((b - a) % FRAMES for a, b in pairwise(frames)) == 1


def test_a_frame_that_a_person_chooses_while_it_plays_stays(loop):
    _, browser, _ = loop
    now = [0.0]
    clock = PlaybackClock(browser, lambda: now[0])
    browser.SetPlaybackRateFps(20)
    browser.SetSelectedItemNumber(0)
    browser.SetPlaybackActive(True)
    now[0] = 0.02
    browser.SetSelectedItemNumber(25)
    assert browser.GetSelectedItemNumber() == 25
    now[0] = 0.04
    browser.SelectNextItem(1)
    assert browser.GetSelectedItemNumber() == 25, "half a frame has not passed since"
    now[0] = 0.08
    browser.SelectNextItem(1)
    assert browser.GetSelectedItemNumber() == 26
    browser.SetPlaybackActive(False)
    browser.SelectNextItem(7)
    assert browser.GetSelectedItemNumber() == 33
    clock.stop()


def test_a_loop_that_is_played_once_ends_at_its_first_frame(loop):
    _, browser, _ = loop
    now = [0.0]
    clock = PlaybackClock(browser, lambda: now[0])
    browser.SetPlaybackLooped(False)
    browser.SetPlaybackRateFps(10)
    browser.SetSelectedItemNumber(FRAMES - 3)
    browser.SetPlaybackActive(True)
    for _ in range(40):
        now[0] += 0.02
        if browser.GetPlaybackActive():
            browser.SelectNextItem(1)
    assert not browser.GetPlaybackActive() and browser.GetSelectedItemNumber() == 0
    clock.stop()
