"""Loading files: names of all kinds, what is no loop, the person's own loops, several loops in one scene."""

from __future__ import annotations

import shutil

import slicer
from event_loop import let_work
from hands import descendants, type_text, value
from outcome import Skipped, check
from steps import step
from waves import write_wave


@step("load: a name with blanks and letters of other alphabets")
def _(person):
    person.clear()
    path = person.files / "Übung échо 心臓 mit Leerstelle.dcm"
    shutil.copyfile(person.sample, path)
    told = person.load(path)
    check(person.rows, person.text("status"))
    return told


@step("load: a warm worker")
def _(person):
    person.with_sample()
    again = person.load(person.sample)
    check(person.shown_in(person.loop_view) is person.volume, "no view shows the loop that was loaded")
    return again


@step("load: 64 frames of 600 x 800, to the first picture and to the last")
def _(person):
    person.with_sample()
    path, before = write_wave(person.files / "large loop.mha", 64, 600, 800), person.volume
    person.type_path(path)
    first = person.timed("loading 64 large frames, to the first picture", lambda: person.press("load"),
                         lambda: person.shown_in(person.loop_view) not in (None, before))  # fmt: skip
    rest = person.timed("loading the other 63", lambda: None, lambda: person.sequence.GetNumberOfDataNodes() == 64)
    person.settle()
    return f"{first}; {rest}"


@step("load: the file is offered again")
def _(person):
    person.with_sample()
    boxes = [child for child in descendants(person.control("file to load")) if child.inherits("QComboBox")]
    check(boxes, "the path box keeps no list")
    offered = [box.itemText(i) for box in boxes for i in range(value(box, "count"))]
    check(any(name.endswith(person.sample.name) for name in offered), "the last file is not in the box's list")


@step("load: a file that is missing is one line")
def _(person):
    person.open_module()
    before = len(slicer.util.getNodesByClass("vtkMRMLSequenceNode"))
    type_text(person.control("file to load"), str(person.files / "nowhere.dcm"))
    person.press("load")
    person.settle()
    check("nowhere.dcm" in person.text("status"), f"the panel says: {person.text('status')}")
    check(len(slicer.util.getNodesByClass("vtkMRMLSequenceNode")) == before, "something was added to the scene")
    return person.text("status")


@step("load: a file that is no loop is one line")
def _(person):
    person.open_module()
    path = person.files / "no loop.dcm"
    path.write_bytes(b"this is no loop" * 400)
    type_text(person.control("file to load"), str(path))
    person.press("load")
    person.settle()
    check("no loop.dcm" in person.text("status"), f"the panel says: {person.text('status')}")
    return person.text("status")


@step("load: loops of your own")
def _(person):
    if not person.frames:
        raise Skipped("none were given with --frames")
    person.clear()
    told = []
    for path in person.frames:
        told.append(person.load(path, 300))
        check(person.rows, f"{path.name}: {person.text('status')}")
        told.append(f"{len(person.rows)} keyframes")
    return "; ".join(told)


@step("two loops: the one that is chosen is shown, and played by the toolbar")
def _(person):
    person.with_two_loops()
    first, second = person.loops
    for loop in (first, second, first):
        person.choose("loop", loop.GetName())
        let_work(0.2)
        check(person.sequence is loop, f"{loop.GetName()} was not chosen")
        check(person.shown_in(person.loop_view) is person.volume, f"no view shows {loop.GetName()}")
        bar = slicer.modules.sequences.toolBar()
        if hasattr(bar, "activeBrowserNode"):
            check(bar.activeBrowserNode() is person.browser, f"the toolbar does not play {loop.GetName()}")


@step("two loops: another loop leaves side by side")
def _(person):
    person.with_two_loops()
    person.press("side by side")
    other = next(loop for loop in person.loops if loop is not person.sequence)
    person.choose("loop", other.GetName())
    let_work(0.2)
    check(not person.in_layout("side by side"), "a running loop would stand under the titles ED and ES")
    check(person.shown_in(person.loop_view) is person.volume, "no view shows the loop that was chosen")


@step("two loops: a step shows the loop that it moves")
def _(person):
    person.with_two_loops()
    person.show_elsewhere(next(loop for loop in person.loops if loop is not person.sequence))
    person.press("next ED" if person.frame == 0 else "previous ES")
    let_work(0.2)
    check(person.shown_in(person.loop_view) is person.volume, "a loop was moved that no view shows")
