"""Playing a loop with the toolbar: as fast as asked, whatever Slicer's own clock makes of it."""

from __future__ import annotations

import time

import vtk
from event_loop import let_work
from hands import click, type_text
from outcome import Skipped, check
from steps import step

RATES = (15, 20, 25, 30, 40, 50, 60, 75, 100)
SECONDS = 4.0
TOLERANCE = 0.05


def _play(person, rate: int) -> str:
    person.with_sample()
    play, box = person.toolbar("play"), person.toolbar("rate")
    browser, count = person.browser, person.sequence.GetNumberOfDataNodes()
    type_text(box, f"{rate:g}")
    check(abs(browser.GetPlaybackRateFps() - rate) < 0.01, f"the toolbar plays at {browser.GetPlaybackRateFps():g}")
    state = {"item": browser.GetSelectedItemNumber(), "frames": 0}

    def count_frames(*_):
        item = browser.GetSelectedItemNumber()
        step = (item - state["item"] + 3) % count - 3  # a little back counts as back
        state["frames"] += step
        state["item"] = item

    tag = browser.AddObserver(vtk.vtkCommand.ModifiedEvent, count_frames)
    click(play)
    let_work(0.3)
    person.pulse.restart()
    state["frames"], started = 0, time.monotonic()
    let_work(SECONDS)
    frames, took = state["frames"], time.monotonic() - started
    held = person.pulse.longest
    click(play)
    browser.RemoveObserver(tag)
    let_work(0.1)
    check(not browser.GetPlaybackActive(), "the loop goes on playing")
    if held * rate > count - 4:
        raise Skipped(f"drawing held the application for {held:.2f} s, longer than the loop lasts: cannot be counted")
    shown = frames / took
    check(abs(shown / rate - 1) <= TOLERANCE, f"{frames} frames in {took:.2f} s: {shown:.1f}/s, asked for {rate}/s")
    return f"{frames} frames in {took:.2f} s: {shown:.1f}/s"


for one_rate in RATES:
    step(f"play: {one_rate} frames/s", modules=("Sequences",))(lambda person, rate=one_rate: _play(person, rate))
