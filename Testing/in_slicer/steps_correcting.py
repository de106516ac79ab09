"""Jumping and correcting: buttons, toolbar, arrow keys, the strip; adding, moving, removing, taking back."""

from __future__ import annotations

from event_loop import let_work
from hands import click, press_key, value
from outcome import check
from qt import Qt
from steps import step


@step("jump: buttons for the previous and next ED and ES")
def _(person):
    person.with_sample()
    for phase in ("ED", "ES"):
        frame = person.rows[person.row_of(phase)][1]
        person.step_to(0 if frame else 1)
        person.press(f"next {phase}" if frame else f"previous {phase}")
        check(person.frame == frame, f"next {phase}: frame {person.frame} is shown, not {frame}")


@step("jump: two buttons of the sequence toolbar")
def _(person):
    person.with_sample()
    frames = sorted(frame for _, frame in person.rows)
    person.step_to(frames[0])
    person.press_toolbar("next keyframe")
    check(person.frame == frames[1], f"frame {person.frame} is shown, not {frames[1]}")
    person.press_toolbar("previous keyframe")
    check(person.frame == frames[0], f"frame {person.frame} is shown, not {frames[0]}")


@step("jump: arrow keys in the table")
def _(person):
    person.with_sample()
    person.click_row(0)
    press_key(person.control("keyframes"), Qt.Key_Down)
    let_work(0.1)
    check(person.frame == person.rows[1][1], f"the second row is selected, frame {person.frame} is shown")


@step("jump: the strip below the slider")
def _(person):
    person.with_sample()
    person.step_to(0)
    strip = next(child for child in person.control("strip").children() if child.inherits("QLabel"))
    count = person.sequence.GetNumberOfDataNodes()
    click(strip, value(strip, "width") - 3, 12)
    let_work(0.1)
    check(person.frame == count - 1, f"frame {person.frame} is shown, not {count - 1}")


@step("correct: add, change phase, remove, undo")
def _(person):
    person.with_sample()
    before = person.rows
    taken = {frame for _, frame in before}
    frame = next(f for f in range(8, person.sequence.GetNumberOfDataNodes()) if f not in taken)
    person.step_to(frame)
    person.press("add ED")
    check(("ED", frame) in person.rows, f"no ED at {frame}: {person.text('status')}")
    person.press("change phase")
    check(("ES", frame) in person.rows, f"no ES at {frame}: {person.text('status')}")
    person.press("remove")
    check(person.rows == before, f"{person.rows} is left")
    person.press("undo")
    check(("ES", frame) in person.rows, "Undo did not bring the keyframe back")
    person.press("undo")
    check(person.rows == before, "Undo, again, did not take it away")
