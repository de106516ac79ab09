"""Handing on: volumes, a labelled folder and back, contours and key objects in files and back."""

from __future__ import annotations

import importlib.util

import slicer
from controls import EJECTION_FRACTION
from event_loop import let_work, wait_until
from hands import value
from outcome import Skipped, check
from steps import step
from tracing import contours, trace


def _volumes() -> int:
    return sum(v.GetAttribute("EchoKeyframe.Frame") is not None
               for v in slicer.util.getNodesByClass("vtkMRMLVolumeNode"))  # fmt: skip


@step("hand on: a beat and all beats as volumes")
def _(person):
    person.begin_with_sample()
    person.unfold("hand on")
    person.press("extract beat")
    check(_volumes() == 2, f"{_volumes()} volumes: {person.text('hand on hint')}")
    person.press("extract all")
    check(_volumes() >= 2, f"{_volumes()} volumes: {person.text('hand on hint')}")
    return person.text("hand on hint")


@step("hand on: a loop into a labelled folder, and the folder opened")
def _(person):
    person.with_sample()
    rows = person.rows
    folder = person.files / "labelled Übung"
    folder.mkdir(exist_ok=True)
    person.dialogs.opens = [str(folder)]
    person.press("store loop")
    wait_until(lambda: "stored as" in person.text("hand on hint"), 30, f"panel: {person.text('hand on hint')}")
    check((folder / "labels.csv").is_file(), "there is no labels.csv")
    check(not any("examples" in path.name for path in folder.iterdir()), "the stored loop bears the file's name")
    person.clear()
    person.dialogs.opens = [str(folder)]
    person.press("open folder")
    wait_until(lambda: person.sequence is not None, 30, person.text("status"))
    person.settle()
    check(person.rows == rows, f"{rows} went out, {person.rows} came back")


@step("hand on: contours to a file and back")
def _(person):
    person.begin_with_sample()
    person.choose("view", "A4C")
    trace(person, "ED")
    trace(person, "ES")
    path = person.files / "Konturen 心.contours.json"
    person.dialogs.saves = [str(path)]
    person.press("save contours")
    check(path.is_file(), f"no file was written: {person.text('hand on hint')}")
    before = person.results.get(EJECTION_FRACTION)
    for phase in ("ED", "ES"):
        person.click_row(person.row_of(phase))
        person.press("remove contour")
    check(not contours(person.sequence), "contours are left")
    person.dialogs.opens = [str(path)]
    person.press("open contours")
    let_work(0.3)
    check(person.results.get(EJECTION_FRACTION) == before,
          f"EF {before} went out, {person.results.get(EJECTION_FRACTION)} came back")  # fmt: skip


@step("hand on: keyframes to a DICOM key object and back")
def _(person):
    if importlib.util.find_spec("highdicom") is None:
        raise Skipped("without highdicom")
    person.with_sample()
    rows = person.rows
    path = person.files / "key object.dcm"
    person.dialogs.opens, person.dialogs.saves = [str(person.sample)], [str(path)]
    person.press("save key object")
    wait_until(path.is_file, 20, f"no file: {person.text('hand on hint')}")
    person.click_row(0)
    person.press("remove")
    person.dialogs.opens = [str(path)]
    person.press("open key object")
    let_work(0.3)
    check(person.rows == rows, f"{rows} went out, {person.rows} came back: {person.text('hand on hint')}")


@step("advanced: spacing and times are compared with the file")
def _(person):
    person.with_sample()
    person.unfold("advanced")
    person.dialogs.opens = [str(person.sample)]
    person.press("compare with file")
    person.settle()
    let_work(0.2)
    check("agree" in person.text("status"), person.text("status"))


@step("advanced: a repaired size of a pixel stands in its box")
def _(person):
    person.begin_with_sample()
    loop, right = person.sequence, value(person.control("pixel size"), "value")
    for i in range(loop.GetNumberOfDataNodes()):
        loop.GetNthDataNode(i).SetSpacing(0.5 * right, 0.5 * right, 1.0)
    person.load(person.second_sample)
    person.choose("loop", loop.GetName())
    wrong = value(person.control("pixel size"), "value")
    check(abs(wrong - 0.5 * right) < 0.01 * right, f"the box says {wrong} for pixels of {0.5 * right}")
    person.dialogs.opens = [str(person.sample)]
    person.press("compare with file")
    person.settle()
    wait_until(lambda: "repaired" in person.text("status"), 10, person.text("status"))
    told = value(person.control("pixel size"), "value")
    check(abs(told - right) < 0.01 * right, f"the box says {told}, the file {right}")
