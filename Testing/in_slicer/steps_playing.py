"""Playing a loop with the toolbar: as fast as asked, whatever Slicer's own clock makes of it."""

from __future__ import annotations

import time

import vtk
from event_loop import let_work
from hands import click, type_text
from outcome import Skipped, check
from steps import step
from waves import write_wave

RATES = (15, 20, 25, 30, 40, 50, 60, 75, 100)
SECONDS = 4.0
TOLERANCE = 0.05
LONG = 300
"""Frames of the loop that is played."""


def _with_long_loop(person) -> None:
    """Small frames, and so many that no hold of the application is as long as the loop."""
    if person.sequence is None or person.sequence.GetNumberOfDataNodes() != LONG:
        person.clear()
        person.load(write_wave(person.files / "long loop.mha", LONG, 48, 64))


def _play(person, rate: int) -> str:
    play, box = person.toolbar("play"), person.toolbar("rate")
    _with_long_loop(person)
    browser, count = person.browser, person.sequence.GetNumberOfDataNodes()
    type_text(box, f"{rate:g}")
    check(abs(browser.GetPlaybackRateFps() - rate) < 0.01, f"the toolbar plays at {browser.GetPlaybackRateFps():g}")
    seen = [(time.monotonic(), browser.GetSelectedItemNumber(), 0)]

    def count_frames(*_):
        item, (_when, before, frames) = browser.GetSelectedItemNumber(), seen[-1]
        step = (item - before + 3) % count - 3  # a little back counts as back
        if step:
            seen.append((time.monotonic(), item, frames + step))

    tag = browser.AddObserver(vtk.vtkCommand.ModifiedEvent, count_frames)
    click(play)
    let_work(0.3)
    del seen[:-1]
    person.pulse.restart()
    let_work(SECONDS)
    (began, _, before), (ended, _, after) = seen[0], seen[-1]
    held = person.pulse.longest
    click(play)
    browser.RemoveObserver(tag)
    let_work(0.1)
    check(not browser.GetPlaybackActive(), "the loop goes on playing")
    check(len(seen) > 2, f"{len(seen)} frames were shown in {SECONDS:g} s")
    if held * rate > count - 4:
        raise Skipped(f"drawing held the application for {held:.2f} s, longer than the loop lasts: cannot be counted")
    frames, took = after - before, ended - began
    shown = frames / took
    check(abs(shown / rate - 1) <= TOLERANCE, f"{frames} frames in {took:.2f} s: {shown:.1f}/s, asked for {rate}/s")
    return f"{frames} frames in {took:.2f} s: {shown:.1f}/s"


for one_rate in RATES:
    step(f"play: {one_rate} frames/s", modules=("Sequences",))(lambda person, rate=one_rate: _play(person, rate))
